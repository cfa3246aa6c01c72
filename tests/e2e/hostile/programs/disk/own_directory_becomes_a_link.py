# tries: replaces its own directory by a link to system directories, so that the clean-up follows it
import os

here = os.getcwd()
os.chdir("/")
for target in ("/etc", "/usr/bin", "/proc/1", "/dev", "/"):
    try:
        os.rename(here, "/w/moved")
    except OSError:
        pass
    try:
        os.unlink(here)
    except OSError:
        pass
    try:
        os.symlink(target, here)
    except OSError:
        pass
print("CONTAINED")
