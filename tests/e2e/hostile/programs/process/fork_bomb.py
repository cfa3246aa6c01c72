# tries: forks without end from every process
# cpu_s: 0.4
# wall_s: 3
# accept: cpu_time, wall_time, memory
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
