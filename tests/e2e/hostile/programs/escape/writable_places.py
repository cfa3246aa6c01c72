# tries: finds a place to write to beside the three that it has
import os

from hostile import escaped, finish

for top, folders, files in os.walk("/"):
    if top.startswith(("/proc", "/sys", "/w", "/tmp", "/dev/shm", "/dev/pts", "/dev/fd")) or top.count("/") > 3:
        folders.clear()
        continue
    path = os.path.join(top, ".written")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        escaped(path)
    except OSError:
        pass
    for name in files if not top.startswith("/dev") else ():
        path = os.path.join(top, name)
        if os.access(path, os.W_OK) and not os.path.islink(path):
            escaped(path)
finish()
