# tries: sends every signal to everybody it may
import os
import signal

ignored = set()
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
        ignored.add(number)
    except (OSError, ValueError):
        pass
for number in range(1, 65):
    for target in (-1, 0) if number in ignored else (-1,):
        try:
            os.kill(target, number)
        except OSError:
            pass
print("CONTAINED")
