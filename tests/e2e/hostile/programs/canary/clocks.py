# tries: legitimate: all clocks
# cpu_s: 2
# expect: \ATrue True True True\n\Z
import time

start, cpu = time.perf_counter(), time.process_time()
time.sleep(0.05)
sum(range(300000))
passed = time.perf_counter() - start
print(passed >= 0.05, time.process_time() - cpu < 1, time.time() > 1.7e9, time.monotonic() > 0)
