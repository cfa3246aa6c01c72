# tries: makes the directories that later runs will want, as directories, files and links
# cpu_s: 2
import os
import re

own = os.path.basename(os.getcwd())
stem, number = re.fullmatch(r"(\D*)(\d*)", own).groups()
for step in range(1, 1500):
    path = f"/w/{stem}{int(number or 0) + step}"
    try:
        if step % 3 == 0:
            os.mkdir(path, 0o777)
        elif step % 3 == 1:
            os.symlink("/tmp", path)
        else:
            open(path, "w").close()
    except OSError:
        break
for uid in range(os.getuid() + 1, os.getuid() + 200):
    try:
        os.mkdir(f"/w/r{uid}")
    except OSError:
        break
print("CONTAINED")
