# tries: prints without end
# accept: output
# expect: \Ax+\Z
# stdout_size: 65536
import sys

while True:
    sys.stdout.write("x" * 100000)
