"""From the fork to the program: everything that is set in the child before it executes foreign code."""

from __future__ import annotations

import json
import os
import resource
import signal
from typing import NamedTuple, NoReturn

from . import system


class File(NamedTuple):
    """A file that the program finds in its directory."""

    name: str
    """Relative path, checked by `check_name`."""
    mode: int
    content: int
    """Descriptor of an anonymous file."""


class Limits(NamedTuple):
    """Limits of one run."""

    cpu_s: float
    wall_s: float
    memory_bytes: int
    output_bytes: int
    processes: int
    file_bytes: int


class Start(NamedTuple):
    """What is started and as whom."""

    argv: list[str]
    environment: dict[str, str]
    files: list[File]
    directory: str
    uid: int | None
    """None: keep the uid, since this box may not change it."""
    stdin: int
    stdout: int
    stderr: int
    limits: Limits
    limit_data: bool
    """Limit the data of each process too, where nothing limits the memory of all together."""
    seccomp_filter: bytes
    close: tuple[int, ...]
    """The supervisor's channel: closed first."""


def largest_file(limits: Limits) -> int:
    """Return the size that no file of a run can exceed, its output streams included."""
    return max(limits.file_bytes, limits.output_bytes + 4096)


def check_name(name: str) -> str:
    """Return `name` if it is a relative path of plain names.

    Raises:
        ValueError: it is not.
    """
    if not name or len(name) > 512 or any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise ValueError(f"not a plain relative path: {name!r}")
    return name


def become(start: Start, status: int) -> NoReturn:
    """Turn this freshly forked process into the program.

    A failure is written to the descriptor `status` as JSON; the descriptor closes by itself when the program starts,
    so no exit code of a program can be taken for a failed start.
    """
    step = "begin"
    try:
        for descriptor in start.close:
            os.close(descriptor)
        os.setsid()
        step = "become dumpable"
        # /proc/self and /dev/stdin refuse a process that is not.
        system.set_dumpable(True)
        step = "oom_score_adj"
        _prefer_for_oom_kill()
        step = "switch to the run's uid"
        _switch(start.uid)
        system.no_new_privileges()
        system.die_with_parent()
        step = "make the run's directory"
        os.umask(0o077)
        os.mkdir(start.directory, 0o700)
        os.chdir(start.directory)
        step = "write files"
        for file in start.files:
            _write(file)
        step = "streams"
        for source, target in ((start.stdin, 0), (start.stdout, 1), (start.stderr, 2)):
            os.dup2(source, target)
        os.closerange(3, status)
        os.closerange(status + 1, 65536)
        step = "limits"
        _limit(start)
        step = "signals"
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        step = "seccomp"
        system.install_filter(start.seccomp_filter)
        step = "execute"
        os.execve(start.argv[0], start.argv, start.environment)  # noqa: S606  no shell is wanted
    except BaseException as error:  # noqa: BLE001  whatever it is, it goes to the supervisor and not to the program
        code = error.errno if isinstance(error, OSError) else None
        report = {"step": step, "error": f"{type(error).__name__}: {error}", "errno": code}
        os.write(status, json.dumps(report).encode()[:4000])
    finally:
        os._exit(1)


def _prefer_for_oom_kill() -> None:
    """Have the kernel choose the program, never the supervisor, when the box runs out of memory."""
    descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    os.write(descriptor, b"1000")
    os.close(descriptor)


def _switch(uid: int | None) -> None:
    if uid is None:
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    system.set_dumpable(True)


def _write(file: File) -> None:
    folder = os.path.dirname(file.name)
    if folder:
        os.makedirs(folder, 0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(file.name, flags, file.mode)
    size, offset = os.fstat(file.content).st_size, 0
    while offset < size:
        offset += os.sendfile(descriptor, file.content, offset, size - offset)
    os.close(descriptor)


def _limit(start: Start) -> None:
    limits = start.limits
    # The supervisor stops a run at its CPU limit; these whole seconds are the kernel's backstop.
    cpu_s = int(limits.cpu_s) + 2
    one = {
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 1),
        resource.RLIMIT_FSIZE: (largest_file(limits),) * 2,
        resource.RLIMIT_STACK: (limits.memory_bytes,) * 2,
        resource.RLIMIT_NOFILE: (256, 256),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
        resource.RLIMIT_SIGPENDING: (256, 256),
        resource.RLIMIT_NPROC: (limits.processes,) * 2,
    }
    if start.limit_data:
        one[resource.RLIMIT_DATA] = (2 * limits.memory_bytes + (64 << 20),) * 2
    for kind, (soft, hard) in one.items():
        _, most = resource.getrlimit(kind)
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))
