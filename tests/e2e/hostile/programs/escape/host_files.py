# tries: files of the host: a secret beside the service, keys, homes, shadow, sockets
# stdin: @SECRET_PATH@
import os
import sys

from hostile import finish, read, refused

paths = [sys.stdin.read().strip(), "/etc/shadow", "/etc/gshadow", "/root/.ssh/id_rsa", "/root/.bash_history", "/etc/ssh/ssh_host_rsa_key",
         "/var/lib/docker", "/proc/1/root/etc/shadow", "/host/etc/shadow", "/etc/sudoers", "/run/secrets", "/.dockerenv.secret"]
for path in paths:
    refused(f"read {path}", read, path)
    if path.startswith("/") and os.path.dirname(path) != "/etc":
        refused(f"read {path} by way of PID 1", read, "/proc/1/root" + path)
for folder in ("/root", "/proc/1/root", "/proc/1/cwd", "/var/lib/docker", os.path.dirname(paths[0])):
    refused(f"list {folder}", os.listdir, folder)
finish()
