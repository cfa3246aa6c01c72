# tries: a double fork into a session of its own that ignores signals and goes on writing
import os
import signal
import sys

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            for folder in (".", "/tmp", "/dev/shm", "/w"):
                try:
                    with open(folder + "/daemon", "a") as file:
                        file.write("alive")
                except OSError:
                    pass
    os._exit(0)
os.wait()
print("CONTAINED")
