# tries: takes no input while much is sent
# connected: yes
# stdin_repeat: 3000000 x
# wall_s: 0.8
# accept: wall_time
# expect: \Awaiting\n\Z
import time

print("waiting", flush=True)
time.sleep(60)
