# tries: legitimate: alarms, handlers, and a child that is interrupted
# expect: \Aalarm interrupted -15\n\Z
import os
import signal
import time

told = []
signal.signal(signal.SIGALRM, lambda *a: told.append("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.02)
while not told:
    time.sleep(0.005)
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)
except KeyboardInterrupt:
    told.append("interrupted")
pid = os.fork()
if pid == 0:
    signal.pause()
os.kill(pid, signal.SIGTERM)
print(*told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
