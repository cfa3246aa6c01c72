# tries: stops the process that watches its limits, then computes without end
# box: any
# backends: local
# cells: (died|timeout|ok|error) ok
import os, signal
os.kill(os.getppid(), signal.SIGSTOP)
while True:
    pass
# %%
40 + 2
