"""Where the graphs of the service's jobs keep their checkpoints, so that any worker can go on with them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from solvent.agents.checkpoints import JobFiles, in_order
from solvent.errors import StoreError, boundary

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from psycopg import AsyncConnection

    from solvent.workers.sql.postgres import PostgresConnection, PostgresPool

_SETUP_LOCK = 7_305_113_964_201
"""Advisory lock of PostgreSQL under which the tables are made."""
_SETUP_RETRY_S = 0.2


@dataclass(frozen=True)
class StoredCheckpoints:
    """Checkpoints by keys of their keeper."""

    keys: Sequence[str]
    key_of: Callable[[str], str]
    """The key of a job's."""
    keys_are_ids: bool
    """The keys are the jobs' ids."""

    def left_over(self, open_jobs: Collection[str], keys: Sequence[str] | None = None) -> list[str]:
        """Return the keys (all, or among these) that are no open job's."""
        kept = {self.key_of(job_id) for job_id in open_jobs}
        return [key for key in (self.keys if keys is None else keys) if key not in kept]


class Checkpoints(Protocol):
    """Checkpoints of all jobs. Safe for concurrent use on one event loop."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What a saver raises where it fails; callers make a `StoreError` of it."""
        ...

    def thread(self, job_id: str, name: str) -> str:
        """Return the checkpoint thread of a job's search or of one of its trajectories."""
        ...

    def saver(
        self, job_id: str, *, hold: bool = False, empty: bool = False
    ) -> AbstractAsyncContextManager[BaseCheckpointSaver[Any]]:
        """Open a saver for one run of one graph.

        With `hold` it may keep what is written to itself, and write it only where the run is drained: for a graph that
        is gone through again without it. With `empty` the caller knows that nothing was ever written of the thread of
        the run, and it need not be looked for.

        Raises:
            StoreError: it cannot be opened.
        """
        ...

    async def forget(self, job_id: str, names: Sequence[str]) -> None:
        """Delete threads of a job that goes on. Raises `StoreError`."""
        ...

    async def delete(self, job_id: str) -> None:
        """Delete all threads of a job. Raises `StoreError`."""
        ...

    async def stored(self, *, older_than_s: float) -> StoredCheckpoints:
        """Return what there is of all jobs; of files, those not written to for so long. Raises `StoreError`."""
        ...

    async def discard(self, key: str, *, older_than_s: float) -> None:
        """Delete what `stored` named so, unless it is younger by now. Raises `StoreError`."""
        ...

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        ...


