# tries: everything under /proc/1 that tells or changes what the supervisor does
from hostile import finish, read, refused, write
import os

for name in ("environ", "mem", "maps", "smaps", "pagemap", "auxv", "stack", "syscall", "io", "personality", "map_files", "numa_maps",
             "fdinfo/0", "fd/0", "fd/1", "fd/2", "fd/3", "exe", "root/bin/sh", "cwd/bin"):
    refused(f"read /proc/1/{name}", read, f"/proc/1/{name}")
for name in ("fd", "map_files", "fdinfo"):
    refused(f"list /proc/1/{name}", os.listdir, f"/proc/1/{name}")
for name in ("exe", "cwd", "root", "ns/mnt", "ns/pid", "fd/0"):
    refused(f"link /proc/1/{name}", os.readlink, f"/proc/1/{name}")
for name, data in {"mem": b"x", "oom_score_adj": b"1000", "comm": b"x", "clear_refs": b"1", "coredump_filter": b"0", "timerslack_ns": b"1",
                   "sched": b"0", "autogroup": b"19", "uid_map": b"0 0 1", "gid_map": b"0 0 1", "setgroups": b"deny", "loginuid": b"0",
                   "attr/current": b"x", "fd/0": b"x", "fd/1": b"SLV2"}.items():
    refused(f"write /proc/1/{name}", write, f"/proc/1/{name}", data)
for name in ("1/task/1/mem", "1/task/1/environ", "1/task/1/fd/0", "1/task/1/maps"):
    refused(f"read /proc/{name}", read, f"/proc/{name}")
finish()
