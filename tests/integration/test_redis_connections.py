"""Connections to a real Redis that are reset while nobody uses them, on each event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from relay import Relay
from servers import RedisServer

from solvent.workers.loop import LoopThread
from solvent.workers.redis_connections import on_any_loop

pytestmark = pytest.mark.redis


@pytest.fixture
async def relay(redis_server: RedisServer) -> AsyncIterator[Relay]:
    async with Relay(redis_server.port) as relay:
        yield relay


async def _closed(redis: Redis) -> None:
    """Wait until this side knows that its connection is closed."""
    (connection,) = redis.connection_pool._available_connections
    writer = connection._writer
    assert writer is not None
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _broken_and_used(url: str, reset: Callable[[], object]) -> None:
    """Break a connection and use it; raise what comes other than redis-py's own."""
    for tries in (0, 1):
        redis = Redis.from_pool(on_any_loop(ConnectionPool.from_url(url, retry=Retry(NoBackoff(), tries))))
        await redis.ping()
        reset()
        await _closed(redis)
        if tries:
            assert await redis.ping(), "it is made again"
        else:
            with pytest.raises(RedisConnectionError):
                await redis.ping()
            assert await redis.ping()
        await redis.aclose()


async def test_on_the_loop_of_a_worker(relay: Relay) -> None:
    loop, here = LoopThread(), asyncio.get_running_loop()
    loop.start()
    try:
        url = f"redis://127.0.0.1:{relay.port}/0"
        await asyncio.to_thread(loop.run, _broken_and_used(url, lambda: _call(here, relay.reset)))
    finally:
        loop.stop()


async def test_on_asyncio_s_own(relay: Relay) -> None:
    await _broken_and_used(f"redis://127.0.0.1:{relay.port}/0", relay.reset)


def _call(loop: asyncio.AbstractEventLoop, reset: Callable[[], int]) -> None:
    done = threading.Event()
    loop.call_soon_threadsafe(reset)
    loop.call_soon_threadsafe(done.set)
    assert done.wait(60)
