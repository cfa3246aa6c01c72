"""One run of one program: start it, watch its limits, end it, and say how it ended."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from . import meters, sweep, system
from .child import File, Limits, Start, become, largest_file

_SETUP_TIMEOUT_S = 20.0
_FIRST_TICK_S, _TICK_S = 0.005, 0.02
_MOST_STARVED = 4
"""Wall-clock limits that waiting for a core may add."""
_SWEEPERS = 5
"""A program may kill its sweeper if it is quicker; so often we try before the box is given up."""
_EMPTY_TIMEOUT_S = 3.0


@dataclass
class Box:
    """What stays the same from run to run."""

    meter: meters.Meter
    seccomp_filter: bytes
    writable: tuple[str, ...]
    channel: tuple[int, int]
    first_uid: int | None
    """None: all programs have the supervisor's uid."""
    uids: int
    runs: int = 0


class FileToKeep(NamedTuple):
    """A file that the run leaves and the supervisor keeps."""

    name: str
    max_bytes: int


class Request(NamedTuple):
    """One run."""

    argv: list[str]
    environment: dict[str, str]
    files: list[tuple[str, int, int]]
    stdin: int
    limits: Limits
    keep: list[FileToKeep]
    merge: bool
    """Standard error goes where standard output goes (compilers)."""
    stderr_bytes: int


@dataclass
class Result:
    """What the run did."""

    report: dict[str, Any]
    stdout: bytes = b""
    stderr: bytes = b""
    kept: list[int | None] = field(default_factory=list)
    usable: bool = True
    """False: something of the run is left, or may be; this box must not run another program."""


@dataclass
class _Watched:
    """The running program."""

    pid: int
    pidfd: int | None
    start: Start
    wall_start: float
    base: meters.Sample
    own_cpu_s: float
    floor_bytes: int
    """Memory of this supervisor when it forked: the kernel starts the child's peak with it."""
    wait_status: int | None = None
    peak_bytes: int = 0
    max_rss_bytes: int = 0
    cpu_s: float = 0.0
    oom: bool = False
    starved_s: float = 0.0
    """Time in which the program could have run but no core was free for it; not counted as wall-clock time."""
    stopped_for: str | None = None
    """Limit for which we stopped it."""


def execute(box: Box, request: Request) -> Result:
    """Run the program and clean up after it. Never raises for anything that the program does."""
    if box.runs >= box.uids:
        return Result(_fault("all uids of this box are used up"), kept=[None] * len(request.keep), usable=False)
    uid = None if box.first_uid is None else box.first_uid + box.runs
    box.runs += 1
    stdout = system.memory_file("stdout")
    stderr = stdout if request.merge else system.memory_file("stderr")
    start = Start(
        argv=request.argv,
        environment={**request.environment, "HOME": f"/w/r{box.runs}", "PWD": f"/w/r{box.runs}"},
        files=[File(*entry) for entry in request.files],
        directory=f"/w/r{box.runs}",
        uid=uid,
        stdin=request.stdin,
        stdout=stdout,
        stderr=stderr,
        limits=request.limits,
        limit_data=box.meter.kind == "none",
        seccomp_filter=box.seccomp_filter,
        close=box.channel,
    )
    try:
        watched = _launch(box, start)
        if isinstance(watched, dict):
            # Nothing foreign has run, but the directory and its files may be there.
            _, problems = _clean(box, None, start, [])
            return Result(watched, kept=[None] * len(request.keep), usable=not problems)
        _watch(box, watched)
        wall_s = time.monotonic() - watched.wall_start
        targets = [os.memfd_create("kept", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) for _ in request.keep]
        keep = [
            sweep.Keep(entry.name, target, entry.max_bytes) for entry, target in zip(request.keep, targets, strict=True)
        ]
        swept, problems = _clean(box, watched, start, keep)
        kept: list[int | None] = []
        for target, is_kept in zip(targets, swept, strict=True):
            if is_kept:
                system.seal(target)
            else:
                os.close(target)
            kept.append(target if is_kept else None)
        stdout_size = os.fstat(stdout).st_size
        stderr_size = 0 if request.merge else os.fstat(stderr).st_size
        report = _judge(watched, wall_s, stdout_size, stderr_size)
        report["problems"] = problems
        return Result(
            report,
            system.read_all(stdout, min(stdout_size, request.limits.output_bytes)),
            b"" if request.merge else _head_and_tail(stderr, stderr_size, request.stderr_bytes),
            kept,
            usable=not problems,
        )
    finally:
        os.close(stdout)
        if stderr != stdout:
            os.close(stderr)


