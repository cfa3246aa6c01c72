# tries: searches all objects, frames and modules of its interpreter for an earlier program or for the supervisor
# victim: yes
# cpu_s: 3
import gc
import io
import sys

from hostile import escaped, finish

wanted = "SOLVENT" + "-MARKER-"
seen = set()
work = [gc.get_objects(), sys.modules, sys._current_frames()]
while work:
    thing = work.pop()
    if id(thing) in seen:
        continue
    seen.add(id(thing))
    if isinstance(thing, (str, bytes)):
        text = thing if isinstance(thing, str) else thing.decode("latin-1")
        if wanted in text and len(text) > len(wanted) + 16:
            escaped(text[:100])
        continue
    work.extend(gc.get_referents(thing))
frame = sys._getframe()
while frame.f_back is not None:
    frame = frame.f_back
    # What started the program may be there, but then it knows nothing and holds nothing.
    if not frame.f_code.co_filename.startswith("/solvent/"):
        escaped(f"a frame above the program's: {frame.f_code.co_filename}:{frame.f_code.co_name}")
    for name, value in frame.f_locals.items():
        if isinstance(value, io.IOBase) or isinstance(value, bytes) and b"SLV" in value:
            escaped(f"{name} of {frame.f_code.co_name}: {value!r}")
for name, module in list(sys.modules.items()):
    if "supervisor" in name or "zygote" in name or "solvent" in name:
        escaped(f"module {name}")
finish()
