"""After a run: kill everything of it, bring back files that were asked for, and leave nothing behind.

A supervisor without CAP_KILL cannot kill a process of another uid, and must never open by path what a program could
have replaced. So a helper is forked that takes the run's own uid: whatever it is led to, the program could do itself.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import time
from typing import NamedTuple, NoReturn

from . import system

KILL_TIMEOUT_S = 3.0
WIPE_TIMEOUT_S = 10.0


class Keep(NamedTuple):
    """A file in the run's directory to bring back."""

    name: str
    target: int
    """Descriptor of an anonymous file that takes the content."""
    max_bytes: int


class Swept(NamedTuple):
    """What the helper did."""

    kept: list[bool]
    problems: list[str]


def sweep(
    uid: int | None, directory: str, roots: tuple[str, ...], keep: list[Keep], close: tuple[int, ...]
) -> tuple[int, int]:
    """Fork the helper. Return its pid and the descriptor from which `read_report` reads what it did."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _help(uid, directory, roots, keep, (*close, reader), writer)
    os.close(writer)
    return pid, reader


def read_report(reader: int) -> Swept | None:
    """Return what the helper reported, or None if it died before. Closes the descriptor."""
    text = b""
    while part := os.read(reader, 65536):
        text += part
    os.close(reader)
    if not text:
        return None
    report = json.loads(text)
    return Swept(report["kept"], report["problems"])


def leftovers(roots: tuple[str, ...]) -> list[str]:
    """Return what is left in the box: entries of writable directories and processes other than this one."""
    found = []
    for root in roots:
        found += [f"{root}/{name[:80]}" for name in os.listdir(root)[:3]]
    own = str(os.getpid())
    found += [f"process {name}" for name in os.listdir("/proc") if name.isdigit() and name != own]
    return found


def _help(
    uid: int | None, directory: str, roots: tuple[str, ...], keep: list[Keep], close: tuple[int, ...], writer: int
) -> NoReturn:
    kept: list[bool] = []
    problems: list[str] = []
    try:
        for descriptor in close:
            os.close(descriptor)
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        if not _kill_all():
            problems.append("processes survived SIGKILL")
        kept = [_bring_back(directory, entry) for entry in keep]
        deadline = time.monotonic() + WIPE_TIMEOUT_S
        problems += [f"{root} could not be emptied in time" for root in roots if not _wipe(root, deadline)]
    except Exception as error:  # noqa: BLE001  reported, and the box is replaced
        problems.append(f"sweep: {type(error).__name__}: {error}")
    finally:
        kept += [False] * (len(keep) - len(kept))
        os.write(writer, json.dumps({"kept": kept, "problems": problems}).encode()[:60000])
        os._exit(0)


def _kill_all() -> bool:
    """Kill every process of our uid but this one and PID 1; each call is atomic against forks."""
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            os.kill(-1, system.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return True
        # What was killed stays visible until the supervisor has reaped it.
        time.sleep(0.0003)
    return False


def _bring_back(directory: str, entry: Keep) -> bool:
    """Copy one regular file of the run. Links are not followed and devices and pipes not waited for."""
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        source = os.open(entry.name, flags, dir_fd=folder)
    except OSError:
        return False
    finally:
        os.close(folder)
    try:
        status = os.fstat(source)
        if not stat.S_ISREG(status.st_mode) or status.st_size > entry.max_bytes:
            return False
        offset = 0
        while offset < status.st_size:
            sent = os.sendfile(entry.target, source, offset, status.st_size - offset)
            if sent == 0:
                return False
            offset += sent
        return True
    finally:
        os.close(source)


def _wipe(root: str, deadline: float) -> bool:
    """Empty a directory. Sub-directories are hoisted to the top first, so depth costs no descriptors and no stack."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        # Where the directory is not ours, the run could not change it either.
        with contextlib.suppress(PermissionError):
            os.fchmod(top, 0o1777)
        number = 0
        while names := os.listdir(top):
            for name in names:
                if time.monotonic() > deadline:
                    return False
                if _unlink(name, top):
                    continue
                number = _hoist(name, top, number, deadline)
                os.rmdir(name, dir_fd=top)
        return True
    finally:
        os.close(top)


def _hoist(name: str, top: int, number: int, deadline: float) -> int:
    """Empty the directory `name` by unlinking its files and moving its directories to the top."""
    os.chmod(name, 0o700, dir_fd=top)
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        for inner in os.listdir(folder):
            if time.monotonic() > deadline:
                return number
            if _unlink(inner, folder):
                continue
            os.chmod(inner, 0o700, dir_fd=folder)
            while True:
                number += 1
                try:
                    os.rename(inner, f".swept{number}", src_dir_fd=folder, dst_dir_fd=top)
                    break
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                        raise
    finally:
        os.close(folder)
    return number


def _unlink(name: str, folder: int) -> bool:
    """Remove what is no directory; tell whether it was one."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True
