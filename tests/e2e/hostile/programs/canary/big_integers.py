# tries: legitimate: integers of thousands of digits, printed
# cpu_s: 3
# expect: \A35661\n\Z
import math
import sys

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
print(len(str(math.factorial(10000))) + 1)
