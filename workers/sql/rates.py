"""The rate of submissions of an API key, by the database's clock."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.errors import QuotaExceeded
from solvent.workers.service_records import ApiKey
from solvent.workers.tables import api_key

MINUTE_S = 60.0
ROUNDING_S = 5e-7
"""Nobody is refused for less: seconds since 1970 are rounded to a quarter of a microsecond."""


def next_accounted_at(accounted_at: float | None, now: float, per_minute: int) -> tuple[float, float]:
    """Return up to when submissions are accounted for with one more, and for how long that one has to wait (0: not).

    A bucket that holds a minute's worth and fills evenly, kept as one time: the generic cell rate algorithm (ITU-T
    I.371, annex A, "virtual scheduling"). Pure.
    """
    interval_s = MINUTE_S / per_minute
    before = max(now, accounted_at if accounted_at is not None else now)
    wait_s = (before - now) + (interval_s - MINUTE_S)
    return before + interval_s, wait_s if wait_s > ROUNDING_S else 0.0


async def take(connection: AsyncConnection, key: ApiKey, now: float) -> None:
    """Account for a submission of a locked key.

    Raises:
        QuotaExceeded: it has sent its minute's worth; says when it may send again.
    """
    if key.per_minute is None:
        return
    this = api_key.c.id == key.id
    accounted_at = (await connection.execute(select(api_key.c.accounted_at).where(this))).scalar_one()
    after, wait_s = next_accounted_at(accounted_at, now, key.per_minute)
    if wait_s > 0:
        raise QuotaExceeded(
            f"API key {key.id!r} may send {key.per_minute} requests with jobs in a minute",
            retry_after_s=wait_s,
            quota="rate",
            remedy="send again when that has passed; many jobs may come in one request",
        )
    await connection.execute(update(api_key).where(this).values(accounted_at=after))
