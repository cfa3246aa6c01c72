# tries: file names with line ends, bytes that are no text, dashes, dots, and of full length
import os

names = [b"-rf", b"...", b"..\\", b" ", b"\n", b"a\nb\n/etc/passwd", b"\xff\xfe\xfd", b"x" * 255, b"\x01\x02\x1b[2J", b"*",
         b"$(reboot)", b"`id`", b";", b"'", b'"', b"\\", "\u202e".encode(), "\U0001f4a9".encode() * 60, b".swept1", b".swept2"]
for folder in (b".", b"/tmp", b"/dev/shm", b"/w"):
    for number, name in enumerate(names):
        path = folder + b"/" + name
        try:
            if number % 3 == 0:
                os.mkdir(path)
                os.mkdir(path + b"/" + name)
                os.chmod(path, 0)
            elif number % 3 == 1:
                os.symlink(b"/etc", path)
            else:
                open(path, "w").close()
        except OSError:
            pass
print("CONTAINED")
