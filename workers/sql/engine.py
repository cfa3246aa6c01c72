"""Transactions on the service's database: PostgreSQL through psycopg, SQLite through SQLAlchemy's engine and aiosqlite.

`work` is written for SQLAlchemy's `AsyncConnection`; on PostgreSQL it gets a `PostgresConnection`, which has as much of
it as the files here use.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import URL, Executable, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from solvent.errors import ConfigError, SolventError, StoreError, boundary
from solvent.workers.sql.sqlite_reader import SqliteReader

if TYPE_CHECKING:
    from solvent.workers.sql.postgres import PostgresConnection, PostgresPool

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_WRITES = "solvent_writes"
_SQLITE_BUSY_S = 30.0
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}
# A frozen worker must not keep the locks of its transaction, nor a dead network a caller, for ever.
_POSTGRES_SETTINGS = {
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "30s",
    "statement_timeout": "60s",
}
_POSTGRES_CONNECT: dict[str, Any] = {
    "application_name": "solvent",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_REPEATABLE = frozenset({"40001", "40P01"})
"""SQLSTATEs after which the same transaction may be tried again: serialization failure, deadlock."""
_MOST_TRIES = 5
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def read_url(given: str) -> URL:
    """Return a database's URL with the driver that is used for it.

    Raises:
        ConfigError: it is no URL, or of a database that is not supported. The message never has the URL's text.
    """
    remedy = "use postgresql://USER:PASSWORD@HOST:PORT/NAME or sqlite:////PATH"
    try:
        url = make_url(given)
        port_is_valid = url.port is None or 0 < url.port < 65536
    except (ArgumentError, ValueError):
        # Not chained: the library's message may have the text, and so the password.
        raise ConfigError("database_url is not the URL of a database", remedy=remedy) from None
    if url.drivername not in _DRIVERS or not port_is_valid:
        raise ConfigError(f"database_url: {url.drivername!r} is not supported", remedy=remedy)
    return url.set(drivername=_DRIVERS[url.drivername])


def shown(url: URL) -> str:
    """Return what a person may see of a URL: no password, no options."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite at {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL at {url.host or 'localhost'}{port}, database {url.database or url.username}"


