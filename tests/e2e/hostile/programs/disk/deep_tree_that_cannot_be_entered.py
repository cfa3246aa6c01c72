# tries: nested directories whose permissions are taken away afterwards
import os

start = os.getcwd()
for _ in range(40):
    os.mkdir("d")
    os.chdir("d")
    open("file", "w").close()
for _ in range(40):
    os.chdir("..")
    os.chmod("d", 0)
    os.chmod("d", 0o1)
assert os.getcwd() == start
os.chmod(".", 0)
print("CONTAINED")
