"""Names of processes that hold leases on one machine, each with a lock that the kernel drops when its process dies.

So whoever comes next tells a holder that was killed from one that is slow, and need not wait for its leases to lapse.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from solvent.errors import StoreError, boundary
from solvent.workers.service_store import ServiceStore


def new_holder() -> str:
    """Return a name for this process that no other has had: host, pid, and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def lock_folder(database: Path) -> Path:
    """Return where the holders of an SQLite database keep their locks."""
    return database.with_name(f"{database.name}-holders")


@contextmanager
def local_holder(database: Path) -> Iterator[str]:
    """Be a holder of an SQLite database while the context lasts; gives the name.

    Raises:
        StoreError: the lock file cannot be made.
    """
    name = new_holder()
    path = _path(database, name)
    with boundary(StoreError, f"make the lock file {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        # Not for long, where somebody looks just now whether it is free.
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield name
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def is_dead(database: Path, holder: str) -> bool:
    """Return whether a holder is known to have died: its lock file is there, and nobody has the lock.

    One without a lock file may live on another machine, or be of an older version: its leases have to lapse.
    """
    try:
        handle = os.open(_path(database, holder), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


async def lapse_dead(store: ServiceStore, database: Path) -> None:
    """End the leases of holders that died on this machine.

    Raises:
        StoreError: the database does not answer.
    """
    for holder in await store.holders():
        if is_dead(database, holder):
            await store.lapse(holder)
    folder = lock_folder(database)
    for path in folder.iterdir() if folder.is_dir() else ():
        if is_dead(database, path.name.removesuffix(".lock")):
            path.unlink(missing_ok=True)


def _path(database: Path, holder: str) -> Path:
    return lock_folder(database) / f"{holder.replace('/', '_')}.lock"
