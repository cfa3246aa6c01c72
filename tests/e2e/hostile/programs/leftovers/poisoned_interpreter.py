# tries: changes everything in its own interpreter that a later program might share: modules, builtins, path, limits, hooks
import builtins
import gc
import heapq
import json
import os
import random
import signal
import sys
import threading

sys.setrecursionlimit(50)
sys.path.insert(0, "/tmp")
sys.modules["json"] = None
json.dumps = lambda *a, **k: "ESCAPED"
heapq.heappop = lambda heap: 0
random.seed = None
os.environ["POISON"] = "1"
os.umask(0)
os.nice(5)
gc.disable()
threading.stack_size(32768)
sys.excepthook = lambda *a: print("ESCAPED")
sys.setswitchinterval(10)
for number in range(1, 30):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 30))
signal.setitimer(signal.ITIMER_VIRTUAL, 1000)
builtins.sorted = lambda *a, **k: []
print("CONTAINED")
builtins.print = lambda *a, **k: None
