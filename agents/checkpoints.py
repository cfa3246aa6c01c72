"""Where the graphs of a job keep their checkpoints: one SQLite file per job, deleted as a whole when the job ends."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.errors import StoreError, boundary
from solvent.locks import exclusive

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

BUSY_TIMEOUT_S = 30.0
"""How long one writer of a file waits for another; in the service, several processes may work on one job."""
FORMAT = 1
"""Version of what the graphs keep in their checkpoints; a change that an older version cannot go on with raises it."""
_FORMAT_KEY = "solvent_format"


class NewerFormatError(StoreError):
    """A newer version wrote a checkpoint: this one must leave the job to it."""


def format_metadata() -> dict[str, Any]:
    """Return what each checkpoint is marked with."""
    return {_FORMAT_KEY: FORMAT}


def refuse_newer(metadata: Mapping[str, Any] | None, what: str) -> None:
    """Raise `NewerFormatError` where a newer version wrote the checkpoint of this metadata."""
    written = (metadata or {}).get(_FORMAT_KEY, 1)
    if written > FORMAT:
        raise NewerFormatError(
            f"cannot {what}: they have format {written}, this version knows {FORMAT}", remedy="upgrade this worker"
        )


class JobFiles:
    """Checkpoint and lock file of each job, in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def lock(self, job_id: str) -> Iterator[None]:
        """Hold the job for this process; the kernel lets go of it when the process dies.

        Raises:
            ConfigError: another run holds it.
            StoreError: the lock file cannot be made.
        """
        with exclusive(self._path(job_id, ".lock"), f"job {job_id!r}"):
            yield

    @asynccontextmanager
    async def saver(self, job_id: str) -> AsyncIterator[BaseCheckpointSaver[Any]]:
        """Open the job's checkpoints. They hold plain JSON values; nothing else is read back from them.

        Raises:
            StoreError: the file cannot be opened.
        """
        import aiosqlite
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        path = self._path(job_id, ".sqlite")
        with boundary(StoreError, f"open the checkpoints of job {job_id!r} at {path}", sqlite3.Error, OSError):
            connection = await aiosqlite.connect(path, timeout=BUSY_TIMEOUT_S)
            try:
                # A checkpoint that a power cut loses costs nothing: the ledger, which flushes, answers its calls again.
                await connection.execute("PRAGMA synchronous=NORMAL")
                saver = AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
                await saver.setup()
            except BaseException:
                await connection.close()
                raise
        try:
            yield saver
        finally:
            await connection.close()

    def delete(self, job_id: str) -> None:
        """Delete the job's checkpoints, if there are any."""
        path = self._path(job_id, ".sqlite")
        with boundary(StoreError, f"delete the checkpoints at {path}", OSError):
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    def size_bytes(self, job_id: str) -> int:
        """Return how much the job's checkpoints take on disk; 0 if there are none."""
        path = self._path(job_id, ".sqlite")
        files = (path.with_name(path.name + suffix) for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def _path(self, job_id: str, suffix: str) -> Path:
        # Ids come from users: the name shows what is safe of it, the digest keeps ids apart.
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", job_id)[:40]
        digest = hashlib.sha256(job_id.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
        return self._directory / f"{safe}-{digest}{suffix}"
