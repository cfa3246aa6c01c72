# tries: writes to standard error without end
# cpu_s: 3
# wall_s: 20
# file_size_mb: 4
# accept: output, exit
import sys

while True:
    sys.stderr.write("e" * 100000)
