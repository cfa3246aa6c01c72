"""One process at a time works on a job or batch: a lock that the kernel drops when its holder dies.

The lock's file stays: removing it would let two processes hold locks on two files of one name.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from solvent.errors import ConfigError, StoreError, boundary


@contextmanager
def exclusive(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock `name` under `folder`.

    Raises:
        ConfigError: another living process holds it.
        StoreError: the folder cannot be written.
    """
    path = folder / f"{name}.lock"
    with boundary(StoreError, f"open the lock {path}", OSError):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{name} is being run by another process", remedy="wait for it, or stop it first"
            ) from None
        yield
