# tries: overwrites its own source and leaves byte code, for the next run of the same program
# runs: 3
import os

if os.path.exists("seen") or os.path.exists("__pycache__"):
    print("ESCAPED a file of the run before")
open("seen", "w").close()
os.makedirs("__pycache__")
os.remove("main.py")
with open("main.py", "w") as file:
    file.write("print('ESCAPED')")
print("CONTAINED")
