# tries: sleeps on beyond the wall-clock limit; what it printed before is kept
# wall_s: 0.6
# accept: wall_time
# expect: \Abefore\n\Z
import time

print("before", flush=True)
while True:
    try:
        time.sleep(60)
    except BaseException:
        pass
