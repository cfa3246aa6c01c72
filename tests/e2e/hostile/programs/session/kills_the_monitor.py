# tries: kills the process that runs its cells, and everybody else
# box: any
# cells: (died|ok|error) (died|ok|error) ok
import os, signal
os.kill(os.getppid(), signal.SIGKILL)
# %%
import os, signal
for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
    os.kill(-1, number)
# %%
40 + 2