class Database:
    """Connections to one database. Safe for concurrent use on one event loop.

    Args:
        url: of the database.
        pool_size: most connections kept open; as many again may be opened for a while.

    Raises:
        ConfigError: the URL is wrong.
        StoreError: the folder of an SQLite file cannot be made.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = read_url(url)
        self.name = shown(parsed)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._password = parsed.password
        # SQLite has one writer at a time: in this process they queue here, in order, and not in its busy handler.
        self._writer = asyncio.Lock() if self.is_sqlite else None
        self._url = parsed
        self._pool_size = pool_size
        self._pool: PostgresPool | None = None
        if self.is_sqlite:
            self.engine  # noqa: B018  # a wrong place is refused here
        else:
            from solvent.workers.sql.postgres import PostgresPool

            self._pool = PostgresPool(parsed, self._postgres_arguments(), 2 * pool_size)

    @cached_property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine: of SQLite; on PostgreSQL only for what needs a whole one."""
        if self.is_sqlite:
            return self._sqlite(self._url, self._pool_size)
        return create_async_engine(
            self._url, hide_parameters=True, poolclass=NullPool, connect_args=self._postgres_arguments()
        )

    @staticmethod
    def _sqlite(url: URL, pool_size: int) -> AsyncEngine:
        if not url.database or url.database == ":memory:":
            raise ConfigError("database_url: SQLite needs a file", remedy="use sqlite:////PATH")
        with boundary(StoreError, f"make the folder of {url.database}", OSError):
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(url, hide_parameters=True, pool_size=pool_size, max_overflow=pool_size)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine

    def _postgres_arguments(self) -> dict[str, Any]:
        query = self._url.query
        arguments = {name: value for name, value in _POSTGRES_CONNECT.items() if name not in query}
        if "options" not in query:
            arguments["options"] = " ".join(f"-c {name}={value}" for name, value in _POSTGRES_SETTINGS.items())
        return arguments

    async def write(self, what: str, work: Work[T], *, one_change: bool = False, repeatable: bool = True) -> T:
        """Do `work` in one transaction, durable when this returns.

        `work` may be done again from its beginning, after the transaction was rolled back: when the connection turned
        out to be broken, and when PostgreSQL chose the transaction as the victim of a deadlock.

        Args:
            what: is done, for the message of an error.
            work: the statements.
            one_change: it has one changing statement: PostgreSQL then gets it without the two further round trips of a
                transaction.
            repeatable: that one change does no harm when it is made twice. Otherwise a connection that breaks meanwhile
                counts as broken while it was being committed.

        Raises:
            StoreError: the database does not answer or refuses. Where the connection broke while the transaction was
                being committed it is not known whether it was, and the message says so.
        """
        async with self._writer or nullcontext():
            doubtful = one_change and not repeatable and not self.is_sqlite
            return await self._transaction(what, work, writes=True, single=one_change, doubtful=doubtful)

    async def read(self, what: str, work: Work[T], *, snapshot: bool = False) -> T:
        """Do `work`, which only reads, in one transaction; as `write` otherwise.

        With `snapshot` all its statements see the database as it was at one moment.
        """
        return await self._transaction(what, work, writes=False, single=not snapshot)

    async def rows(self, what: str, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the rows of one statement that only reads and that lives as long as the process; raises as `read`."""
        if not self.is_sqlite:

            async def work(connection: AsyncConnection) -> Sequence[Any]:
                return list(await connection.execute(statement, values))

            return await self.read(what, work)
        try:
            return await self._reader.rows(statement, values)
        except sqlite3.Error as error:
            raise self._error(what, error) from error

    @cached_property
    def _reader(self) -> SqliteReader:
        return SqliteReader(str(self._url.database))

    async def change_schema(self, what: str, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do `work` in one transaction of SQLAlchemy's engine, whatever the database; as `write` otherwise."""
        async with self._writer or nullcontext():
            return await self._transaction(what, work, writes=True, single=False, engine=True)

    async def _transaction(
        self,
        what: str,
        work: Work[T],
        *,
        writes: bool,
        single: bool,
        doubtful: bool = False,
        engine: bool = False,
    ) -> T:
        for attempt in range(1, _MOST_TRIES + 1):
            committing = doubtful

            def commits() -> None:
                nonlocal committing
                committing = True

            try:
                if self._pool is None or engine:
                    return await self._on_engine(work, writes, commits)
                return await self._on_postgres(self._pool, work, writes, single, commits)
            except SolventError:
                raise
            except DBAPIError as error:
                if attempt < _MOST_TRIES and self._may_repeat(error, attempt, committing=committing):
                    continue
                doubt = " while it committed: whether this is stored is not known" if committing and writes else ""
                raise self._error(what, error, doubt) from error
            except (SQLAlchemyError, OSError) as error:
                raise self._error(what, error) from error
        raise AssertionError("unreachable")

    async def _on_engine(self, work: Work[T], writes: bool, commits: Callable[[], None]) -> T:
        async with self.engine.connect() as plain:
            connection = await plain.execution_options(**{_WRITES: writes})
            async with connection.begin() as transaction:
                result = await work(connection)
                commits()
                await transaction.commit()
                return result

    @staticmethod
    async def _on_postgres(
        pool: PostgresPool, work: Work[T], writes: bool, single: bool, commits: Callable[[], None]
    ) -> T:
        async with pool.connection() as lean:
            connection = cast(AsyncConnection, lean)
            if single:
                return await work(connection)
            await lean.begin("BEGIN" if writes else _SNAPSHOT)
            try:
                result = await work(connection)
                commits()
                await lean.end("COMMIT")
            except BaseException:
                await _roll_back(lean)
                raise
            return result

    @staticmethod
    def _may_repeat(error: DBAPIError, attempt: int, *, committing: bool) -> bool:
        if getattr(error.orig, "sqlstate", None) in _REPEATABLE:
            return True
        return error.connection_invalidated and attempt == 1 and not committing

    def _error(self, what: str, error: Exception, doubt: str = "") -> StoreError:
        # Not the library's whole text: it has the statement, and no person can do anything with that.
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        lines = str(cause).strip().splitlines() or [""]
        said = " ".join(line.strip() for line in lines[:2])
        if self._password:
            said = said.replace(str(self._password), "***")
        return StoreError(f"cannot {what} ({self.name}){doubt}: {type(cause).__name__}: {said}")

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        if self._pool is not None:
            await self._pool.aclose()
        if "_reader" in self.__dict__:
            await self._reader.aclose()
            del self._reader
        if "engine" in self.__dict__:
            await self.engine.dispose()


async def _roll_back(connection: PostgresConnection) -> None:
    """End a transaction that failed; where that fails too, the pool closes the connection, which does it as well."""
    with suppress(DBAPIError):
        if not connection.is_closed:
            await connection.end("ROLLBACK")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver begins no transaction by itself; `_begin_sqlite` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(_SQLITE_BUSY_S * 1000)}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails where another wrote meanwhile: writers say so at once.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
