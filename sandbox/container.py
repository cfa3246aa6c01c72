"""The container of a box: what the Docker backend asks the engine for, and all that the engine's proxy lets through."""

from __future__ import annotations

import re
from typing import Any

from solvent.sandbox.layout import INODES, SHM_INODES, SHM_MB, SUPERVISOR, TMP_MB, WORK_MB

LABEL = "org.solvent.sandbox"
OWNER_LABEL = "org.solvent.sandbox.owner"
"""`MACHINE:PID:START` of the process that made the container: see `engine.owner`."""
NAME = re.compile(r"solvent-\d{1,10}-[0-9a-f]{12}")

_PROCESSES = 320


def container_options(memory_mb: int, owner: str, runtime: str | None) -> dict[str, Any]:
    """Return the options of a container: no network, no capability but the two that change uids, no volume.

    Returns:
        `host`, for `docker.types.HostConfig`, and `container`, for `docker.types.ContainerConfig`.
    """
    memory = memory_mb << 20
    tmpfs = {
        "/w": f"rw,nosuid,nodev,exec,size={WORK_MB}m,nr_inodes={INODES},mode=1777",
        "/tmp": f"rw,nosuid,nodev,noexec,size={TMP_MB}m,nr_inodes={INODES},mode=1777",  # noqa: S108  in the box
        "/dev/shm": f"rw,nosuid,nodev,noexec,size={SHM_MB}m,nr_inodes={SHM_INODES},mode=1777",  # noqa: S108
    }
    host = {
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["SETUID", "SETGID"],
        # The engine's default seccomp profile stays in force; the supervisor adds our filter to every program.
        "security_opt": ["no-new-privileges"],
        "pids_limit": _PROCESSES,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": 1_000_000_000,
        "ipc_mode": "none",
        "tmpfs": tmpfs,
        "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "log_config": {"Type": "none", "Config": {}},
        "auto_remove": True,
        "runtime": runtime,
    }
    container = {
        "command": [SUPERVISOR],
        "entrypoint": [],
        "environment": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        "user": "0:0",
        "working_dir": "/",
        "hostname": "box",
        "labels": {LABEL: "1", OWNER_LABEL: owner},
        "stdin_open": True,
        "tty": False,
        "network_disabled": True,
        "healthcheck": {"test": ["NONE"]},
    }
    return {"host": host, "container": container}
