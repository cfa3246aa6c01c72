"""The log of a job: numbers without a gap and without a duplicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.events import SCHEMA_VERSION, Event
from solvent.errors import NotFound
from solvent.workers.service_records import StoredEvent
from solvent.workers.sql.rows import database_time, stored_event
from solvent.workers.tables import event, job


async def append(connection: AsyncConnection, job_id: str, new: Sequence[Event]) -> Sequence[int]:
    """See `ServiceStore.add_events`.

    The job's row gives the numbers: its lock is kept until the transaction ends, so whoever sees a number sees all
    before it.
    """
    if not new:
        return []
    numbered = await connection.execute(
        update(job)
        .where(job.c.id == job_id)
        .values(last_event=job.c.last_event + len(new))
        .returning(job.c.last_event, database_time().label("time"))
    )
    row = numbered.first()
    if row is None:
        raise NotFound(f"there is no job {job_id!r}")
    numbers = range(row.last_event - len(new) + 1, row.last_event + 1)
    await insert_rows(
        connection, [event_row(job_id, number, one, row.time) for number, one in zip(numbers, new, strict=True)]
    )
    return list(numbers)


def event_row(job_id: str, sequence: int, new: Event, time: float) -> dict[str, Any]:
    """Return an event as a row."""
    return {
        "job_id": job_id,
        "sequence": sequence,
        "version": SCHEMA_VERSION,
        "type": new.type,
        "body": new.model_dump_json(),
        "time": time,
    }


async def insert_rows(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Store events whose numbers were taken in this transaction."""
    await connection.execute(insert(event), list(rows))


async def after(connection: AsyncConnection, job_id: str, sequence: int, limit: int) -> Sequence[StoredEvent]:
    """See `ServiceStore.events`."""
    query = (
        select(event)
        .where(event.c.job_id == job_id, event.c.sequence > sequence)
        .order_by(event.c.sequence)
        .limit(limit)
    )
    return [stored_event(row) for row in (await connection.execute(query)).mappings()]
