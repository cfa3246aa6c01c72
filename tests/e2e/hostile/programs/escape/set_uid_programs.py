# tries: programs that run as root by their set-uid bit
import glob
import os
import stat
import subprocess

from hostile import escaped, finish

found = []
for folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/lib/dbus-1.0"):
    for path in glob.glob(folder + "/*"):
        try:
            if os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID):
                found.append(path)
        except OSError:
            pass
for path in found[:20]:
    try:
        child = subprocess.Popen([path, "-c", "id -u"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        status = open(f"/proc/{child.pid}/status").read()
        if "Uid:\t" in status and int(status.split("Uid:")[1].split()[1]) == 0:
            escaped(f"{path} runs as root")
        if child.communicate(timeout=2)[0].strip() == b"0":
            escaped(f"{path} gave a root shell")
    except (OSError, subprocess.TimeoutExpired):
        pass
finish()
