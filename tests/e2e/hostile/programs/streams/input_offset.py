# tries: leaves its input at the end, for the next program with the same input
# stdin_repeat: 5000 line\n
# runs: 3
# expect: \A5000 lines\n\Z
import os
import sys

print(len(sys.stdin.readlines()), "lines")
os.lseek(0, 0, os.SEEK_END)
