# tries: finds any socket in the file system
import os
import stat

from hostile import escaped, finish

for top in ("/run", "/var", "/dev", "/tmp", "/etc", "/opt", "/srv", "/mnt", "/home", "/root"):
    for folder, _, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            try:
                if stat.S_ISSOCK(os.lstat(path).st_mode):
                    escaped(path)
            except OSError:
                pass
finish()
