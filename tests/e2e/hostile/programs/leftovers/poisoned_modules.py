# tries: modules of the standard library's names wherever the next program might import from
import os

names = ["json.py", "heapq.py", "os.py", "random.py", "sitecustomize.py", "usercustomize.py", "socket.py", "threading.py", "fcntl.py",
         "poison.pth", "__init__.py", "main.pyc", "pyvenv.cfg"]
home = os.path.expanduser("~")
folders = [".", "..", "/w", "/tmp", "/dev/shm", home, f"{home}/.local/lib/python3.11/site-packages", "/tmp/__pycache__", "__pycache__",
           "/usr/local/lib/python3.11/dist-packages", "/tmp/python3.11/site-packages"]
for folder in folders:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        continue
    for name in names:
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write("import sys; print('ESCAPED: poisoned'); raise SystemExit\n")
        except OSError:
            pass
print("CONTAINED")
