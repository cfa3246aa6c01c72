# tries: leaves its cgroup, makes one of its own, lifts its limits, sets a release agent
import os

from hostile import finish, refused, write

for folder, _, files in os.walk("/sys/fs/cgroup"):
    refused(f"mkdir in {folder}", os.mkdir, f"{folder}/mine")
    for name in ("cgroup.procs", "tasks", "release_agent", "notify_on_release", "memory.limit_in_bytes", "memory.max", "pids.max", "cpu.max",
                 "cpu.cfs_quota_us", "memory.oom_control", "cgroup.kill", "cgroup.freeze", "memory.max_usage_in_bytes", "devices.allow"):
        if name in files:
            refused(f"write {folder}/{name}", write, f"{folder}/{name}", b"0\n")
    if folder.count("/") > 6:
        break
finish()
