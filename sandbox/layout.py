"""What every box has, whatever it is made of."""

from __future__ import annotations

import os

from solvent.sandbox import replies

SUPERVISOR = "/solvent/supervisor"
"""In every box, read-only."""
WORK_MB, TMP_MB, SHM_MB = 128, 64, 16
INODES, SHM_INODES = 4096, 512
WRITABLE = ("/w", "/tmp", "/dev/shm")  # noqa: S108  in the box
BOX_MARGIN_MB = 448
"""Memory of a box beyond its programs': full tmpfs, the contents that it keeps, the supervisor with one output."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def guarantees(ready: replies.Ready) -> dict[str, bool]:
    """Return the guarantees that follow from what a supervisor found."""
    cgroup = ready.cgroup != "none"
    return {
        "network_refused": True,
        "root_read_only": True,
        "system_calls_filtered": True,
        "memory_tree_limited": cgroup,
        "cpu_tree_counted": True,
        "oom_told_apart": cgroup,
        "uid_per_run": ready.uid_per_run,
        "inodes_limited": ready.inodes_limited,
    }
