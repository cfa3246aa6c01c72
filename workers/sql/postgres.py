"""Statements of SQLAlchemy Core on psycopg's own connections: what the store does thousands of times costs less so.

SQLAlchemy's asyncio engine runs each statement in a greenlet, with an execution context and a cursor's adapter around
it, and compares the whole statement with its cache. Here a statement that is marked `hot` is compiled once, and handed
to psycopg as it is. Everything else about a statement stays SQLAlchemy's: its text, its types, its results.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import URL, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    import psycopg

    from solvent.workers.sql.lean import LeanConnection, Result, Statement

S = TypeVar("S", bound=Executable)
Values = Mapping[str, Any]

_HOT: dict[Executable, Callable[[Values], tuple[Statement, Sequence[Any]]] | None] = {}
_RESULTS: dict[bytes, SimpleResultMetaData] = {}
"""By the text of a hot statement."""


def hot(statement: S) -> S:
    """Mark a statement that is built once, for the life of the process; its values come as bound parameters."""
    _HOT[statement] = None
    return statement


class Rows(IteratorResult[Any]):
    """What a statement returned."""

    rowcount: int = -1


class PostgresConnection:
    """As much of SQLAlchemy's `AsyncConnection` as the files beside this one use.

    Args:
        connection: of psycopg, in autocommit; transactions are begun and ended by statements.
        dialect: compiles; shared, since it holds the cache.
        cache: of compiled statements.
    """

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], dialect: PGDialect_psycopg, cache: dict[Any, Any]
    ) -> None:
        from solvent.workers.sql.lean import LeanConnection

        self._driver = connection
        self._lean: LeanConnection = LeanConnection(connection)
        self.dialect = dialect
        self._cache = cache

    @property
    def driver(self) -> psycopg.AsyncConnection[Any]:
        """The connection as psycopg's own, for what is not done here."""
        self._lean.unwatch()
        return self._driver

    @property
    def is_closed(self) -> bool:
        """Whether it is of no further use."""
        return self._driver.closed

    @property
    def is_idle(self) -> bool:
        """Whether it is in no transaction, and in the middle of nothing."""
        return int(self._driver.pgconn.transaction_status) == 0

    async def begin(self, text: str) -> None:
        """Begin a transaction, with the first statement that comes."""
        self._lean.begin(text)

    async def end(self, text: str) -> None:
        """End the transaction."""
        try:
            await self._lean.end(text)
        except Exception as error:
            raise self.wrapped(error) from error

    async def close(self) -> None:
        """Close it."""
        await self.driver.close()

    async def execute(self, statement: Executable, parameters: Values | Sequence[Values] | None = None) -> Rows:
        """Execute a statement once, or for each of several rows of values.

        Raises:
            DBAPIError: as SQLAlchemy does, of the kind that the server's error is.
        """
        many = isinstance(parameters, Sequence)
        rows = cast("Sequence[Values]", parameters if many else [parameters or {}])
        if many and not rows:
            return _no_rows()
        try:
            if len(rows) == 1 and statement in _HOT:
                ready = _HOT[statement] or self._prepare(statement, rows[0])
                if ready is not None:
                    lean, values = ready(rows[0])
                    return _rows_of_lean(lean, await self._lean.execute(lean, values))
            texts = [self._compiled(statement, row) for row in rows]
            await self._lean.begin_now()
            if len(texts) > 1:
                async with self.driver.cursor() as cursor:
                    await cursor.executemany(texts[0][0], [values for _, values in texts])
                    return _no_rows(cursor.rowcount)
            return await _rows_of(await self.driver.execute(*texts[0]))
        except Exception as error:
            raise self.wrapped(error) from error

    def wrapped(self, error: Exception) -> BaseException:
        """Return a driver's error as SQLAlchemy raises it; any other as it is."""
        import psycopg

        if not isinstance(error, psycopg.Error):
            return error
        gone = self._driver.closed or self._driver.broken
        return DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=gone, dialect=self.dialect
        )

    def _compiled(self, statement: Executable, values: Values) -> tuple[str, Values]:
        compiled, extracted, collected, _ = cast(Any, statement)._compile_w_cache(
            self.dialect, compiled_cache=self._cache, column_keys=sorted(values)
        )
        given = compiled.construct_params(
            values, extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        text, processors = compiled.string, compiled._bind_processors
        if compiled.literal_execute_params or compiled.post_compile_params:
            expanded = compiled._process_parameters_for_postcompile(given)
            text, processors = expanded.statement, {**processors, **expanded.processors}
            given = {**given, **expanded.additional_parameters}
        return text, _processed(given, processors)

    @staticmethod
    def _prepare(statement: Executable, values: Values) -> Callable[[Values], tuple[Statement, Sequence[Any]]] | None:
        """Compile a hot statement for good; returns what makes the values of it, or None where its text varies."""
        compiled = cast(Any, statement)._compile_w_cache(_NUMBERED, compiled_cache=None, column_keys=sorted(values))[0]
        if compiled.literal_execute_params or compiled.post_compile_params:
            return None
        ready = _HOT[statement] = _constant(compiled)
        return ready


_NUMBERED: PGDialect_psycopg = cast(Any, PGDialect_psycopg)(paramstyle="numeric_dollar")


def _constant(compiled: Any) -> Callable[[Values], tuple[Statement, Sequence[Any]]]:
    """Return what makes text and values of a statement whose own values never change."""
    from solvent.workers.sql.lean import Statement

    statement = Statement.of(compiled.string, compiled.positiontup or ())
    order, processors = statement.order, compiled._bind_processors
    fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}

    def ready(values: Values) -> tuple[Statement, Sequence[Any]]:
        given = _processed({**fixed, **values}, processors)
        return statement, [given[name] for name in order]

    return ready


