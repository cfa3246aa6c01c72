# tries: prints without end while the other side does not read
# connected: unread
# cpu_s: 3
# accept: output
# expect: \A\Z
import sys

while True:
    sys.stdout.write("x" * 10000)
