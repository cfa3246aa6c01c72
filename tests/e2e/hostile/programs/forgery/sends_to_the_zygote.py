# tries: asks the pristine interpreter to run something, by every local socket and pipe that it can reach
import os
import socket

from hostile import finish, refused

for name in ("\0zygote", "\0supervisor", "/solvent/socket", "/run/zygote", "/tmp/zygote"):
    refused(name, socket.socket(socket.AF_UNIX).connect, name)
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        for descriptor in range(0, 12):
            refused(f"{name}/{descriptor}", os.open, f"/proc/{name}/fd/{descriptor}", os.O_RDWR)
        refused(f"kill {name}", os.kill, int(name), 0) if os.stat(f"/proc/{name}").st_uid != os.getuid() else None
finish()
