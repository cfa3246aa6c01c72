# tries: descriptors that the pristine interpreter holds
import os

from hostile import escaped, finish

for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    if int(name) > 2 and "/proc/" not in target:
        escaped(f"{name}: {target}")
for name in ("0", "1", "2"):
    if "pipe:" in os.readlink(f"/proc/self/fd/{name}") or "socket:" in os.readlink(f"/proc/self/fd/{name}"):
        escaped(f"{name} is shared with somebody")
finish()
