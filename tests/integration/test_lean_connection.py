"""Statements on PostgreSQL that go past psycopg's cursors: what a broken, refused or cancelled one leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from servers import PostgresServer
from sqlalchemy import bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.errors import StoreError
from solvent.workers.loop import LoopThread
from solvent.workers.sql.engine import Database
from solvent.workers.sql.lean import LeanConnection
from solvent.workers.sql.postgres import hot

pytestmark = pytest.mark.postgres

_MAKE = "CREATE TABLE IF NOT EXISTS kept (id integer PRIMARY KEY, said text)"
_PUT = hot(text("INSERT INTO kept (id, said) VALUES (:id, :said) RETURNING id, said"))
_ALL = hot(text("SELECT id, said FROM kept ORDER BY id"))
_SLEEP = hot(text("SELECT pg_sleep(:seconds)"))
_ME = hot(text("SELECT pg_backend_pid() AS pid"))
_LENGTH = hot(text("SELECT length(:said) AS size, :said AS said").bindparams(bindparam("said")))


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    opened = Database(postgres_url, pool_size=1)

    async def make(connection: AsyncConnection) -> None:
        await connection.execute(text(_MAKE))

    await opened.write("make a table", make)
    yield opened
    await opened.aclose()


async def _rows(database: Database) -> list[tuple[Any, ...]]:
    async def work(connection: AsyncConnection) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await connection.execute(_ALL)]

    return await database.read("read", work)


def _put(id_: int, said: str | None = None) -> Callable[[AsyncConnection], Awaitable[None]]:
    async def work(connection: AsyncConnection) -> None:
        row = (await connection.execute(_PUT, {"id": id_, "said": said})).mappings().one()
        assert (row["id"], row["said"]) == (id_, said)

    return work


async def test_values_of_all_sizes_and_types_of_a_statement(database: Database) -> None:
    for place, id_ in enumerate((1, 40_000, 2**31 - 1)):
        await database.write("put", _put(id_, None if place else "é"), one_change=place == 1)
    assert await _rows(database) == [(1, "é"), (40_000, None), (2**31 - 1, None)]


async def test_more_statements_than_are_kept_prepared(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvent.workers.sql.lean.MOST_PREPARED", 2)

    async def work(connection: AsyncConnection) -> None:
        for id_ in (1, 40_000):
            await _put(id_)(connection)
            await _put(id_ + 1, "said")(connection)
            await connection.execute(_ALL)

    await database.write("put", work)
    await database.write("put", _put(7))
    assert [row[0] for row in await _rows(database)] == [1, 2, 7, 40_000, 40_001]


async def test_a_value_that_fills_the_socket_comes_whole(database: Database) -> None:
    said = "x" * 20_000_000

    async def work(connection: AsyncConnection) -> tuple[int, str]:
        row = (await connection.execute(_LENGTH, {"said": said})).one()
        return row.size, row.said

    assert await database.read("send much", work) == (len(said), said)


async def test_a_refused_statement_undoes_its_transaction_and_keeps_the_connection(database: Database) -> None:
    await database.write("put", _put(1))

    async def twice(connection: AsyncConnection) -> None:
        await _put(2)(connection)
        await _put(1)(connection)

    for work in (_put(1), twice):
        with pytest.raises(StoreError, match="UniqueViolation"):
            await database.write("put", work)

    async def caught(connection: AsyncConnection) -> int:
        with pytest.raises(IntegrityError):
            await _put(1)(connection)
        return 1

    assert await database.write("put", caught, one_change=True) == 1
    assert await _rows(database) == [(1, None)]


async def test_a_cancelled_statement_ends_and_its_transaction_is_undone(database: Database) -> None:
    begun = asyncio.Event()

    async def sleep(connection: AsyncConnection) -> None:
        await _put(1)(connection)
        begun.set()
        await connection.execute(_SLEEP, {"seconds": 600.0})

    working = asyncio.create_task(database.write("sleep", sleep))
    await begun.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await working
    assert await _rows(database) == []


async def test_a_connection_that_ended_unused_is_made_again(database: Database, postgres_url: str) -> None:
    async def me(connection: AsyncConnection) -> int:
        return int((await connection.execute(_ME)).scalar_one())

    async def end_it(connection: AsyncConnection) -> None:
        pid = await me(connection)
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 30000)", (pid,))
        with pytest.raises(DBAPIError):
            await me(connection)

    before = await database.read("ask", me)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 30000)", (before,))
    assert await database.read("ask", me) != before
    await database.read("lose the connection under a statement", end_it)
    await database.write("put", _put(1))
    assert await _rows(database) == [(1, None)]


async def test_an_event_loop_that_tells_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvent.workers.sql.lean.LOOK_S", 0.01)
    monkeypatch.setattr(LeanConnection, "_watch", lambda _: None)
    await test_a_value_that_fills_the_socket_comes_whole(database)
    await test_values_of_all_sizes_and_types_of_a_statement(database)


def test_statements_under_way_as_the_server_dies(postgres_server: PostgresServer) -> None:
    """On a worker's event loop, which watches a connection no more that was reset, and says so only once."""
    url = postgres_server.url(postgres_server.create_database())

    async def ask_on(opened: Database, over: asyncio.Event, asked: list[int]) -> None:
        while not over.is_set():
            with suppress(StoreError):
                asked.append(int((await opened.rows("ask", _ME, {}))[0].pid))
            await asyncio.sleep(0)

    async def work() -> None:
        opened, over, asked = Database(url, pool_size=8), asyncio.Event(), list[int]()
        try:
            async with asyncio.timeout(100), asyncio.TaskGroup() as group:
                for _ in range(16):
                    group.create_task(ask_on(opened, over, asked))
                for _ in range(3):
                    before = len(asked)
                    while len(asked) < before + 100:
                        await asyncio.sleep(0)
                    await asyncio.to_thread(postgres_server.restart)
                over.set()
        finally:
            await opened.aclose()

    loop = LoopThread()
    loop.start()
    try:
        loop.run(work())
    finally:
        loop.stop()


def test_the_same_on_the_event_loop_of_a_worker(postgres_url: str) -> None:
    async def work() -> list[tuple[Any, ...]]:
        opened = Database(postgres_url, pool_size=4)
        try:

            async def make(connection: AsyncConnection) -> None:
                await connection.execute(text(_MAKE))

            await opened.write("make a table", make)
            await asyncio.gather(*(opened.write("put", _put(id_)) for id_ in range(20)))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await opened.read("sleep", lambda connection: connection.execute(_SLEEP, {"seconds": 600.0}))
            return await _rows(opened)
        finally:
            await opened.aclose()

    loop = LoopThread()
    loop.start()
    try:
        assert loop.run(work()) == [(id_, None) for id_ in range(20)]
    finally:
        loop.stop()
