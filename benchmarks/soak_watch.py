"""What a leak would show in: processes, memory, descriptors, threads, containers, disk; and whether it stays flat."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import statistics
import struct
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from solvent.sandbox import cgroups

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
_ENGINE = ("dockerd", "containerd")
"""Not their shims: those come and go with containers, others' too."""
_WARM_UP = 0.25
"""Of the samples, at the beginning: caches fill, allocators find their size."""


@dataclass(frozen=True)
class Sample:
    """One look at everything while no program runs. Memory in MiB."""

    programs: float
    """Programs that have run until now."""
    service_mb: float
    service_descriptors: float
    service_threads: float
    service_tasks: float
    boxes: float
    box_processes: float
    """In one box, on average."""
    box_mb: float
    """Of one box, on average."""
    foreign_processes: float
    """Processes that run as a uid of programs, anywhere on this machine below our boxes."""
    containers: float
    engine_mb: float
    engine_descriptors: float
    cgroups: float
    temporary_files: float
    disk_mb: float


LIMITS: dict[str, float] = {
    "service_mb": 24,
    "service_descriptors": 12,  # a burst may leave a few more connections in the pool to the engine
    "service_threads": 4,
    "service_tasks": 6,
    "boxes": 2,
    "box_processes": 1,
    "box_mb": 48,
    "foreign_processes": 0.5,
    "containers": 2,
    "engine_mb": 64,
    "engine_descriptors": 60,
    "cgroups": 3,
    "temporary_files": 2,
    "disk_mb": 2048,
}
"""How much a figure may grow from the samples after the warm-up to the last ones; the machine has other users."""


@dataclass(frozen=True)
class Trend:
    """How one figure went."""

    name: str
    first: float
    last: float
    per_10000: float
    """Slope of a straight line through the samples after the warm-up."""
    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it did not grow more than allowed."""
        return self.last - self.first <= self.allowed


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Return how each figure went; pure. `first` and `last` are medians of up to three samples."""
    settled = samples[int(len(samples) * _WARM_UP) :]
    width = max(1, min(3, len(settled) // 2))
    rows = [asdict(sample) for sample in settled]
    found = []
    for name, allowed in LIMITS.items():
        values = [row[name] for row in rows]
        slope = 0.0
        if len({row["programs"] for row in rows}) > 1:
            slope = statistics.linear_regression([row["programs"] for row in rows], values).slope * 10_000
        first, last = statistics.median(values[:width]), statistics.median(values[-width:])
        found.append(Trend(name, first, last, slope, allowed))
    return found


def take(programs: int, boxes: Sequence[int], containers: int) -> Sample:
    """Look at everything now.

    Args:
        programs: that have run.
        boxes: pid of the first process of each box, as seen from here.
        containers: that carry our label.
    """
    gc.collect()
    tree = _tree()
    inside = [list(_below(pid, tree)) for pid in boxes]
    engine = [pid for pid, (_, name) in tree.items() if name in _ENGINE] if containers else []
    return Sample(
        programs=programs,
        service_mb=_rss_mb(os.getpid()),
        service_descriptors=_descriptors(os.getpid()),
        service_threads=threading.active_count(),
        service_tasks=len(asyncio.all_tasks()),
        boxes=len(boxes),
        box_processes=_average([len(pids) for pids in inside]),
        box_mb=_average([_group_mb(pid, pids) for pid, pids in zip(boxes, inside, strict=True)]),
        foreign_processes=sum(_uid(pid) >= 100_000 for pids in inside for pid in pids),
        containers=containers,
        engine_mb=sum(_rss_mb(pid) for pid in engine),
        engine_descriptors=sum(_descriptors(pid) for pid in engine),
        cgroups=sum(owner == os.getpid() for owner, _ in cgroups.everyones()),
        temporary_files=sum(1 for _ in Path(tempfile.gettempdir()).iterdir()),
        disk_mb=_disk_mb(),
    )


def box_pids(backend: str) -> list[int]:
    """Return the pid of the first process of each of our boxes: containers' first processes, or bubblewrap's."""
    if backend == "docker":
        import docker

        client = docker.from_env()
        try:
            return [pid for one in own_containers(client) if (pid := int(one.attrs["State"]["Pid"]))]
        finally:
            client.close()
    tree = _tree()
    return [pid for pid, (parent, name) in tree.items() if parent == os.getpid() and name == "bwrap"]


def container_names() -> list[str]:
    """Return the names of this process's containers, running or not."""
    import docker

    client = docker.from_env()
    try:
        return [str(one.name) for one in own_containers(client)]
    finally:
        client.close()


def engine_pid() -> int | None:
    """Return the pid of the engine that listens at the socket of the docker client, if that is a local one."""
    path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return None
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0]) or None


def own_containers(client: Any) -> list[Any]:
    """Return the containers of this process, running or not."""
    from solvent.sandbox.container import LABEL, OWNER_LABEL

    found = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    return [one for one in found if one.labels.get(OWNER_LABEL, "").split(":")[1:2] == [str(os.getpid())]]


def _tree() -> dict[int, tuple[int, str]]:
    """Return parent and name of every process."""
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                text = (path / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            name = text[text.index("(") + 1 : text.rindex(")")]
            found[int(path.name)] = (int(text[text.rindex(")") + 2 :].split()[1]), name)
    return found


def _below(root: int, tree: dict[int, tuple[int, str]]) -> Iterator[int]:
    """Yield a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in tree.items():
        children.setdefault(parent, []).append(pid)
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def _group_mb(pid: int, pids: Sequence[int]) -> float:
    """Return the memory of a box: of its control group, else the resident memory of its processes."""
    try:
        lines = Path("/proc", str(pid), "cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            usage = cgroups.ROOT / "memory" / path.lstrip("/") / "memory.usage_in_bytes"
        elif not controllers:
            usage = cgroups.ROOT / path.lstrip("/") / "memory.current"
        else:
            continue
        if path != "/":
            with contextlib.suppress(OSError):
                return int(usage.read_text(encoding="ascii")) / (1 << 20)
    return sum(_rss_mb(one) for one in pids)


def _rss_mb(pid: int) -> float:
    try:
        return int(Path("/proc", str(pid), "statm").read_text(encoding="ascii").split()[1]) * _PAGE_MB
    except OSError:
        return 0.0


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path("/proc", str(pid), "fd").iterdir())
    except OSError:
        return 0


def _uid(pid: int) -> int:
    try:
        return Path("/proc", str(pid)).stat().st_uid
    except OSError:
        return 0


def _disk_mb() -> float:
    found = os.statvfs(tempfile.gettempdir())
    return (found.f_blocks - found.f_bfree) * found.f_frsize / (1 << 20)


def _average(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0