def _launch(box: Box, start: Start) -> _Watched | dict[str, Any]:
    """Fork the program; return it once it executes, or the report of a fault."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    floor = meters.own_memory_bytes()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(reader)
        os.close(writer)
        return _fault(f"cannot fork: {error}")
    if pid == 0:
        become(start, writer)
    os.close(writer)
    poll = select.poll()
    poll.register(reader, select.POLLIN | select.POLLHUP)
    report = os.read(reader, 8192) if poll.poll(_SETUP_TIMEOUT_S * 1000) else b'{"step": "start", "error": "timed out"}'
    os.close(reader)
    if report:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        failure = json.loads(report)
        missing = failure["step"] == "execute" and failure.get("errno") == errno.ENOENT
        return {**_fault(f"{failure['step']}: {failure['error']}"), "missing": missing}
    pidfd: int | None = None
    # Some kernels (gVisor) have no pidfd; then every tick asks.
    with contextlib.suppress(OSError):
        pidfd = os.pidfd_open(pid)
    return _Watched(pid, pidfd, start, time.monotonic(), box.meter.sample(), time.process_time(), floor)


def _watch(box: Box, watched: _Watched) -> None:
    """Wait until the program ends or has to be stopped. The kill itself is the sweeper's."""
    poll = select.poll()
    poll.register(box.channel[0], select.POLLIN | select.POLLHUP)
    if watched.pidfd is not None:
        poll.register(watched.pidfd, select.POLLIN)
    began, tick = watched.wall_start, _FIRST_TICK_S
    limits = watched.start.limits
    try:
        while True:
            left = began + limits.wall_s + watched.starved_s - time.monotonic()
            events = poll.poll(max(0.0, min(tick, left)) * 1000)
            if any(descriptor == box.channel[0] for descriptor, _ in events):
                # Nobody waits for this run any more. PID 1 leaving takes every process of the box along.
                os._exit(0)
            _reap(watched)
            _measure(box, watched)
            if watched.wait_status is not None:
                return
            wall_s = time.monotonic() - began
            if wall_s > limits.wall_s:
                watched.starved_s = min(_starved_s(watched.pid), _MOST_STARVED * limits.wall_s)
            watched.stopped_for = _exceeded(watched, wall_s - watched.starved_s)
            if watched.stopped_for:
                return
            tick = min(_TICK_S, tick * 1.2)
    finally:
        if watched.pidfd is not None:
            os.close(watched.pidfd)
            watched.pidfd = None


