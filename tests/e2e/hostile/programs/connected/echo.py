# tries: legitimate: answers line by line
# connected: yes
# stdin_repeat: 20000 ping\n
# cpu_s: 3
# wall_s: 20
# output_bytes: 1000000
# stdout_size: 100000
# expect: \A(pong\n)+\Z
import sys

for line in sys.stdin:
    print(line.strip().replace("i", "o"))
