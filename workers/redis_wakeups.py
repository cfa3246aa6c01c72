"""Wake-ups over Redis: one channel, on which each process announces its topics of a moment together.

One channel and not one per job: there is one subscription for the life of a process, so that none is made and
unmade for each watcher, and a worker's announcements cost one message for all its jobs together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from solvent.errors import DependencyError, boundary
from solvent.workers.redis_connections import on_any_loop
from solvent.workers.wakeups import Listener, Listeners

CHANNEL = "solvent:wake"
ANSWER_WAIT_S = 2.0
"""How long Redis may take to answer."""
QUIET_S = 10.0
"""After this long without a message Redis is asked whether it is still there: a connection whose other end went away
without a word looks open for ever."""
RECONNECT_S = 0.5
CANCEL_AGAIN_S = 0.1

_log = logging.getLogger(__name__)


class RedisWakeups:
    """Across all processes that use one Redis server.

    While Redis is away listeners are not woken; when it is back, all of them are, once.

    Args:
        url: of the server, such as `redis://localhost:6379/0`.
        quiet_s: see `QUIET_S`.
    """

    def __init__(self, url: str, *, quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        pool = ConnectionPool.from_url(
            url,
            socket_connect_timeout=ANSWER_WAIT_S,
            socket_timeout=ANSWER_WAIT_S,
            # Once, for a connection that was closed while nobody used it; whoever announces must not wait for long.
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis.from_pool(on_any_loop(pool))
        self._listeners = Listeners()
        self._hears = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def announce(self, topics: Iterable[str]) -> None:
        """Wake the listeners of these topics in all processes; see `Wakeups`."""
        wanted = " ".join(dict.fromkeys(topics))
        if wanted:
            with boundary(DependencyError, "announce an event on Redis", RedisError, OSError):
                await self._redis.publish(CHANNEL, wanted)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[Listener]:
        """Listen; see `Wakeups`. Where Redis does not answer, the listener is woken when it does."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="wake-ups from Redis")
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WAIT_S):
                await self._hears.wait()
        listener, _ = self._listeners.add(topic)
        try:
            yield listener
        finally:
            self._listeners.remove(topic, listener)

    def wake_all(self) -> None:
        """Wake everybody in this process."""
        self._listeners.wake_all()

    async def ping(self) -> None:
        """Raise `DependencyError` where Redis does not answer."""
        with boundary(DependencyError, "reach Redis", RedisError, OSError):
            await self._redis.ping()

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        if self._reader is not None:
            while not self._reader.done():
                # Again and again: redis-py may swallow a cancellation while it connects.
                self._reader.cancel()
                await asyncio.wait({self._reader}, timeout=CANCEL_AGAIN_S)
            self._reader = None
        await self._redis.aclose()

    async def _read(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    while True:
                        self._take(await self._next(channel))
            except (RedisError, OSError) as error:
                _log.warning("no wake-ups from Redis: %s", error)
            self._hears.clear()
            await asyncio.sleep(RECONNECT_S)

    async def _next(self, channel: PubSub) -> dict[str, Any]:
        """Return the next message, or the answer to a ping.

        Raises:
            RedisError: the connection is broken, or Redis does not answer.
        """
        message = await channel.get_message(timeout=self._quiet_s)
        if message is None:
            await channel.ping()
            message = await channel.get_message(timeout=ANSWER_WAIT_S)
        if message is None:
            raise RedisConnectionError("it does not answer any more")
        return cast(dict[str, Any], message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            # Also after a lost connection, which the client made again by itself.
            self._hears.set()
            self._listeners.wake_all()
        elif message["type"] == "message":
            for topic in message["data"].decode("utf-8", errors="replace").split():
                self._listeners.wake(topic)
