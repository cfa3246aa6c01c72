# tries: leaves shared memory and semaphores of multiprocessing
import os
from multiprocessing import resource_tracker, shared_memory

for number in range(20):
    block = shared_memory.SharedMemory(create=True, size=100_000, name=f"left{number}")
    resource_tracker.unregister(block._name, "shared_memory")
    block.buf[:5] = b"hello"
print("CONTAINED", flush=True)
os._exit(0)
