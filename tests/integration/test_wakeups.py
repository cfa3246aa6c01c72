"""Wake-ups between processes, over a real Redis that goes away and comes back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator

import pytest
from servers import RedisServer

from solvent.errors import DependencyError
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.wakeups import EVERYBODY, LocalWakeups, Wakeups

pytestmark = pytest.mark.redis
LONG_S = 60.0


@pytest.fixture(params=["local", "redis"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Wakeups, Wakeups]]:
    """Who announces and who listens."""
    if request.param == "local":
        local = LocalWakeups()
        yield local, local
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    one, other = RedisWakeups(server.url), RedisWakeups(server.url)
    try:
        yield one, other
    finally:
        await one.aclose()
        await other.aclose()


async def test_listeners_of_a_topic_are_woken(both: tuple[Wakeups, Wakeups]) -> None:
    one, other = both
    async with other.listen("job:1") as first, other.listen("job:1") as second, other.listen("job:2") as stranger:
        await one.announce(["job:1", "job:3"])
        assert await first.wait(LONG_S)
        assert await second.wait(LONG_S)
        assert not await stranger.wait(0.0)
        await one.announce([EVERYBODY])
        assert await stranger.wait(LONG_S)
    await one.announce(["job:1"])
    await one.ping()


async def test_what_is_announced_before_the_wait_is_not_missed(both: tuple[Wakeups, Wakeups]) -> None:
    one, other = both
    async with other.listen("job:1") as listener, other.listen("last") as last:
        for _ in range(3):
            await one.announce(["job:1"])
        await one.announce(["last"])
        assert await last.wait(LONG_S)
        assert await listener.wait(0.0)
        assert not await listener.wait(0.0), "three at once are one"


async def test_a_redis_that_was_away_wakes_all(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvent.workers.redis_wakeups.RECONNECT_S", 0.01)
    wakeups = RedisWakeups(redis_server.url)
    try:
        async with wakeups.listen("job:1") as listener:
            await asyncio.to_thread(redis_server.kill)
            with pytest.raises(DependencyError):
                await wakeups.announce(["job:1"])
            with pytest.raises(DependencyError):
                await wakeups.ping()
            await asyncio.to_thread(redis_server.start)
            assert await listener.wait(LONG_S), "something may have been missed"
            await wakeups.announce(["job:1"])
            assert await listener.wait(LONG_S)
    finally:
        await wakeups.aclose()


async def test_closing_while_it_connects_ends(redis_server: RedisServer) -> None:
    """redis-py swallows a cancellation that comes in the middle of a connection."""
    for turns in range(40):
        wakeups = RedisWakeups(redis_server.url)

        async def listen(wakeups: RedisWakeups = wakeups) -> None:
            async with wakeups.listen("job:1") as listener:
                await listener.wait(LONG_S)

        task = asyncio.create_task(listen())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(LONG_S):
            await wakeups.aclose()


class Warned(logging.Handler):
    """Tells that something was logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.something = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.something.set()


async def test_a_redis_that_went_away_without_a_word_is_noticed(redis_server: RedisServer) -> None:
    """Its process is stopped, so that connections stay open and nothing answers, as after a cut in the network."""
    warned = Warned()
    logger = logging.getLogger("solvent.workers.redis_wakeups")
    logger.addHandler(warned)
    wakeups = RedisWakeups(redis_server.url, quiet_s=0.1)
    try:
        async with wakeups.listen("job:1") as listener:
            os.kill(redis_server.pid, signal.SIGSTOP)
            try:
                async with asyncio.timeout(LONG_S):
                    await warned.something.wait()
            finally:
                os.kill(redis_server.pid, signal.SIGCONT)
            assert await listener.wait(LONG_S), "something may have been missed"
            await wakeups.announce(["job:1"])
            assert await listener.wait(LONG_S)
    finally:
        logger.removeHandler(warned)
        await wakeups.aclose()
