# tries: forks without end
# box: any
# cells: (timeout|died|error|memory) ok
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
# %%
40 + 2
