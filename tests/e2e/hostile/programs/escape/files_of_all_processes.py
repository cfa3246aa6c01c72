# tries: memory, descriptors and environment of every process that is not its own
import os

from hostile import finish, read, refused, write

for name in os.listdir("/proc"):
    if not name.isdigit() or int(name) == os.getpid():
        continue
    for what in ("mem", "environ", "maps", "auxv", "fd/0", "fd/1", "fd/3", "exe", "root/bin/sh"):
        refused(f"read /proc/{name}/{what}", read, f"/proc/{name}/{what}")
    refused(f"write /proc/{name}/mem", write, f"/proc/{name}/mem", b"x")
    refused(f"list descriptors of {name}", os.listdir, f"/proc/{name}/fd")
finish()
