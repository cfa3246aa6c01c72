# tries: legitimate: the recursion limit raised to a million and used
# memory_mb: 256
# cpu_s: 3
# expect: \A100000\n\Z
import sys

sys.setrecursionlimit(10**6)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


print(depth(100000))
