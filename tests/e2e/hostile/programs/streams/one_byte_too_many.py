# tries: prints one byte more than is allowed
# output_bytes: 100000
# accept: output
# stdout_size: 100000
import sys

sys.stdout.write("0123456789" * 10000 + "x")
