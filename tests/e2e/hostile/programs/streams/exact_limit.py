# tries: prints exactly as much as is allowed, in many small pieces
# output_bytes: 100000
# expect: \A(0123456789){10000}\Z
import sys

for _ in range(10000):
    sys.stdout.write("0123456789")
    sys.stdout.flush()
