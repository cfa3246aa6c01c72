# tries: a regular expression that backtracks for ever inside C code
# cpu_s: 0.3
# accept: cpu_time
import re

print("ESCAPED", re.match(r"(a+)+$", "a" * 60 + "b"))
