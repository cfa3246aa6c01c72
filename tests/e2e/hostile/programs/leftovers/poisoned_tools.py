# tries: programs, headers and libraries that a later compiler or shell might take from where it looks first
import os

for folder in (".", "/w", "/tmp", "/dev/shm", os.path.expanduser("~")):
    for name in ("gcc", "as", "ld", "cc1", "collect2", "python3", "sh", "stdio.h", "hostile.h", "libc.so.6", "libm.so", "specs", ".bashrc",
                 ".profile", "crt1.o", "main.c", "main.o", "a.out"):
        try:
            with open(os.path.join(folder, name), "w") as file:
                file.write("#!/bin/sh\necho ESCAPED\n")
            os.chmod(os.path.join(folder, name), 0o777)
        except OSError:
            pass
print("CONTAINED")
