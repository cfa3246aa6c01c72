# tries: leaves files and processes for the session after this one
# box: any
# cells: ok ok
import os, subprocess
for folder in (".", "/tmp", "/dev/shm", "/w"):
    for name in ("json.py", "solvent_worker.py", "solvent_files.py", "left"):
        try:
            open(f"{folder}/{name}", "w").write("print('ESCAPED')")
        except OSError:
            pass
subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
None
# %%
40 + 2
