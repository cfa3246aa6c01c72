# tries: calls whatever the pristine interpreter has of its own in this process: its library, its command pipe, its main module
import ctypes
import sys

from hostile import escaped, finish

for line in open("/proc/self/maps"):
    if "/solvent/" in line and "w" in line.split()[1]:
        sys.stderr.write(line)
main = sys.modules["__main__"]
for name in list(vars(main)):
    if name.startswith("_solvent") or name in ("fork", "serve", "channel", "supervisor", "zygote"):
        escaped(f"name {name} in the main module")
library = ctypes.CDLL(None)
for name in ("solvent_fork", "serve", "zygote_fork", "become", "zygote_main"):
    try:
        getattr(library, name)
        escaped(f"function {name}")
    except AttributeError:
        pass
finish()
