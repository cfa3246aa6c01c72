"""Hears at once, from PostgreSQL, which jobs are to stop. SQLite cannot say it: there the keeper beats every second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from psycopg import AsyncConnection, Error, sql

from solvent.workers.service_store import STOP_CHANNEL

RECONNECT_S = 1.0
KEEPALIVE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""What a connection is made with, so that a server which went away without a word is found out."""

logger = logging.getLogger(__name__)


async def listen_for_stops(conninfo: str, heard: Callable[[str | None], None]) -> None:
    """Call `heard` with the id of each job that is to stop, until cancelled.

    After each (re)connection it is called with None: something may have been said before.

    Args:
        conninfo: URL for libpq.
        heard: called on the event loop.
    """
    while True:
        try:
            connection = await AsyncConnection.connect(conninfo, autocommit=True, **KEEPALIVE)
            async with connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(STOP_CHANNEL)))
                heard(None)
                async for notification in connection.notifies():
                    heard(notification.payload)
        except Error as error:
            logger.warning("PostgreSQL does not say what is to stop, beats do: %s", error)
        await asyncio.sleep(RECONNECT_S)
