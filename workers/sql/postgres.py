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

S = TypeVar("S", bound=Executable)
Values = Mapping[str, Any]

_HOT: dict[Executable, Callable[[Values], tuple[str, Values]] | None] = {}
_RESULTS: dict[str, SimpleResultMetaData] = {}
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
        self.driver = connection
        self.dialect = dialect
        self._cache = cache

    async def execute(self, statement: Executable, parameters: Values | Sequence[Values] | None = None) -> Rows:
        """Execute a statement once, or for each of several rows of values.

        Raises:
            DBAPIError: as SQLAlchemy does, of the kind that the server's error is.
        """
        many = isinstance(parameters, Sequence)
        rows = cast("Sequence[Values]", parameters if many else [parameters or {}])
        if many and not rows:
            return _no_rows()
        texts = [self._compiled(statement, row) for row in rows]
        try:
            if len(texts) > 1:
                async with self.driver.cursor() as cursor:
                    await cursor.executemany(texts[0][0], [values for _, values in texts])
                    return _no_rows(cursor.rowcount)
            cursor = await self.driver.execute(*texts[0])
            return await _rows_of(cursor, texts[0][0] if statement in _HOT else "")
        except Exception as error:
            raise self.wrapped(error) from error

    async def exec_driver_sql(self, statement: str) -> Rows:
        """Execute a text as it is."""
        try:
            return await _rows_of(await self.driver.execute(statement.encode(), prepare=False))
        except Exception as error:
            raise self.wrapped(error) from error

    def wrapped(self, error: Exception) -> BaseException:
        """Return a driver's error as SQLAlchemy raises it; any other as it is."""
        import psycopg

        if not isinstance(error, psycopg.Error):
            return error
        gone = self.driver.closed or self.driver.broken
        return DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=gone, dialect=self.dialect
        )

    def _compiled(self, statement: Executable, values: Values) -> tuple[str, Values]:
        ready = _HOT.get(statement)
        if ready is not None:
            return ready(values)
        is_hot = statement in _HOT
        compiled, extracted, collected, _ = cast(Any, statement)._compile_w_cache(
            self.dialect, compiled_cache=None if is_hot else self._cache, column_keys=sorted(values)
        )
        if is_hot and not (compiled.literal_execute_params or compiled.post_compile_params):
            ready = _HOT[statement] = _constant(compiled)
            return ready(values)
        given = compiled.construct_params(
            values, extracted_parameters=extracted, escape_names=False, _collected_params=collected
        )
        text, processors = compiled.string, compiled._bind_processors
        if compiled.literal_execute_params or compiled.post_compile_params:
            expanded = compiled._process_parameters_for_postcompile(given)
            text, processors = expanded.statement, {**processors, **expanded.processors}
            given = {**given, **expanded.additional_parameters}
        return text, _processed(given, processors)


def _constant(compiled: Any) -> Callable[[Values], tuple[str, Values]]:
    """Return what makes text and values of a statement whose own values never change."""
    text, processors = compiled.string, compiled._bind_processors
    fixed = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}

    def ready(values: Values) -> tuple[str, Values]:
        return text, _processed({**fixed, **values}, processors)

    return ready


def _processed(values: Values, processors: Mapping[str, Any]) -> Values:
    if not processors:
        return values
    return {name: processors[name](value) if name in processors else value for name, value in values.items()}


async def _rows_of(cursor: psycopg.AsyncCursor[Any], text: str = "") -> Rows:
    result = cursor.pgresult
    if result is None or not result.nfields:
        return _no_rows(cursor.rowcount)
    metadata = _RESULTS.get(text)
    if metadata is None:
        # Not the cursor's description, which takes as long as the statement.
        names = [(result.fname(place) or b"").decode() for place in range(result.nfields)]
        metadata = SimpleResultMetaData(names)
        if text:
            _RESULTS[text] = metadata
    rows = Rows(metadata, iter(await cursor.fetchall()))
    rows.rowcount = cursor.rowcount
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
        from psycopg.pq import TransactionStatus

        async with self._room:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                yield connection
            finally:
                driver = connection.driver
                if driver.closed:
                    # The server went away: so are the others.
                    await self._drop_idle()
                elif driver.info.transaction_status is TransactionStatus.IDLE:
                    self._idle.append(connection)
                else:
                    await driver.close()

    async def aclose(self) -> None:
        """Close those that are not used now; safe to call twice."""
        await self._drop_idle()

    async def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.driver.close()

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
