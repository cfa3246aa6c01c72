"""A worker of the monitor: the process that runs the cells, and what can be known of it from outside."""

import contextlib
import ctypes
import os
import resource
import signal
import time
from typing import Any

import solvent_cells  # type: ignore[import-not-found]  # beside this file only in the box

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")
_ROUNDS = 50
_WAIT_S = 2.0


def close_to_children() -> None:
    """Let no process of the same user look into this one, and have orphans of its children become its own children."""
    library = ctypes.CDLL(None)
    if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 or library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("cannot set up the monitor's process")


class Worker:
    """The process of the cells, stopped while it has nothing to do.

    Args:
        limits: those of Cells; `data_bytes`, which it may allocate; `alone`: this user has no processes but ours.

    Attributes:
        cells, reports, output: this side's ends of its pipes, not blocking.
    """

    def __init__(self, limits: dict[str, int]) -> None:
        cells, self.cells = os.pipe()
        self.reports, reports = os.pipe()
        self.output, output = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(cells, reports, output, limits)
        for descriptor in (cells, reports, output):
            os.close(descriptor)
        for descriptor in (self.cells, self.reports, self.output):
            os.set_blocking(descriptor, False)
        self.wait_status: int | None = None
        self._alone = bool(limits["alone"])

    def signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        if self.wait_status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self) -> None:
        """Kill it and all that it has started."""
        self.signal(signal.SIGKILL)
        deadline = time.monotonic() + _WAIT_S
        while (left := descendants(ended=False)) and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.reap()
        self.reap()
        if descendants(ended=False) and self._alone:
            # Never the caller itself; all others of this user are of this run.
            with contextlib.suppress(OSError):
                os.kill(-1, signal.SIGKILL)
            time.sleep(0.01)
            self.reap()
        for descriptor in (self.cells, self.reports, self.output):
            os.close(descriptor)

    def reap(self) -> None:
        """Take note of ended children."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.wait_status = status

    def await_end(self, patience_s: float) -> None:
        """Wait for its end for so long at most."""
        deadline = time.monotonic() + patience_s
        self.reap()
        while self.wait_status is None and time.monotonic() < deadline:
            time.sleep(0.002)
            self.reap()

    def end_others(self) -> int:
        """Kill what the worker has started; return how many processes, or -1 if new ones keep coming."""
        killed: set[int] = set()
        for _ in range(_ROUNDS):
            others = [pid for pid in descendants(ended=False) if pid != self.pid]
            if not others:
                return len(killed)
            for pid in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            killed.update(others)
            time.sleep(0.002)
            self.reap()
            if self.wait_status is not None:
                return len(killed)
        return -1

    def how_it_ended(self) -> dict[str, int]:
        """Return `exit_code` or `signal`, or nothing if it runs."""
        if self.wait_status is None:
            return {}
        if os.WIFSIGNALED(self.wait_status):
            return {"signal": os.WTERMSIG(self.wait_status)}
        return {"exit_code": os.WEXITSTATUS(self.wait_status)}

    def memory_bytes(self) -> int:
        """Return its resident memory."""
        try:
            with open(f"/proc/{self.pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0


def descendants(*, ended: bool = True) -> dict[int, float]:
    """Return the CPU seconds of every process below this one, by its id; `ended`: also of those not yet reaped."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if not ended and fields[0] in (b"Z", b"X"):
            continue
        parents[int(name)] = int(fields[1])
        used[int(name)] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S
    below: dict[int, float] = {}
    own = {os.getpid()}
    while own:
        own = {pid for pid, parent in parents.items() if parent in own and pid not in below}
        below.update((pid, used[pid]) for pid in own)
    return below


def cpu_s() -> float:
    """Return the CPU seconds of all processes below this one, ended ones included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(descendants().values()) + ended.ru_utime + ended.ru_stime


def _become(cells: int, reports: int, output: int, limits: dict[str, Any]) -> None:
    status = 1
    try:
        os.setsid()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        first = 3
        for kept in sorted((cells, reports)):
            os.closerange(first, kept)
            first = kept + 1
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        # Its own allocations fail with MemoryError before the whole tree is over its limit and killed.
        resource.setrlimit(resource.RLIMIT_DATA, (limits["data_bytes"], limits["data_bytes"]))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        solvent_cells.serve(cells, reports, limits)
    finally:
        os._exit(status)
