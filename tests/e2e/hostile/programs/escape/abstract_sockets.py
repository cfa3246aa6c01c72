# tries: sockets of the host by abstract and by path name
# stdin: @ABSTRACT@\n@SOCKET_PATH@\n
import socket
import sys

from hostile import escaped, finish, refused

abstract, path = sys.stdin.read().split()
names = ["\0" + abstract, path, "/proc/1/root" + path, "\0/containerd-shim", "/var/run/docker.sock", "/run/docker.sock",
         "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket", "/run/systemd/notify", "/run/systemd/journal/stdout", "/dev/log",
         "/var/run/nscd/socket", "/tmp/.X11-unix/X0", "\0/tmp/.X11-unix/X0"]
for name in names:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        refused(repr(name), socket.socket(socket.AF_UNIX, kind).connect, name)
for line in open("/proc/net/unix").read().splitlines()[1:]:
    if "@" in line.split()[-1]:
        escaped(f"visible: {line.split()[-1]}")
finish()
