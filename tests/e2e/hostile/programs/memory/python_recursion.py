# tries: recursion without end and without Python's own limit
# memory_mb: 128
# accept: signal, memory, exit
import sys

sys.setrecursionlimit(10**9)


def deeper(n):
    return deeper(n + 1) + 1


print("ESCAPED", deeper(0))
