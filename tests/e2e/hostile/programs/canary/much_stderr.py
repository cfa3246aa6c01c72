# tries: legitimate: two mebibytes on standard error
# cpu_s: 3
# expect: \Adone\n\Z
# stderr: \Afirst.*last\Z
import sys

sys.stderr.write("first" + "e" * (2 << 20) + "last")
print("done")
