"""Calls the ledger's script on Redis, over lost connections and restarts of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from solvent.errors import StoreError
from solvent.workers.ledger_codec import MICRO, Keys, micro
from solvent.workers.redis_connections import on_any_loop
from solvent.workers.redis_wakeups import CHANNEL

ANSWER_WAIT_S = 5.0
"""How long one answer of Redis is waited for."""
STILL_WANTED_S = 4.0
"""Age at which the server no longer begins an operation: its answer could come too late, and it was sent again."""
CONNECTIONS = 16
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0
AWAY = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OSError)


@cache
def source() -> str:
    """Return the script's text."""
    return files("solvent.workers").joinpath("redis_ledger.lua").read_text(encoding="utf-8")


class LedgerScript:
    """The script, as one holder calls it. Each of its operations may be done twice, so it is sent again until answered.

    Redis forgets scripts when it starts. So a server that does not know this one may have lost data too, and its
    accounts are made invalid (`begin`) in the same step in which it learns the script.

    Args:
        url: of the Redis server (7.0 or later).
        keys: names in Redis.
        holder: name of this process among all; no spaces, no `#`.
        lease_s: for how long calls of a holder that is not heard of count as in flight.
        patience_s: for how long a server that is away is waited for.
        clock: Unix time in place of the server's own; for tests.
    """

    def __init__(
        self,
        url: str,
        keys: Keys,
        *,
        holder: str,
        lease_s: float,
        patience_s: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=None,
            decode_responses=True,
            socket_timeout=ANSWER_WAIT_S,
            socket_connect_timeout=ANSWER_WAIT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(on_any_loop(pool))
        self._keys = keys
        self._holder = holder
        self._lease = str(micro(lease_s))
        self.patience_s = patience_s
        self._clock = clock
        self._sha: str | None = None
        self._ahead: int | None = None

    async def now(self) -> int:
        """Return the server's time in microseconds since 1970, as it was last heard and has gone on since."""
        if self._clock is not None:
            return micro(self._clock())
        if self._ahead is None:
            await self("beat")
        return self._monotonic() + (self._ahead or 0)

    def clock(self) -> float:
        """Return the server's Unix time, as `now` does; this machine's own before the first answer."""
        if self._clock is not None:
            return self._clock()
        return time.time() if self._ahead is None else (self._monotonic() + self._ahead) / MICRO

    async def __call__(
        self, operation: str, accounts: Sequence[str] = (), *arguments: str, wake: str = ""
    ) -> list[str]:
        """Do an operation and return its reply, which is never `lost` or `late`.

        Args:
            operation: its name.
            accounts: keys that it is about.
            arguments: see the script.
            wake: topic announced where the operation makes room for who waits.

        Raises:
            StoreError: Redis was away for too long, or refused.
        """
        gives_up_at = time.monotonic() + self.patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._send(operation, accounts, arguments, wake)
            except NoScriptError:
                error: Exception | None = None
            except AWAY as away:
                error = away
            except RedisError as refused:
                raise StoreError(f"the ledger on Redis failed to {operation}: {refused}") from refused
            if time.monotonic() >= gives_up_at:
                raise StoreError(
                    f"the ledger's Redis does not answer ({operation}): {error}",
                    remedy="start it, or check SOLVENT_REDIS_URL",
                ) from error
            if error is not None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _send(self, operation: str, accounts: Sequence[str], arguments: Sequence[str], wake: str) -> list[str]:
        if self._sha is None:
            await self._begin()
        assert self._sha is not None
        keys = [*self._keys.common, *accounts]
        try:
            reply = await self._redis.evalsha(
                self._sha, len(keys), *keys, *self._common(operation, wake, expires=True), *arguments
            )
        except NoScriptError:
            self._sha = None
            raise
        if reply[0] == "lost":
            self._sha = None
            raise NoScriptError("the ledger's accounts are gone")
        if reply[0] == "late":
            self._hear(reply)
            raise RedisTimeoutError("an operation of the ledger came too late")
        if operation == "beat":
            self._hear(reply)
        return list(reply)

    async def _begin(self) -> None:
        reply = await self._redis.eval(
            source(), len(self._keys.common), *self._keys.common, *self._common("begin", "", expires=False)
        )
        self._hear(reply)
        self._sha = _digest()

    def _common(self, operation: str, wake: str, *, expires: bool) -> list[str]:
        clock = "" if self._clock is None else str(micro(self._clock()))
        until = ""
        if expires and self._clock is None and self._ahead is not None:
            until = str(self._monotonic() + self._ahead + micro(STILL_WANTED_S))
        return [operation, clock, self._holder, self._lease, CHANNEL, wake, until]

    def _hear(self, reply: Sequence[str]) -> None:
        self._ahead = int(reply[1]) - self._monotonic()

    @staticmethod
    def _monotonic() -> int:
        return time.monotonic_ns() * MICRO // 1_000_000_000


@cache
def _digest() -> str:
    from hashlib import sha1

    return sha1(source().encode(), usedforsecurity=False).hexdigest()
