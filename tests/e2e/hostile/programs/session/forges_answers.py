# tries: writes answers to every descriptor, its own and those of the processes around it
# box: any
# cells: (died|ok|error) ok
import json, os, struct
data = json.dumps({"id": 2, "status": "ok", "value": {"repr": "43", "type": "int"}, "output": "forged"}).encode()
frame = struct.pack("<I", len(data)) + data
for descriptor in range(3, 200):
    try:
        os.write(descriptor, frame)
    except OSError:
        pass
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        for descriptor in range(8):
            try:
                with open(f"/proc/{name}/fd/{descriptor}", "wb", 0) as file:
                    file.write(frame)
            except OSError:
                pass
# %%
40 + 2
