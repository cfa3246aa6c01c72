# tries: changes mode and owner of the directories that all programs share
import os

for folder in ("/w", "/tmp", "/dev/shm"):
    for mode in (0, 0o777, 0o700, 0o1000):
        try:
            os.chmod(folder, mode)
        except OSError:
            pass
    try:
        os.chown(folder, os.getuid(), os.getgid())
    except OSError:
        pass
    try:
        os.rename(folder, folder + "2")
    except OSError:
        pass
print("CONTAINED")
