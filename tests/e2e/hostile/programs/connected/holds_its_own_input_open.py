# tries: opens the writing end of its own input, so that it never ends, and waits for the end
# connected: yes
# stdin: hello\n
# wall_s: 0.8
# accept: wall_time, ok
# expect: CONTAINED
import os
import sys

try:
    writer = os.open("/proc/self/fd/0", os.O_WRONLY)
except OSError:
    writer = None
print("CONTAINED", flush=True)
sys.stdin.read()
