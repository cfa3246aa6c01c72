# tries: named pipes and sockets where files are expected, with processes that wait in them
import os
import socket
import time

listeners = []
for folder in (".", "/tmp", "/dev/shm", "/w"):
    os.mkfifo(f"{folder}/pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/socket")
    listener.listen()
    listeners.append(listener)
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0left-behind")
abstract.listen()
for name in ("main", "main.pyc", "output"):
    os.mkfifo(name)
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        open("/tmp/pipe").read()
        time.sleep(60)
        os._exit(0)
print("CONTAINED", flush=True)
os._exit(0)
