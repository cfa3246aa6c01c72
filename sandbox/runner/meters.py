"""CPU time and memory of everything in the box: from its cgroup (v1, v2), else summed over /proc."""

from __future__ import annotations

import os
import resource
from typing import NamedTuple, Protocol

ROOT = "/sys/fs/cgroup"
_UNLIMITED = 1 << 60
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Sample(NamedTuple):
    """What the box uses now."""

    cpu_s: float
    """Since the box began; only differences mean something."""
    memory_bytes: int
    """Anonymous and shared memory, without the page cache of files on disk."""
    oom_kills: int
    """Processes that the kernel killed so far because the box ran out of memory."""


class Meter(Protocol):
    """A way of measuring."""

    kind: str

    def sample(self) -> Sample:
        """Return what the box uses now."""
        ...


class CgroupMeter:
    """Reads the files of the box's own cgroup, which are mounted read-only. Files stay open: a reading is a `pread`."""

    def __init__(self, kind: str, cpu: str, memory: str, oom: str) -> None:
        self.kind = kind
        self._cpu, self._memory, self._oom = (os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in (cpu, memory, oom))
        self._fields = ("rss", "shmem") if kind == "v1" else ("anon", "shmem")

    def sample(self) -> Sample:
        """Return what the box uses now."""
        cpu = os.pread(self._cpu, 4096, 0)
        cpu_s = int(cpu) / 1e9 if self.kind == "v1" else _field(cpu, "usage_usec") / 1e6
        memory = os.pread(self._memory, 16384, 0)
        used = sum(_field(memory, name) for name in self._fields)
        return Sample(cpu_s, used, _field(os.pread(self._oom, 4096, 0), "oom_kill"))


class ProcessMeter:
    """Sums /proc over all processes in the box, and adds what reaped ones had used. Has no OOM counter."""

    kind = "none"

    def sample(self) -> Sample:
        """Return what the box uses now."""
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s, memory = reaped.ru_utime + reaped.ru_stime, 0
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                # Of the first process only what it used itself: its children are in `reaped`.
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                cpu_s += sum(int(ticks) for ticks in fields[11 : 13 if name == "1" else 15]) / _TICKS
                with open(f"/proc/{name}/statm", "rb") as file:
                    _, resident, shared = (int(pages) for pages in file.read().split()[:3])
                memory += (resident - shared) * _PAGE
            except OSError:
                continue
        return Sample(cpu_s, memory, 0)


def find_meter() -> Meter:
    """Return the best meter that this box has."""
    for cpu in ("cpuacct", "cpu,cpuacct", "cpu"):
        usage = f"{ROOT}/{cpu}/cpuacct.usage"
        if os.path.exists(usage) and _limited(f"{ROOT}/memory/memory.limit_in_bytes"):
            return CgroupMeter("v1", usage, f"{ROOT}/memory/memory.stat", f"{ROOT}/memory/memory.oom_control")
    # Without a limit this is not our own cgroup but one that holds other things too.
    if _limited(f"{ROOT}/memory.max"):
        return CgroupMeter("v2", f"{ROOT}/cpu.stat", f"{ROOT}/memory.stat", f"{ROOT}/memory.events")
    return ProcessMeter()


def own_memory_bytes() -> int:
    """Return the resident memory of this process."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * _PAGE


def _limited(path: str) -> bool:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return False
    return text.isdigit() and int(text) < _UNLIMITED


def _field(text: bytes, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(b" ")
        if key == name.encode():
            return int(value)
    return 0