def _processed(values: Values, processors: Mapping[str, Any]) -> Values:
    if not processors:
        return values
    return {name: processors[name](value) if name in processors else value for name, value in values.items()}


async def _rows_of(cursor: psycopg.AsyncCursor[Any]) -> Rows:
    result = cursor.pgresult
    if result is None or not result.nfields:
        return _no_rows(cursor.rowcount)
    # Not the cursor's description, which takes as long as the statement.
    names = [(result.fname(place) or b"").decode() for place in range(result.nfields)]
    rows = Rows(SimpleResultMetaData(names), iter(await cursor.fetchall()))
    rows.rowcount = cursor.rowcount
    return rows


def _rows_of_lean(statement: Statement, result: Result) -> Rows:
    if not result.names:
        return _no_rows(result.count)
    metadata = _RESULTS.get(statement.text)
    if metadata is None:
        metadata = _RESULTS[statement.text] = SimpleResultMetaData(result.names)
    rows = Rows(metadata, iter(result.rows))
    rows.rowcount = result.count
    return rows


_NOTHING = SimpleResultMetaData([])


def _no_rows(count: int = -1) -> Rows:
    rows = Rows(_NOTHING, iter(()))
    rows.rowcount = count
    return rows


class PostgresPool:
    """Connections of one process to one database: made when they are needed, used one at a time each.

    Args:
        url: of the database.
        arguments: further ones of psycopg's `connect`.
        size: most connections; who needs one more waits.
    """

    def __init__(self, url: URL, arguments: Mapping[str, Any], size: int) -> None:
        # The package leaves both untyped.
        self._dialect: PGDialect_psycopg = cast(Any, PGDialect_psycopg)()
        self._arguments = {**cast(Any, self._dialect).create_connect_args(url)[1], **arguments}
        self._room = asyncio.Semaphore(size)
        self._idle: list[PostgresConnection] = []
        self._cache: dict[Any, Any] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PostgresConnection]:
        """Give a connection, and take it back; one that is in the middle of something is closed.

        Raises:
            DBAPIError: none can be made.
        """
        async with self._room:
            connection = self._open_one() or await self._connect()
            try:
                yield connection
            finally:
                if connection.is_closed:
                    # The server went away: so are the others.
                    await connection.close()
                    await self._drop_idle()
                elif connection.is_idle:
                    self._idle.append(connection)
                else:
                    await connection.close()

    def _open_one(self) -> PostgresConnection | None:
        """Return one that is not used now; what is known to have ended meanwhile is left out."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                return connection
        return None

    async def aclose(self) -> None:
        """Close those that are not used now; safe to call twice."""
        await self._drop_idle()

    async def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _connect(self) -> PostgresConnection:
        import psycopg

        try:
            driver = await psycopg.AsyncConnection.connect(autocommit=True, **self._arguments)
        except psycopg.Error as error:
            raise DBAPIError.instance(
                None, None, error, psycopg.Error, hide_parameters=True, dialect=self._dialect
            ) from error
        # The store's own statements are few, and all of them come again.
        driver.prepare_threshold = 2
        driver.prepared_max = 300
        return PostgresConnection(driver, self._dialect, self._cache)
