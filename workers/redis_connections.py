"""Connections to Redis that break as redis-py expects it on every event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

P = TypeVar("P", bound=ConnectionPool)


class _SaysThatItBroke(AbstractConnection):
    """Raises `ConnectionError`, which redis-py tries again after, where the event loop has a word of its own.

    uvloop raises `RuntimeError` for a write on a connection that the other end closed while nobody used it; asyncio's
    own loop says nothing, and the answer is missed.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            raise RedisConnectionError(f"the connection was closed: {error}") from error


def on_any_loop(pool: P) -> P:
    """Return the pool, whose connections from now on raise nothing but redis-py's errors and `OSError`."""
    kind = pool.connection_class
    pool.connection_class = type(kind.__name__, (_SaysThatItBroke, kind), {})
    return pool
