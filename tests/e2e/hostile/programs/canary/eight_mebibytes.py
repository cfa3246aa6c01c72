# tries: legitimate: eight mebibytes in and out
# stdin_repeat: 1048576 abcdefg\n
# output_bytes: 8388608
# memory_mb: 128
# cpu_s: 3
# expect: \Aabcdefg\n
# stdout_size: 8388608
import sys

sys.stdout.buffer.write(sys.stdin.buffer.read())
