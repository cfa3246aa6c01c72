# tries: kills all process groups that it can name
import os
import signal

for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGKILL):
    for group in range(1, 400):
        if group != os.getpgrp():
            try:
                os.killpg(group, number)
            except OSError:
                pass
print("CONTAINED")
