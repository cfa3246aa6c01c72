"""Reading jobs and batches, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Table, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus
from solvent.errors import NotFound
from solvent.usage import Usage
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.service_records import BatchCounts
from solvent.workers.sql.rows import batch_record, job_record, select_jobs
from solvent.workers.tables import batch, job

PAGE = 200


async def one_job(connection: AsyncConnection, job_id: str, project: str | None) -> JobRecord:
    """See `ServiceStore.job`."""
    query = select_jobs().where(job.c.id == job_id)
    if project is not None:
        query = query.where(job.c.project == project)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound(f"there is no job {job_id!r}")
    return job_record(row)


async def one_batch(connection: AsyncConnection, batch_id: str, project: str | None) -> BatchRecord:
    """See `ServiceStore.batch`."""
    query = select(batch).where(batch.c.id == batch_id)
    if project is not None:
        query = query.where(batch.c.project == project)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound(f"there is no batch {batch_id!r}")
    return batch_record(row)


async def matching(connection: AsyncConnection, part: str, limit: int) -> Sequence[str]:
    """See `ServiceStore.matching`."""
    found: list[str] = []
    for table in (batch, job):
        either = table.c.id.startswith(part, autoescape=True) | table.c.id.endswith(part, autoescape=True)
        query = select(table.c.id).where(either).order_by(table.c.id).limit(limit)
        found.extend(row.id for row in await connection.execute(query))
    return found[:limit]


async def counts(connection: AsyncConnection, batch_id: str) -> BatchCounts:
    """See `ServiceStore.batch_counts`."""
    found = await connection.execute(select(batch.c.unsettled_since).where(batch.c.id == batch_id))
    row_of_batch = found.first()
    if row_of_batch is None:
        raise NotFound(f"there is no batch {batch_id!r}")
    sums = [func.sum(job.c[name]).label(name) for name in Usage.model_fields]
    query = (
        select(job.c.status, job.c.outcome, func.count().label("jobs"), *sums)
        .where(job.c.batch_id == batch_id)
        .group_by(job.c.status, job.c.outcome)
    )
    by_status: dict[JobStatus, int] = {}
    by_outcome: dict[str, int] = {}
    usage = Usage()
    for row in (await connection.execute(query)).mappings():
        status = JobStatus(row["status"])
        by_status[status] = by_status.get(status, 0) + row["jobs"]
        if row["outcome"] is not None:
            by_outcome[row["outcome"]] = by_outcome.get(row["outcome"], 0) + row["jobs"]
        usage += Usage(**{name: row[name] for name in Usage.model_fields})
    unsettled = row_of_batch.unsettled_since is not None
    return BatchCounts(sum(by_status.values()), by_status, by_outcome, usage, unsettled)


async def ended_place(connection: AsyncConnection, batch_id: str, cursor: str) -> int:
    """Return the number of an end from what a reader has. Raises `NotFound`."""
    if not cursor:
        return 0
    if cursor.isdecimal():
        return int(cursor)
    query = select(job.c.end_number).where(
        job.c.id == cursor, job.c.batch_id == batch_id, job.c.end_number.is_not(None)
    )
    number = (await connection.execute(query)).scalar()
    if number is None:
        raise NotFound(f"no job {cursor!r} has ended in batch {batch_id!r}")
    return int(number)


async def ended_page(connection: AsyncConnection, batch_id: str, after: int) -> Sequence[JobRecord]:
    """Return the next jobs of a batch that ended after a number."""
    query = select_jobs().where(job.c.batch_id == batch_id, job.c.end_number > after)
    return await _records(connection, query.order_by(job.c.end_number).limit(PAGE))


async def page(connection: AsyncConnection, batch_id: str, after: int) -> Sequence[JobRecord]:
    """Return the next jobs of a batch after a position."""
    query = select_jobs().where(job.c.batch_id == batch_id, job.c.position > after)
    return await _records(connection, query.order_by(job.c.position).limit(PAGE))


async def recent_jobs(
    connection: AsyncConnection, project: str | None, limit: int, before: str | None
) -> Sequence[JobRecord]:
    """See `ServiceStore.recent`."""
    return await _records(connection, await _newest(connection, select_jobs(), job, project, limit, before))


async def recent_batches(
    connection: AsyncConnection, project: str | None, limit: int, before: str | None
) -> Sequence[BatchRecord]:
    """See `ServiceStore.recent_batches`."""
    query = await _newest(connection, select(batch), batch, project, limit, before)
    return [batch_record(row) for row in (await connection.execute(query)).mappings()]


async def _records(connection: AsyncConnection, query: Select[Any]) -> Sequence[JobRecord]:
    return [job_record(row) for row in (await connection.execute(query)).mappings()]


async def _newest(
    connection: AsyncConnection,
    query: Select[Any],
    table: Table,
    project: str | None,
    limit: int,
    before: str | None,
) -> Select[Any]:
    if project is not None:
        query = query.where(table.c.project == project)
    if before is not None:
        of_cursor = select(table.c.submitted_at).where(table.c.id == before)
        if project is not None:
            of_cursor = of_cursor.where(table.c.project == project)
        time = (await connection.execute(of_cursor)).scalar()
        if time is None:
            raise NotFound(f"there is no {table.name} {before!r}")
        query = query.where(tuple_(table.c.submitted_at, table.c.id) < tuple_(time, before))
    return query.order_by(table.c.submitted_at.desc(), table.c.id.desc()).limit(limit)
