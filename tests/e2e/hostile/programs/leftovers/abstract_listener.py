# tries: a daemon that listens on an abstract name for the next program
import os
import socket

for number in range(3):
    if os.fork() == 0:
        os.setsid()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"\0trap{number}")
        listener.listen()
        while True:
            listener.accept()
print("CONTAINED", flush=True)
os._exit(0)
