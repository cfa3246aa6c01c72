"""The log of a job: numbers without a gap and without a duplicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.events import SCHEMA_VERSION, Event
from solvent.errors import NotFound
from solvent.workers.service_records import StoredEvent
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import database_time, is_postgres, stored_event
from solvent.workers.tables import event, job

_APPEND = hot(
    text(
        "WITH numbered AS (UPDATE job SET last_event = last_event + :count WHERE id = :job_id "
        "RETURNING last_event, extract(epoch FROM clock_timestamp())::double precision AS time) "
        "INSERT INTO event (job_id, sequence, version, type, body, time) "
        "SELECT :job_id, last_event - :count + one.number, :version, one.type, one.body, time "
        "FROM numbered, unnest(CAST(:types AS text[]), CAST(:bodies AS text[])) "
        "WITH ORDINALITY AS one(type, body, number) "
        "RETURNING sequence"
    )
)
"""For PostgreSQL: both changes in one statement."""


async def append(connection: AsyncConnection, job_id: str, new: Sequence[Event]) -> Sequence[int]:
    """See `ServiceStore.add_events`.

    The job's row gives the numbers: its lock is kept until the transaction ends, so whoever sees a number sees all
    before it.
    """
    if not new:
        return []
    if is_postgres(connection):
        values = {
            "job_id": job_id,
            "count": len(new),
            "version": SCHEMA_VERSION,
            "types": [one.type for one in new],
            "bodies": [one.model_dump_json() for one in new],
        }
        numbers = sorted((await connection.execute(_APPEND, values)).scalars())
        if not numbers:
            raise NotFound(f"there is no job {job_id!r}")
        return numbers
    numbered = await connection.execute(
        update(job)
        .where(job.c.id == job_id)
        .values(last_event=job.c.last_event + len(new))
        .returning(job.c.last_event, database_time().label("time"))
    )
    row = numbered.first()
    if row is None:
        raise NotFound(f"there is no job {job_id!r}")
    first = row.last_event - len(new) + 1
    await insert_rows(connection, [event_row(job_id, first + place, one, row.time) for place, one in enumerate(new)])
    return list(range(first, row.last_event + 1))


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
