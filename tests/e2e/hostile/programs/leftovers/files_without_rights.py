# tries: files and directories that nobody may read, write or enter, under names of full length
import os

for folder in (".", "/tmp", "/w", "/dev/shm"):
    for number in range(40):
        name = f"{folder}/{number:03}" + "n" * 250
        try:
            if number % 2:
                os.mkdir(name)
                open(f"{name}/inner", "w").close()
                os.mkdir(f"{name}/folder")
                os.chmod(f"{name}/folder", 0)
            else:
                open(name, "w").close()
            os.chmod(name, 0)
        except OSError:
            pass
print("CONTAINED")
