"""Submission: jobs, batches and idempotency keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus
from solvent.errors import Conflict, NotFound, QuotaExceeded
from solvent.workers.records import BatchRecord, JobRecord, Queue, iso
from solvent.workers.row_values import batch_values, content_values, job_values
from solvent.workers.sql import keys, rates
from solvent.workers.sql.rows import is_postgres, job_record, now, select_jobs
from solvent.workers.tables import batch, idempotency, job, job_content

IDEMPOTENCY_S = 24 * 3600.0
_CHUNK = 500


async def submit(
    connection: AsyncConnection,
    jobs: Sequence[JobRecord],
    *,
    batch_: BatchRecord | None,
    key_id: str | None,
    queue: str,
    priority: int,
    idempotency_key: str | None,
    request_digest: str,
    refusal: QuotaExceeded | None,
) -> Sequence[JobRecord]:
    """See `ServiceStore.submit`."""
    time = await now(connection)
    if idempotency_key is not None:
        earlier = await _earlier(connection, key_id or "", idempotency_key, request_digest, jobs, time)
        if earlier is not None:
            return earlier
    if refusal is not None:
        raise refusal
    project = "default"
    if key_id is not None:
        key = await keys.of_id(connection, key_id, lock=True)
        project = key.project
        await rates.take(connection, key, time)
        if key.queued is not None:
            await _check_quota(connection, key_id, key.queued, sum(_waits(record) for record in jobs))
    failed = sum(not _waits(record) for record in jobs) if batch_ is not None else 0
    place = {"key_id": key_id, "project": project}
    numbers = iter(range(1, failed + 1))
    stored = [_stored(record, batch_, numbers, place, queue, time) for record in jobs]
    try:
        if batch_ is not None:
            await connection.execute(
                insert(batch).values(batch_values(batch_, time, ended=failed, key_id=key_id, project=project))
            )
        for start in range(0, len(stored), _CHUNK):
            chunk = stored[start : start + _CHUNK]
            await connection.execute(insert(job), [job_values(record, time, priority=priority) for record in chunk])
            await connection.execute(insert(job_content), [content_values(record) for record in chunk])
    except IntegrityError as error:
        raise Conflict("there is a job or a batch of the same id, or two jobs have one place in the batch") from error
    return stored


def _waits(record: JobRecord) -> bool:
    return record.status is not JobStatus.FAILED


async def _check_quota(connection: AsyncConnection, key_id: str, most: int, more: int) -> None:
    waiting = select(job.c.id).where(
        *(job.c.key_id == key_id, job.c.begun_at.is_(None), job.c.ended_at.is_(None)),
        job.c.queue.in_([queue.value for queue in Queue]),
    )
    # No more is counted than decides.
    counted = select(func.count()).select_from(waiting.limit(max(0, most - more) + 1).subquery())
    found = (await connection.execute(counted)).scalar_one()
    if more and found + more > most:
        raise QuotaExceeded(
            f"API key {key_id!r} may have {most} jobs waiting; {found} or more wait, and {more} were sent",
            remedy="send them later, or have the limit raised",
        )


async def _earlier(
    connection: AsyncConnection, key_id: str, name: str, digest: str, jobs: Sequence[JobRecord], time: float
) -> Sequence[JobRecord] | None:
    """Enter the idempotency key, or return the jobs that it was used for.

    A second request with the same key waits for the end of the first one's transaction.
    """
    make = postgresql_insert if is_postgres(connection) else sqlite_insert
    values = {"digest": digest, "job_ids": json.dumps([record.id for record in jobs]), "created_at": time}
    entered = await connection.execute(
        make(idempotency)
        .values(key_id=key_id, name=name, **values)
        .on_conflict_do_update(
            index_elements=["key_id", "name"], set_=values, where=idempotency.c.created_at <= time - IDEMPOTENCY_S
        )
        .returning(idempotency.c.name)
    )
    if entered.first() is not None:
        return None
    query = select(idempotency).where(idempotency.c.key_id == key_id, idempotency.c.name == name)
    row = (await connection.execute(query)).mappings().one()
    if row["digest"] != digest:
        raise Conflict(
            f"the idempotency key {name!r} came with another request in the last 24 hours",
            remedy="use a new key for a new request",
        )
    ids = json.loads(row["job_ids"])
    found: dict[str, JobRecord] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = await connection.execute(select_jobs().where(job.c.id.in_(ids[start : start + _CHUNK])))
        found.update((record.id, record) for record in map(job_record, rows.mappings()))
    missing = [id_ for id_ in ids if id_ not in found]
    if missing:
        raise NotFound(f"job {missing[0]!r} of the first request with the idempotency key {name!r} is not there")
    return [found[id_] for id_ in ids]


def _stored(
    record: JobRecord,
    batch_: BatchRecord | None,
    numbers: Iterator[int],
    place: dict[str, Any],
    queue: str,
    time: float,
) -> JobRecord:
    failed = not _waits(record)
    return record.model_copy(
        update={
            **place,
            "batch_id": batch_.id if batch_ is not None else record.batch_id,
            "queue": queue,
            "status": JobStatus.FAILED if failed else JobStatus.QUEUED,
            "end_number": next(numbers) if failed and batch_ is not None else None,
            "created_at": iso(time),
            "finished_at": iso(time) if failed else None,
        }
    )
