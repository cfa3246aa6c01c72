# tries: writes to files of /sys
import os

from hostile import escaped, finish

count = 0
for folder, folders, files in os.walk("/sys"):
    if folder.count("/") > 5:
        folders.clear()
    for name in files:
        path = os.path.join(folder, name)
        count += 1
        try:
            os.close(os.open(path, os.O_WRONLY))
        except OSError:
            continue
        escaped(path)
    if count > 20000:
        break
finish()
