"""Statements on a connection of psycopg that are prepared once and sent as they are.

A cursor of psycopg converts the text, looks whether it is prepared, and has the event loop watch the socket anew, for
each statement; that takes more processor time than the statement. Here the socket is watched for as long as nobody else
uses the connection, and `BEGIN` goes with the first statement behind it. How values are written and read stays
psycopg's (its `Transformer`), and so do connecting, cancelling and the errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

MOST_PREPARED = 300
"""Statements that are prepared on one connection at once. Each set of types that its values have is one of its own."""
LOOK_S = 1.0
"""How often a statement that waits looks at its socket without being told: an event loop may tell nobody that a
connection was reset, and watch it no more (libuv on EPOLLERR, and so uvloop)."""
CANCEL_WAIT_S = 5.0
"""How long a statement that is cancelled may take to end."""
_GOOD = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY})


@dataclass(frozen=True)
class Statement:
    """A text with `$1`, `$2`, ... and the names of the values in that order."""

    text: bytes
    order: tuple[str, ...]
    formats: tuple[PyFormat, ...]

    @classmethod
    def of(cls, text: str, order: Sequence[str]) -> Statement:
        """Return the statement of a text."""
        return cls(text.encode(), tuple(order), (PyFormat.AUTO,) * len(order))


@dataclass(frozen=True)
class Result:
    """What a statement returned."""

    names: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    count: int
    """Rows that it changed or returned."""


class LeanConnection:
    """One connection of psycopg in autocommit, used by one task at a time.

    Args:
        connection: open; whoever uses it otherwise calls `unwatch` before.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._transformer = Transformer(connection)
        self._encoding = connection.info.encoding
        self._loop = asyncio.get_running_loop()
        self._socket = self._pgconn.socket
        self._watched = False
        self._waiter: asyncio.Future[None] | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None
        self._prepared: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        self._made = 0
        self._names: dict[bytes, list[str]] = {}
        self._begin = b""

    def begin(self, text: str) -> None:
        """Have a transaction begin with the next statement."""
        self._begin = text.encode()

    async def begin_now(self) -> None:
        """Begin the transaction that `begin` asked for, where that has not been done."""
        text, self._begin = self._begin, b""
        if text:
            await self.command(text)

    async def end(self, text: str) -> None:
        """End a transaction; one that did not come to begin needs none."""
        if self._begin:
            self._begin = b""
            return
        await self.command(text.encode())

    async def command(self, text: bytes) -> None:
        """Execute a text without values.

        Raises:
            psycopg.Error: the server refuses, or the connection is broken.
        """
        try:
            self._pgconn.send_query(text)
            await self._results()
        except BaseException:
            await self._left()
            raise

    async def execute(self, statement: Statement, values: Sequence[Any]) -> Result:
        """Execute a statement, in the transaction that is to begin.

        Raises:
            psycopg.Error: the server refuses, or the connection is broken.
        """
        given = self._transformer.dump_sequence(values, statement.formats)
        formats = self._transformer.formats
        key = (statement.text, tuple(self._transformer.types or ()))
        pgconn = self._pgconn
        try:
            name = self._prepared.get(key)
            if name is None:
                if len(self._prepared) >= MOST_PREPARED:
                    await self._forget_all()
                # One that is cut off meanwhile may be there nevertheless: no name is used twice.
                self._made += 1
                name = b"solvent_%d" % self._made
                pgconn.send_prepare(name, statement.text, param_types=key[1])
                await self._results()
                self._prepared[key] = name
            begin, self._begin = self._begin, b""
            if begin:
                pgconn.enter_pipeline_mode()
                pgconn.send_query_params(begin, None)
            pgconn.send_query_prepared(name, given, param_formats=formats)
            if begin:
                pgconn.pipeline_sync()
            result = await self._results()
        except BaseException:
            await self._left()
            raise
        return self._read(statement, result)

    async def _forget_all(self) -> None:
        names, self._prepared = list(self._prepared.values()), {}
        self._pgconn.send_query(b";".join(b"DEALLOCATE " + name for name in names))
        await self._results()

    def unwatch(self) -> None:
        """Stop watching the socket: somebody else uses or closes the connection."""
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._socket)

    def _read(self, statement: Statement, result: PGresult) -> Result:
        if not result.nfields:
            return Result((), (), result.command_tuples or 0)
        names = self._names.get(statement.text)
        if names is None:
            names = [(result.fname(place) or b"").decode() for place in range(result.nfields)]
            self._names[statement.text] = names
        self._transformer.set_pgresult(result)
        rows = self._transformer.load_rows(0, result.ntuples, tuple)
        return Result(names, rows, result.ntuples)

    async def _results(self) -> PGresult:
        """Send what was given to libpq, read all results, and return the last.

        Raises:
            psycopg.Error: one of them is an error, or the connection is broken.
        """
        pgconn = self._pgconn
        while pgconn.flush():
            await self._writable()
        piped = pgconn.pipeline_status != pq.PipelineStatus.OFF
        last: PGresult | None = None
        refused: PGresult | None = None
        was_end = False
        while True:
            if pgconn.is_busy():
                await self._readable()
            result = pgconn.get_result()
            if result is None:
                # In a pipeline each statement has an end of its own; two ends together are a broken connection.
                if not piped or was_end:
                    break
                was_end = True
                continue
            was_end = False
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                pgconn.exit_pipeline_mode()
                break
            if result.status not in _GOOD:
                refused = refused or result
            last = result
        if refused is not None:
            raise error_from_result(refused, encoding=self._encoding)
        if last is None:
            raise psycopg.OperationalError("the connection ended before the result")
        return last

    async def _left(self) -> None:
        """Bring a connection in order that was left in the middle of a statement; where that fails it stays active."""
        if self._pgconn.status != pq.ConnStatus.OK:
            self.unwatch()
            return
        if self._pgconn.transaction_status != pq.TransactionStatus.ACTIVE:
            return
        with suppress(psycopg.Error, TimeoutError):
            async with asyncio.timeout(CANCEL_WAIT_S):
                await self._connection.cancel_safe(timeout=CANCEL_WAIT_S)
                await self._results()

    async def _readable(self) -> None:
        """Wait until a whole result is there."""
        self._watch()
        self._waiter = self._loop.create_future()
        self._looking = self._loop.call_later(LOOK_S, self._look)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._looking.cancel()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._loop.add_reader(self._socket, self._take)

    def _look(self) -> None:
        """Read what came untold, and watch the socket anew."""
        self._take()
        if self._waiter is not None and not self._waiter.done():
            self.unwatch()
            self._watch()
            self._looking = self._loop.call_later(LOOK_S, self._look)

    def _take(self) -> None:
        """Read what came; also where nobody waits for it, as the end of the connection."""
        waiter = self._waiter
        try:
            self._pgconn.consume_input()
            waits = self._pgconn.is_busy() and waiter is not None
        except psycopg.Error as error:
            self.unwatch()
            waits = False
            if waiter is not None:
                self._failure = error
        if not waits and waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _writable(self) -> None:
        waiter = self._loop.create_future()
        self._loop.add_writer(self._socket, _resolve, waiter)
        looking = self._loop.call_later(LOOK_S, _resolve, waiter)
        try:
            await waiter
        finally:
            looking.cancel()
            self._loop.remove_writer(self._socket)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
