# tries: searches its own memory for what an earlier program in this box was given
# victim: yes
# cpu_s: 3
import re

from hostile import escaped, finish

pattern = re.compile(b"SOLVENT" + b"-MARKER-" + b"[0-9a-f]{32}")
with open("/proc/self/mem", "rb", 0) as memory:
    for line in open("/proc/self/maps"):
        span, rights, *rest = line.split()
        if "r" not in rights or rest[-1] in ("[vvar]", "[vsyscall]") or rest[-1].startswith("[vvar"):
            continue
        start, end = (int(part, 16) for part in span.split("-"))
        while start < end:
            try:
                memory.seek(start)
                data = memory.read(min(end - start, 1 << 22))
            except (OSError, ValueError, OverflowError):
                break
            if not data:
                break
            match = pattern.search(data)
            if match:
                escaped(f"{match[0]} in {line}")
                break
            start += len(data)
finish()