def _starved_s(pid: int) -> float:
    """Return how long the process has waited for a core: a verdict must not depend on what else runs here."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _measure(box: Box, watched: _Watched) -> None:
    sample = box.meter.sample()
    watched.cpu_s = max(0.0, sample.cpu_s - watched.base.cpu_s - (time.process_time() - watched.own_cpu_s))
    # Its output lies in our own anonymous files: memory of the box, not of the program.
    output = sum(os.fstat(descriptor).st_blocks * 512 for descriptor in {watched.start.stdout, watched.start.stderr})
    watched.peak_bytes = max(watched.peak_bytes, sample.memory_bytes - watched.base.memory_bytes - output)
    watched.oom = watched.oom or sample.oom_kills > watched.base.oom_kills


def _exceeded(watched: _Watched, wall_s: float) -> str | None:
    limits = watched.start.limits
    if watched.oom or watched.peak_bytes > limits.memory_bytes:
        return "memory"
    if watched.cpu_s > limits.cpu_s:
        return "cpu_time"
    if os.fstat(watched.start.stdout).st_size > limits.output_bytes:
        return "output"
    return "wall_time" if wall_s > limits.wall_s else None


def _reap(watched: _Watched) -> bool:
    """Reap what has ended; tell whether any process is left."""
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        _count(watched, pid, status, usage.ru_maxrss * 1024)


def _count(watched: _Watched, pid: int, status: int, max_rss_bytes: int) -> None:
    if pid == watched.pid:
        watched.wait_status = status
    # Below the floor it says nothing: that is what the fork started with.
    if max_rss_bytes > watched.floor_bytes + (2 << 20):
        watched.max_rss_bytes = max(watched.max_rss_bytes, max_rss_bytes)


def _clean(box: Box, watched: _Watched | None, start: Start, keep: list[sweep.Keep]) -> tuple[list[bool], list[str]]:
    """Kill, bring back, wipe, reap; return which files were kept, and what is wrong with the box now."""
    report: sweep.Swept | None = None
    for _ in range(_SWEEPERS):
        sweeper, reader = sweep.sweep(start.uid, start.directory, box.writable, keep, box.channel)
        while True:
            pid, status, usage = os.wait4(-1, 0)
            if pid == sweeper:
                break
            if watched is not None:
                _count(watched, pid, status, usage.ru_maxrss * 1024)
        report = sweep.read_report(reader)
        if report is not None:
            break
    if report is None:
        return [False] * len(keep), ["the run's processes could not be killed"]
    problems = list(report.problems)
    deadline = time.monotonic() + _EMPTY_TIMEOUT_S
    while _any_left(watched):
        if time.monotonic() > deadline:
            problems.append("a process of the run did not end")
            break
        time.sleep(0.001)
    problems += [f"left behind: {what}" for what in sweep.leftovers(box.writable)]
    return report.kept, problems


def _any_left(watched: _Watched | None) -> bool:
    try:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    if pid and watched is not None:
        _count(watched, pid, status, usage.ru_maxrss * 1024)
    return True


def _judge(watched: _Watched, wall_s: float, stdout_size: int, stderr_size: int) -> dict[str, Any]:
    """Say how the run ended; the order of the rules is the order of the causes."""
    limits = watched.start.limits
    status = watched.wait_status if watched.wait_status is not None else 0
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    peak = max(watched.peak_bytes, watched.max_rss_bytes)
    if watched.stopped_for in ("cpu_time", "wall_time"):
        how = watched.stopped_for
    elif watched.cpu_s > limits.cpu_s:
        how = "cpu_time"
    elif watched.oom or peak > limits.memory_bytes:
        how = "memory"
    elif stdout_size > limits.output_bytes or stderr_size >= largest_file(limits):
        how = "output"
    elif number is not None:
        how = "signal"
    else:
        how = "ok" if code == 0 else "exit"
    stopped = watched.stopped_for is not None
    return {
        "status": how,
        "exit_code": None if stopped else code,
        "signal": None if stopped else number,
        "cpu_s": round(watched.cpu_s, 6),
        "wall_s": round(wall_s, 6),
        "peak_memory_bytes": peak or watched.floor_bytes,
        "stdout_size": stdout_size,
        "stderr_size": stderr_size,
        "fault": None,
        "problems": [],
    }


def _fault(what: str) -> dict[str, Any]:
    return {
        "status": "fault",
        "exit_code": None,
        "signal": None,
        "cpu_s": 0.0,
        "wall_s": 0.0,
        "peak_memory_bytes": None,
        "stdout_size": 0,
        "stderr_size": 0,
        "fault": what,
        "problems": [],
    }


def _head_and_tail(descriptor: int, size: int, most: int) -> bytes:
    """Return the content, or its first and last parts where it is longer than `most`."""
    if size <= most:
        return system.read_all(descriptor, size)
    head = most // 4
    gap = f"\n[... {size - most} bytes left out ...]\n".encode()
    tail = most - head - len(gap)
    return system.read_all(descriptor, head) + gap + system.read_all(descriptor, tail, size - tail)
