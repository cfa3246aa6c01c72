# tries: maps its uid to root and takes groups, by the files of its own process
from hostile import finish, refused, write

for name, data in {"uid_map": b"0 0 1", "gid_map": b"0 0 1", "projid_map": b"0 0 1", "attr/current": b"unconfined",
                   "attr/exec": b"unconfined", "oom_adj": b"-17", "oom_score_adj": b"-500"}.items():
    refused(f"write /proc/self/{name}", write, f"/proc/self/{name}", data)
finish()
