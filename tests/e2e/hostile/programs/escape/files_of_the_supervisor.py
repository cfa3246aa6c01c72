# tries: replaces or changes the supervisor's own files
import os

from hostile import finish, refused, write

for path in ("/solvent/supervisor", "/solvent/zygote.so", "/solvent/zygote.py", "/usr/bin/python3", "/usr/lib/python3/dist-packages",
             "/usr/lib/python3.11/json/__init__.py", "/usr/lib/python3.11/__pycache__", "/etc/ld.so.preload", "/etc/passwd", "/usr/bin/gcc"):
    refused(f"write {path}", write, path, b"x")
    refused(f"rename {path}", os.rename, path, path + ".old")
    refused(f"unlink {path}", os.unlink, path)
    refused(f"chmod {path}", os.chmod, path, 0o777)
    refused(f"create beside {path}", os.open, path + ".new", os.O_CREAT | os.O_WRONLY)
finish()
