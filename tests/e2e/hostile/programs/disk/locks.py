# alone: yes
# tries: leaves processes that hold locks on files which all programs share
import fcntl
import os
import sys
import time

for path in (sys.executable, "/usr/bin/python3", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/gcc", "/bin/sh", "/dev/null"):
    if os.fork() == 0:
        os.setsid()
        try:
            file = open(path, "rb")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass
        time.sleep(60)
        os._exit(0)
time.sleep(0.05)
print("CONTAINED", flush=True)
os._exit(0)
