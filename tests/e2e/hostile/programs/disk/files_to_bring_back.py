# tries: links, pipes, devices, directories, and files too large, where the service asks for a file
# keep: good link pipe folder large sparse socket linked/passwd linked/environ up/main.py missing closed/file hard deep/er/file own
# expect: \ACONTAINED\ndeep/er/file=b'deep'\ngood=b'good'\nhard=b'good'\nown=b'own'\n\Z
import os
import socket

with open("good", "w") as file:
    file.write("good")
os.symlink("/etc/passwd", "link")
os.mkfifo("pipe")
os.mkdir("folder")
with open("large", "w") as file:
    file.write("x" * 1001)
with open("sparse", "w") as file:
    file.truncate(30 << 20)
listener = socket.socket(socket.AF_UNIX)
listener.bind("socket")
os.symlink("/etc", "linked")
os.symlink("..", "up")
os.mkdir("closed")
open("closed/file", "w").close()
os.chmod("closed", 0)
os.link("good", "hard")
os.makedirs("deep/er")
with open("deep/er/file", "w") as file:
    file.write("deep")
with open("own", "w") as file:
    file.write("own")
print("CONTAINED")
