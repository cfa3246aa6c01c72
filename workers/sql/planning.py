"""Steps of batch plans: what a decision rests on, and its writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobSpec, JobStatus, Outcome
from solvent.agents.recalled import GROWING
from solvent.errors import NotFound
from solvent.usage import Budget, Usage
from solvent.workers.records import JobRecord
from solvent.workers.row_values import content_values, job_values
from solvent.workers.service_records import BatchStanding, PlanStep
from solvent.workers.sql.rows import job_record, now, select_jobs, usage_values
from solvent.workers.tables import batch, job, job_content, trajectory

_CHUNK = 500


async def standing(connection: AsyncConnection, batch_id: str) -> BatchStanding:
    """See `ServiceStore.batch_standing`."""
    query = select(batch.c.last_end_number, batch.c.unsettled_since).where(batch.c.id == batch_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(f"there is no batch {batch_id!r}")
    open_ = select(job.c.id).where(job.c.batch_id == batch_id, job.c.end_number.is_(None)).limit(1)
    return BatchStanding(
        ended=row.last_end_number,
        open=(await connection.execute(open_)).first() is not None,
        unsettled=row.unsettled_since is not None,
        now=await now(connection),
    )


async def unsettled(connection: AsyncConnection, limit: int) -> Sequence[str]:
    """See `ServiceStore.unsettled_batches`."""
    query = select(batch.c.id).where(batch.c.unsettled_since.is_not(None))
    return list((await connection.execute(query.order_by(batch.c.unsettled_since).limit(limit))).scalars())


async def take_step(connection: AsyncConnection, batch_id: str, step: PlanStep) -> Sequence[JobRecord]:
    """See `ServiceStore.take_step`."""
    # Jobs before their batch, as everywhere.
    again = await _locked(connection, batch_id, list(step.budgets))
    locked = select(batch.c.last_end_number, batch.c.unsettled_since).where(batch.c.id == batch_id)
    row = (await connection.execute(locked.with_for_update())).first()
    if row is None or row.last_end_number != step.ended or row.unsettled_since is None:
        return []
    if step.settled:
        await connection.execute(update(batch).where(batch.c.id == batch_id).values(unsettled_since=None))
        return []
    queued = await _queue_again(connection, again, step.budgets)
    queued += await _add(connection, batch_id, step.added)
    found: dict[str, JobRecord] = {}
    for start in range(0, len(queued), _CHUNK):
        rows = await connection.execute(select_jobs().where(job.c.id.in_(queued[start : start + _CHUNK])))
        found.update((record.id, record) for record in map(job_record, rows.mappings()))
    return [found[id] for id in queued]


async def settle(connection: AsyncConnection, batch_id: str) -> None:
    """Say that nothing is added to a batch any more; does nothing where it is not there."""
    statement = update(batch).where(batch.c.id == batch_id, batch.c.unsettled_since.is_not(None))
    await connection.execute(statement.values(unsettled_since=None))


async def _locked(connection: AsyncConnection, batch_id: str, ids: Sequence[str]) -> list[str]:
    """Return which of the jobs ended for want of budget, locked, in the batch's order."""
    found: list[tuple[int, str]] = []
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(job.c.position, job.c.id)
            .where(
                job.c.batch_id == batch_id,
                job.c.id.in_(sorted(ids)[start : start + _CHUNK]),
                job.c.ended_at.is_not(None),
                job.c.status == JobStatus.COMPLETED.value,
                job.c.outcome == Outcome.EXHAUSTED.value,
            )
            .order_by(job.c.id)
            .with_for_update(key_share=True)
        )
        found.extend((row.position, row.id) for row in await connection.execute(query))
    return [id for _, id in sorted(found)]


async def _queue_again(connection: AsyncConnection, ids: Sequence[str], budgets: Mapping[str, Budget]) -> list[str]:
    """Give jobs their new budgets and queue them from the beginning; what they committed is not spent again."""
    for start in range(0, len(ids), _CHUNK):
        chunk = list(ids[start : start + _CHUNK])
        # Their names come again; the tokens of their leases do not.
        await connection.execute(delete(trajectory).where(trajectory.c.job_id.in_(chunk)))
        contents = select(job_content.c.job_id, job_content.c.spec).where(job_content.c.job_id.in_(chunk))
        specs = {row.job_id: row.spec for row in await connection.execute(contents)}
        for id in chunk:
            before = JobSpec.model_validate_json(specs[id])
            share = before.share + (before.memory in GROWING)
            spec = before.model_copy(update={"budget": budgets[id], "share": share})
            await connection.execute(
                update(job_content)
                .where(job_content.c.job_id == id)
                # The result stays, unseen, for one that is stopped before anybody goes on with it.
                .values(spec=spec.model_dump_json(), error=None)
            )
            await connection.execute(
                update(job)
                .where(job.c.id == id)
                .values(
                    status=JobStatus.QUEUED.value,
                    outcome=None,
                    begun_at=None,
                    ended_at=None,
                    end_number=None,
                    deadline_s=spec.budget.deadline_s,
                    deadline_at=None,
                    awake_since=None,
                    sent_at=None,
                    attempts=0,
                    last_error=None,
                    **usage_values(Usage()),
                )
            )
    return list(ids)


async def _add(connection: AsyncConnection, batch_id: str, added: Sequence[JobRecord]) -> list[str]:
    if not added:
        return []
    query = select(job.c.id).where(job.c.id.in_([record.id for record in added]))
    there = set((await connection.execute(query)).scalars())
    new = [record for record in added if record.id not in there]
    if not new:
        return []
    first = select(job.c.rank).where(job.c.batch_id == batch_id).limit(1)
    rank = int((await connection.execute(first)).scalar_one())
    time = await now(connection)
    await connection.execute(
        insert(job), [{**job_values(record, time, priority=-rank), "sent_at": None} for record in new]
    )
    await connection.execute(insert(job_content), [content_values(record) for record in new])
    return [record.id for record in new]
