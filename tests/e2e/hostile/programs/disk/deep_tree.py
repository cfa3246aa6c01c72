# tries: directories in directories, thousands deep
# cpu_s: 2
# box: any
import os

depth = 0
try:
    while depth < 3000:
        os.mkdir("d")
        os.chdir("d")
        depth += 1
except OSError:
    pass
open("bottom", "w").close()
print("CONTAINED")
