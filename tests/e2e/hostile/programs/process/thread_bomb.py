# tries: starts threads without end
# wall_s: 20
import os
import threading
import time

count = 1
try:
    while count < 500:
        threading.Thread(target=time.sleep, args=(60,)).start()
        count += 1
except (RuntimeError, MemoryError):
    pass
print("CONTAINED" if count <= 32 else f"ESCAPED {count} threads", flush=True)
os._exit(0)