class SqliteCheckpoints:
    """One SQLite file per job, for the processes of one machine."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, directory: Path) -> None:
        with boundary(StoreError, f"make the folder of checkpoints {directory}", OSError):
            directory.mkdir(parents=True, exist_ok=True)
        self._files = JobFiles(directory)

    def thread(self, job_id: str, name: str) -> str:
        """See `Checkpoints.thread`."""
        return name

    def saver(
        self, job_id: str, *, hold: bool = False, empty: bool = False
    ) -> AbstractAsyncContextManager[BaseCheckpointSaver[Any]]:
        """See `Checkpoints.saver`."""
        return self._files.saver(job_id)

    async def forget(self, job_id: str, names: Sequence[str]) -> None:
        """See `Checkpoints.forget`."""
        with boundary(StoreError, f"delete checkpoints of job {job_id!r}", *self.errors):
            async with self._files.saver(job_id) as saver:
                for name in names:
                    await saver.adelete_thread(name)

    async def delete(self, job_id: str) -> None:
        """See `Checkpoints.delete`."""
        await asyncio.to_thread(self._files.delete, job_id)

    async def stored(self, *, older_than_s: float) -> StoredCheckpoints:
        """See `Checkpoints.stored`."""
        names = await asyncio.to_thread(self._files.names, older_than_s=older_than_s)
        return StoredCheckpoints(names, self._files.name_of, keys_are_ids=False)

    async def discard(self, key: str, *, older_than_s: float) -> None:
        """See `Checkpoints.discard`."""
        await asyncio.to_thread(self._files.discard, key, older_than_s=older_than_s)

    async def aclose(self) -> None:
        """See `Checkpoints.aclose`."""


class PostgresCheckpoints:
    """In PostgreSQL, through langgraph-checkpoint-postgres. Threads are named `JOB/NAME`.

    Each run gets a saver of its own over the common pool.

    Args:
        pool: connections to the database.
    """

    def __init__(self, pool: PostgresPool) -> None:
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
        from psycopg import Error
        from sqlalchemy.exc import DBAPIError

        self.errors: tuple[type[Exception], ...] = (Error, DBAPIError)
        self._pool = pool
        # Checkpoints hold plain JSON values; nothing else is read back from them.
        self._serde = JsonPlusSerializer(allowed_msgpack_modules=None)

    @classmethod
    async def open(cls, conninfo: str, *, connections: int) -> PostgresCheckpoints:
        """Open the pool, and make the tables where they are not there.

        Args:
            conninfo: URL for libpq.
            connections: most that are open at once.

        Raises:
            StoreError: the database does not answer or refuses.
        """
        from psycopg import Error
        from sqlalchemy.exc import DBAPIError

        from solvent.workers.sql.engine import read_url
        from solvent.workers.sql.postgres import PostgresPool
        from solvent.workers.stop_signals import KEEPALIVE

        made = cls(
            PostgresPool(read_url(conninfo), {"application_name": "solvent checkpoints", **KEEPALIVE}, connections)
        )
        with boundary(StoreError, "open the checkpoints in PostgreSQL", Error, DBAPIError):
            try:
                await made._set_up()
            except BaseException:
                await made.aclose()
                raise
        return made

    def thread(self, job_id: str, name: str) -> str:
        """See `Checkpoints.thread`."""
        return f"{job_id}/{name}"

    @asynccontextmanager
    async def saver(
        self, job_id: str, *, hold: bool = False, empty: bool = False
    ) -> AsyncIterator[BaseCheckpointSaver[Any]]:
        """See `Checkpoints.saver`."""
        from langgraph.errors import GraphDrained

        from solvent.workers.postgres_saver import RunSaver

        saver = RunSaver(self._pool, self._serde, hold=hold, empty=empty)
        try:
            yield in_order(saver)
        except GraphDrained:
            with boundary(StoreError, f"keep the checkpoints of job {job_id!r}", *self.errors):
                await saver.release()
            raise

    async def forget(self, job_id: str, names: Sequence[str]) -> None:
        """See `Checkpoints.forget`. Only what was drained is there at all, and it goes with the job."""

    async def delete(self, job_id: str) -> None:
        """See `Checkpoints.delete`."""
        with boundary(StoreError, f"delete the checkpoints of job {job_id!r}", *self.errors):
            # An id of a job may have a "/", a name has none.
            found = await self._rows(
                "SELECT DISTINCT thread_id FROM checkpoints WHERE starts_with(thread_id, %(prefix)s) "
                "AND position('/' in substr(thread_id, length(%(prefix)s) + 1)) = 0",
                {"prefix": f"{job_id}/"},
            )
            await self._delete([row[0] for row in found])

    async def _delete(self, threads: Sequence[str]) -> None:
        if threads:
            async with self._pool.connection() as connection:
                await self._library_saver(connection).aprune(threads, strategy="delete")

    async def _rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Read, again where the connection turned out to be broken."""
        from psycopg import OperationalError

        for is_last in (False, True):
            async with self._pool.connection() as connection:
                try:
                    found = await connection.driver.execute(statement.encode(), values)
                    return await found.fetchall()
                except OperationalError:
                    if is_last or not connection.driver.closed:
                        raise
        raise AssertionError("unreachable")

    async def stored(self, *, older_than_s: float) -> StoredCheckpoints:
        """See `Checkpoints.stored`. Ages are not known here: whoever deletes knows that the job has ended."""
        with boundary(StoreError, "list the checkpoints", *self.errors):
            found = await self._rows(
                "SELECT DISTINCT regexp_replace(thread_id, '/[^/]*$', '') AS job_id FROM checkpoints ORDER BY 1"
            )
            ids = [row[0] for row in found]
        return StoredCheckpoints(ids, str, keys_are_ids=True)

    async def discard(self, key: str, *, older_than_s: float) -> None:
        """See `Checkpoints.discard`."""
        await self.delete(key)

    async def aclose(self) -> None:
        """See `Checkpoints.aclose`."""
        await self._pool.aclose()

    @staticmethod
    def _library_saver(connection: PostgresConnection) -> AsyncPostgresSaver:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

        return AsyncPostgresSaver(connection.driver)

    async def _set_up(self) -> None:
        """Make the tables, one process at a time.

        The lock is tried and not waited for: who waits in a statement would hold up the other's CREATE INDEX
        CONCURRENTLY, which waits for all statements that began before it.
        """
        async with self._pool.connection() as lean:
            connection = lean.driver
            while not await self._is_set_up(connection):
                tried = await connection.execute("SELECT pg_try_advisory_lock(%s) AS ours", (_SETUP_LOCK,))
                row = await tried.fetchone()
                if row is None or not row[0]:
                    await asyncio.sleep(_SETUP_RETRY_S)
                    continue
                try:
                    await self._library_saver(lean).setup()
                finally:
                    await connection.execute("SELECT pg_advisory_unlock(%s)", (_SETUP_LOCK,))

    @staticmethod
    async def _is_set_up(connection: AsyncConnection[Any]) -> bool:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

        found = await connection.execute("SELECT to_regclass('checkpoint_migrations') IS NOT NULL AS there")
        row = await found.fetchone()
        if row is None or not row[0]:
            return False
        found = await connection.execute("SELECT coalesce(max(v), -1) AS version FROM checkpoint_migrations")
        row = await found.fetchone()
        return row is not None and row[0] >= len(AsyncPostgresSaver.MIGRATIONS) - 1
