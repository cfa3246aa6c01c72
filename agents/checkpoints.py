"""Where the graphs of a job keep their checkpoints: one SQLite file per job, deleted as a whole when the job ends."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.errors import StoreError, boundary
from solvent.locks import exclusive

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

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


def in_order(saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """Have whoever reads a checkpoint through `saver` write later ones after it, whatever its clock says; returns it.

    LangGraph takes the checkpoint with the greatest id for the newest, and ids begin with the wall clock of the process
    that wrote them (uuid6). One that goes on with another's thread and whose clock is behind, by an hour or by a
    millisecond, would write checkpoints that are never found again. So what is read moves the own clock, as in
    L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System" (1978).
    """
    read = saver.aget_tuple

    async def aget_tuple(config: RunnableConfig) -> CheckpointTuple | None:
        found = await read(config)
        if found is not None:
            _go_after(found.checkpoint["id"])
        return found

    saver.aget_tuple = aget_tuple  # type: ignore[method-assign]  # savers of two libraries, and no common place above
    return saver


def _go_after(checkpoint_id: str) -> None:
    # `uuid6` keeps the last time that it gave, so as not to go back when the clock does. There is no other way in.
    ids: Any = import_module("langgraph.checkpoint.base.id")
    ids._last_v6_timestamp = max(ids._last_v6_timestamp or 0, ids.UUID(checkpoint_id).time)


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
            yield in_order(saver)
        finally:
            await connection.close()

    def delete(self, job_id: str) -> None:
        """Delete the job's checkpoints, if there are any."""
        path = self._path(job_id, ".sqlite")
        with boundary(StoreError, f"delete the checkpoints at {path}", OSError):
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)

    def name_of(self, job_id: str) -> str:
        """Return the name under which a job's checkpoints lie."""
        return self._path(job_id, "").name

    def names(self, *, older_than_s: float) -> list[str]:
        """Return the names of all checkpoints that nothing was written to for so long."""
        with boundary(StoreError, f"list the checkpoints in {self._directory}", OSError):
            return sorted(
                path.name.removesuffix(".sqlite")
                for path in self._directory.glob("*.sqlite")
                if self._age_s(path) >= older_than_s
            )

    def discard(self, name: str, *, older_than_s: float) -> None:
        """Delete the checkpoints of this name, unless they were written to within this time."""
        path = self._directory / f"{name}.sqlite"
        with boundary(StoreError, f"delete the checkpoints at {path}", OSError):
            if path.exists() and self._age_s(path) >= older_than_s:
                for suffix in ("-wal", "-shm", ""):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)

    @staticmethod
    def _age_s(path: Path) -> float:
        files = (path, path.with_name(f"{path.name}-wal"))
        times = []
        for file in files:
            with suppress(FileNotFoundError):
                times.append(file.stat().st_mtime)
        # Deleted at this moment: it is nobody's leftover.
        return time.time() - max(times, default=time.time())

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
