# tries: legitimate: deep recursion in a thread with a large stack
# memory_mb: 256
# cpu_s: 3
# expect: \A50000\n\Z
import sys
import threading

sys.setrecursionlimit(1 << 20)
threading.stack_size(256 << 20)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


thread = threading.Thread(target=lambda: print(depth(50000)))
thread.start()
thread.join()
