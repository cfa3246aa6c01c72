# tries: a thread and a daemon that compute while no cell runs
# box: any
# cells: ok ok ok
import os, threading
def spin():
    while True:
        pass
threading.Thread(target=spin, daemon=True).start()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        spin()
# %%
import os
[name for name in os.listdir("/proc") if name.isdigit() and open(f"/proc/{name}/stat").read().split()[2] == "R"]
# %%
40 + 2
