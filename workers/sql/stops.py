"""Jobs that end, are asked to stop, or are queued again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobResult, JobStatus, StopReason
from solvent.errors import InternalError, NotFound
from solvent.usage import Usage
from solvent.workers.records import PLAN_FORMAT
from solvent.workers.service_records import RETRIED, Claim, LeaseKind, QueuedJob
from solvent.workers.service_store import STOP_CHANNEL
from solvent.workers.sql.claims import lock_held
from solvent.workers.sql.endings import (
    Ending,
    cancelled_outcome,
    drop_leases,
    end_jobs,
    end_trajectories,
    end_unheld_trajectories,
    lock_open,
    unheld_results,
)
from solvent.workers.sql.rows import is_postgres, now, usage_values
from solvent.workers.tables import batch, job, job_content, trajectory

STEP = 500
"""Jobs of a batch that one transaction changes."""


async def notify(connection: AsyncConnection, job_ids: Sequence[str]) -> None:
    """Tell the workers, when this transaction is committed, that jobs or parts of them are to stop."""
    if is_postgres(connection):
        statement = text("SELECT pg_notify(:channel, :id)")
        await connection.execute(statement, [{"channel": STOP_CHANNEL, "id": id_} for id_ in job_ids])


async def finish(connection: AsyncConnection, claim: Claim, result: JobResult) -> None:
    """See `ServiceStore.finish`."""
    if claim.kind is not LeaseKind.JOB or claim.id != result.job_id:
        raise InternalError(f"the result of {result.job_id!r} was given for the claim of {claim.id!r}")
    row, _, time = await lock_held(connection, claim)
    await _end_all_trajectories(connection, row["id"])
    await drop_leases(connection, [row["id"]])
    await end_jobs(connection, [Ending(row, result)], time)


async def end_unheld(connection: AsyncConnection, endings: Sequence[Ending], time: float) -> None:
    """End locked jobs that nobody holds, with all their trajectories."""
    for ending in endings:
        await _end_all_trajectories(connection, ending.row["id"])
    if endings:
        await drop_leases(connection, [ending.row["id"] for ending in endings])
    await end_jobs(connection, endings, time)


async def _end_all_trajectories(connection: AsyncConnection, job_id: str) -> None:
    locked = await lock_open(connection, job_id)
    if locked:
        await end_trajectories(connection, job_id, [cancelled_outcome(name) for name in locked])
        await notify(connection, [job_id])


async def cancel_step(
    connection: AsyncConnection, *, job_id: str | None, batch_id: str | None, after: str
) -> tuple[int, str | None]:
    """Cancel a job, or the next jobs of a batch after an id.

    Returns how many had not ended, and the id to go on after, None at the end. Raises `NotFound`.
    """
    rows, last = await _next_rows(connection, job_id, batch_id, job.c.ended_at.is_(None), after)
    if not rows:
        return 0, last
    time = await now(connection)
    begun = [row for row in rows if row["begun_at"] is not None]
    unbegun = [row for row in rows if row["begun_at"] is None]
    if unbegun:
        endings = await unheld_results(connection, unbegun, JobStatus.CANCELLED, StopReason.CANCELLED)
        await end_jobs(connection, endings, time)
    for row in begun:
        await end_unheld_trajectories(connection, row["id"], None)
    if begun:
        ids = [row["id"] for row in begun]
        await connection.execute(
            update(job)
            .where(job.c.id.in_(ids))
            .values(
                status=JobStatus.CANCELLING.value,
                awake_since=func.coalesce(job.c.awake_since, time),
                sent_at=None,
            )
        )
        await notify(connection, ids)
    return len(rows), last


async def retry_step(
    connection: AsyncConnection,
    *,
    job_id: str | None,
    batch_id: str | None,
    statuses: Collection[JobStatus],
    after: str,
) -> tuple[list[QueuedJob], str | None]:
    """Queue a job, or the next jobs of a batch after an id, again; as `cancel_step`."""
    readable = select(job_content.c.job_id).where(job_content.c.job_id == job.c.id, job_content.c.spec.is_not(None))
    wanted = (
        job.c.status.in_([status.value for status in RETRIED.intersection(statuses)])
        & job.c.ended_at.is_not(None)
        & readable.exists()
    )
    rows, last = await _next_rows(connection, job_id, batch_id, wanted, after)
    if not rows:
        return [], last
    time = await now(connection)
    ids = [row["id"] for row in rows]
    # Their names come again; the tokens of their leases do not.
    await connection.execute(delete(trajectory).where(trajectory.c.job_id.in_(ids)))
    await connection.execute(
        update(job)
        .where(job.c.id.in_(ids))
        .values(
            status=JobStatus.QUEUED.value,
            outcome=None,
            begun_at=None,
            ended_at=None,
            end_number=None,
            deadline_at=None,
            awake_since=None,
            sent_at=None,
            attempts=0,
            last_error=None,
            **usage_values(Usage()),
        )
    )
    await connection.execute(update(job_content).where(job_content.c.job_id.in_(ids)).values(result=None, error=None))
    # A batch whose time was over gets its time again, from the first job that begins.
    batches = sorted({row["batch_id"] for row in rows if row["batch_id"] is not None})
    await connection.execute(
        update(batch)
        .where(batch.c.id.in_(batches), batch.c.deadline_at <= time)
        .values(begun_at=None, deadline_at=None)
    )
    await connection.execute(
        update(batch)
        .where(batch.c.id.in_(batches), batch.c.version >= PLAN_FORMAT, batch.c.unsettled_since.is_(None))
        .values(unsettled_since=time)
    )
    return [QueuedJob(row["id"], row["queue"]) for row in rows], last


async def _next_rows(
    connection: AsyncConnection, job_id: str | None, batch_id: str | None, wanted: ColumnElement[bool], after: str
) -> tuple[Sequence[RowMapping], str | None]:
    if job_id is not None:
        await _require(connection, select(job.c.id).where(job.c.id == job_id), f"job {job_id!r}")
        query = select(job).where(job.c.id == job_id, wanted)
        return (await connection.execute(query.with_for_update(key_share=True))).mappings().all(), None
    if batch_id is None:
        raise InternalError("neither a job nor a batch was named")
    if not after:
        await _require(connection, select(batch.c.id).where(batch.c.id == batch_id), f"batch {batch_id!r}")
    query = select(job).where(job.c.batch_id == batch_id, job.c.id > after, wanted).order_by(job.c.id).limit(STEP)
    rows = (await connection.execute(query.with_for_update(key_share=True))).mappings().all()
    return rows, rows[-1]["id"] if len(rows) == STEP else None


async def _require(connection: AsyncConnection, query: Any, what: str) -> None:
    if (await connection.execute(query)).first() is None:
        raise NotFound(f"there is no {what}")
