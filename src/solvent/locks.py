"""One process at a time: locks that the kernel drops when their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from solvent.errors import ConfigError, StoreError, boundary


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file at `path`; its folder is made, and the file is removed at the end.

    Args:
        path: the lock file.
        what: what is locked, for the message: "job 'job-1'".

    Raises:
        ConfigError: another run holds it.
        StoreError: the lock file cannot be made.
    """
    with boundary(StoreError, f"lock {what} at {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held it before may have removed the file between our open and our lock.
            ours = path.exists() and path.stat().st_ino == os.fstat(handle).st_ino
        except BlockingIOError:
            ours = False
        if not ours:
            raise ConfigError(f"{what} is being run already", remedy="wait for it, or stop it first")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)
