"""Deletes what has ended long ago (`Upkeep`). Each step is one transaction, which takes its locks as all others do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.workers.sql.engine import Database
from solvent.workers.sql.rows import is_postgres, now
from solvent.workers.tables import (
    artifact,
    batch,
    chore,
    concept_use,
    distillation,
    event,
    job,
    job_artifact,
    job_content,
    lease,
    ledger_call,
    ledger_scope,
    trajectory,
)
from solvent.workers.upkeep import Retention, Step, Swept

JOBS_AT_ONCE = 200
_CHUNK = 500


class SqlUpkeep:
    """An `Upkeep` of the service's database.

    Args:
        database: with the tables of this version.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, chore_name: str, *, every_s: float, holder: str) -> bool:
        """See `Upkeep.begin`."""

        async def work(connection: AsyncConnection) -> bool:
            time = await now(connection)
            make = postgresql_insert if is_postgres(connection) else sqlite_insert
            begun = await connection.execute(
                make(chore)
                .values(name=chore_name, holder=holder, begun_at=time)
                .on_conflict_do_update(
                    index_elements=["name"],
                    set_={"holder": holder, "begun_at": time},
                    where=chore.c.begun_at <= time - every_s,
                )
                .returning(chore.c.name)
            )
            return begun.first() is not None

        return await self._database.write(f"begin to {chore_name}", work)

    async def doomed(self, retention: Retention) -> Swept:
        """See `Upkeep.doomed`."""
        return await self._database.read(
            "count what is to go", lambda connection: _doomed(connection, retention), snapshot=True
        )

    async def delete_ended(self, retention: Retention) -> Step:
        """See `Upkeep.delete_ended`."""
        if not retention.deletes_jobs:
            return Step()
        return await self._database.write("delete old jobs", lambda connection: _delete_ended(connection, retention))

    async def trim_logs(self, retention: Retention) -> int:
        """See `Upkeep.trim_logs`."""
        if retention.event_s is None:
            return 0
        return await self._database.write("delete old events", lambda connection: _trim(connection, retention))

    async def open_jobs(self, ids: Sequence[str] | None = None) -> set[str]:
        """See `Upkeep.open_jobs`."""
        return await self._database.read("look for open jobs", lambda connection: _open(connection, ids))

    async def oldest_open_s(self) -> float:
        """See `Upkeep.oldest_open_s`."""

        async def work(connection: AsyncConnection) -> float:
            oldest = select(func.min(job.c.submitted_at)).where(job.c.ended_at.is_(None))
            found = (await connection.execute(oldest)).scalar_one()
            return 0.0 if found is None else max(0.0, await now(connection) - float(found))

        return await self._database.read("look for the oldest open job", work)

    async def while_ended(self, ids: Sequence[str] | None, work: Callable[[set[str]], Awaitable[None]]) -> None:
        """See `Upkeep.while_ended`. SQLite has one writer, so nothing begins there meanwhile."""

        async def locked(connection: AsyncConnection) -> None:
            if ids is not None:
                for start in range(0, len(ids), _CHUNK):
                    chunk = sorted(ids)[start : start + _CHUNK]
                    query = select(job.c.id).where(job.c.id.in_(chunk), job.c.ended_at.is_not(None))
                    await connection.execute(query.order_by(job.c.id).with_for_update(key_share=True))
            await work(await _open(connection, ids))

        await self._database.write("keep jobs as they are", locked)


async def _open(connection: AsyncConnection, ids: Sequence[str] | None) -> set[str]:
    query = select(job.c.id).where(job.c.ended_at.is_(None))
    if ids is None:
        return {row.id for row in await connection.execute(query)}
    found: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        rows = await connection.execute(query.where(job.c.id.in_(ids[start : start + _CHUNK])))
        found.update(row.id for row in rows)
    return found


