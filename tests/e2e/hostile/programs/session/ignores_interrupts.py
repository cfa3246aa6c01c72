# tries: ignores the interrupt and computes on
# box: any
# cells: timeout ok
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
# %%
40 + 2
