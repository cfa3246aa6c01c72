# tries: sees the service among the processes, by its pid or its name
# stdin: @SERVICE_PID@
import os
import sys

from hostile import escaped, finish

service = sys.stdin.read().strip()
for name in os.listdir("/proc"):
    if name.isdigit() and name not in ("1", str(os.getpid())):
        try:
            command = open(f"/proc/{name}/cmdline").read()
        except OSError:
            continue
        if "pytest" in command or "dockerd" in command:
            escaped(f"process {name}: {command}")
if int(service) > 400 and os.path.exists(f"/proc/{service}") and int(service) != os.getpid():
    escaped("the service's pid is visible")
finish()