def _over(
    retention: Retention, time: float, project: ColumnElement[str], at: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Return the condition that the time of what is of this project and ended at that time is over."""
    named = [
        and_(project == name, at < time - kept_s) for name, kept_s in retention.project_s.items() if kept_s is not None
    ]
    others = false() if retention.job_s is None else at < time - retention.job_s
    if retention.project_s:
        others = and_(project.not_in(list(retention.project_s)), others)
    return or_(others, *named)


def _single(retention: Retention, time: float) -> ColumnElement[bool]:
    held = exists().where(lease.c.job_id == job.c.id)
    return and_(
        job.c.batch_id.is_(None),
        job.c.ended_at.is_not(None),
        _over(retention, time, job.c.project, job.c.ended_at),
        ~held,
    )


def _whole_batch(retention: Retention, time: float) -> ColumnElement[bool]:
    """Return the condition that all jobs of a batch may go; one without jobs was deleted in part."""
    its = job.alias()
    stays = or_(its.c.ended_at.is_(None), ~_over(retention, time, its.c.project, its.c.ended_at))
    held = exists().where(lease.c.job_id == its.c.id)
    return and_(
        _over(retention, time, batch.c.project, batch.c.submitted_at),
        ~exists().where(its.c.batch_id == batch.c.id, or_(stays, held)),
    )


async def _delete_ended(connection: AsyncConnection, retention: Retention) -> Step:
    time = await now(connection)
    single = select(job.c.id).where(_single(retention, time)).order_by(job.c.ended_at, job.c.id).limit(JOBS_AT_ONCE)
    ids = [row.id for row in await connection.execute(single.with_for_update(skip_locked=True))]
    if ids:
        return Step(jobs=len(ids), artifacts=await _delete_jobs(connection, ids))
    query = select(batch.c.id).where(_whole_batch(retention, time)).order_by(batch.c.submitted_at, batch.c.id).limit(1)
    batch_id = (await connection.execute(query)).scalar()
    return Step() if batch_id is None else await _delete_batch(connection, retention, time, batch_id)


async def _delete_batch(connection: AsyncConnection, retention: Retention, time: float, batch_id: str) -> Step:
    its = select(job.c.id).where(job.c.batch_id == batch_id).order_by(job.c.id)
    ids = [row.id for row in await connection.execute(its.limit(JOBS_AT_ONCE).with_for_update())]
    # Locked now: one that was queued again before that keeps the batch.
    query = select(batch.c.id).where(batch.c.id == batch_id, _whole_batch(retention, time)).with_for_update()
    if (await connection.execute(query)).first() is None:
        return Step()
    artifacts = await _delete_jobs(connection, ids)
    if len(ids) == JOBS_AT_ONCE:
        return Step(jobs=len(ids), artifacts=artifacts)
    await _delete_accounts(connection, [batch_id])
    await connection.execute(delete(batch).where(batch.c.id == batch_id))
    return Step(jobs=len(ids), batches=1, artifacts=artifacts)


async def _delete_jobs(connection: AsyncConnection, ids: Sequence[str]) -> list[tuple[str, int]]:
    """Delete locked jobs with all that is theirs; return the artifacts that no job has any more."""
    if not ids:
        return []
    for table in (event, trajectory, job_content, concept_use, distillation):
        await connection.execute(delete(table).where(table.c.job_id.in_(ids)))
    owned = delete(job_artifact).where(job_artifact.c.job_id.in_(ids)).returning(job_artifact.c.artifact_id)
    theirs = sorted({row.artifact_id for row in await connection.execute(owned)})
    gone: list[tuple[str, int]] = []
    for start in range(0, len(theirs), _CHUNK):
        chunk = theirs[start : start + _CHUNK]
        # Locked, so that whoever gives one to another job at this moment does so before or after.
        await connection.execute(
            select(artifact.c.id).where(artifact.c.id.in_(chunk)).order_by(artifact.c.id).with_for_update()
        )
        unowned = ~exists().where(job_artifact.c.artifact_id == artifact.c.id)
        deleted = delete(artifact).where(artifact.c.id.in_(chunk), unowned)
        rows = await connection.execute(deleted.returning(artifact.c.id, artifact.c.size_bytes))
        gone.extend((row.id, row.size_bytes) for row in rows)
    await _delete_accounts(connection, ids)
    await connection.execute(delete(job).where(job.c.id.in_(ids)))
    return gone


async def _delete_accounts(connection: AsyncConnection, scopes: Sequence[str]) -> None:
    """Delete accounts of the ledger. Their key's stays, and loses what days long past had."""
    await connection.execute(delete(ledger_call).where(ledger_call.c.scope.in_(scopes)))
    child = ledger_scope.alias()
    without = ~exists().where(child.c.parent == ledger_scope.c.id)
    await connection.execute(delete(ledger_scope).where(ledger_scope.c.id.in_(scopes), without))


def _trimmable(retention: Retention, time: float) -> ColumnElement[bool]:
    its = event.alias()
    earlier = exists().where(its.c.job_id == job.c.id, its.c.sequence < job.c.last_event)
    return and_(job.c.ended_at.is_not(None), job.c.ended_at < time - (retention.event_s or 0.0), earlier)


async def _trim(connection: AsyncConnection, retention: Retention) -> int:
    time = await now(connection)
    query = select(job.c.id, job.c.last_event).where(_trimmable(retention, time)).order_by(job.c.ended_at, job.c.id)
    rows = (await connection.execute(query.limit(JOBS_AT_ONCE).with_for_update(key_share=True, skip_locked=True))).all()
    count = 0
    for row in rows:
        old = delete(event).where(event.c.job_id == row.id, event.c.sequence < row.last_event)
        count += (await connection.execute(old)).rowcount
    return count


async def _doomed(connection: AsyncConnection, retention: Retention) -> Swept:
    time = await now(connection)
    if not retention.deletes_jobs:
        return Swept(events=await _doomed_events(connection, retention, time, None))
    batches = select(batch.c.id).where(_whole_batch(retention, time))
    goes = or_(_single(retention, time), job.c.batch_id.in_(batches))
    doomed = select(job.c.id).where(goes)
    theirs = exists().where(job_artifact.c.artifact_id == artifact.c.id)
    stays = theirs.where(job_artifact.c.job_id.not_in(doomed))
    found = select(func.count(), func.coalesce(func.sum(artifact.c.size_bytes), 0)).where(theirs, ~stays)
    artifacts, size = (await connection.execute(found)).one()
    return Swept(
        jobs=await _count(connection, doomed),
        batches=await _count(connection, batches),
        events=await _doomed_events(connection, retention, time, doomed),
        artifacts=int(artifacts),
        artifact_bytes=int(size),
    )


async def _doomed_events(
    connection: AsyncConnection, retention: Retention, time: float, doomed: Select[tuple[str]] | None
) -> int:
    if retention.event_s is None:
        return 0
    query = (
        select(func.count())
        .select_from(event.join(job, job.c.id == event.c.job_id))
        .where(_trimmable(retention, time), event.c.sequence < job.c.last_event)
    )
    if doomed is not None:
        query = query.where(job.c.id.not_in(doomed))
    return int((await connection.execute(query)).scalar_one())


async def _count(connection: AsyncConnection, query: Select[tuple[str]]) -> int:
    return int((await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one())
