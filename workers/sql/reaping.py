"""What the reaper does: takes lapsed leases, ends what cannot go on, and finds what no message is under way for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, RowMapping, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus, StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.workers.service_records import Due, EndedJob, QueuedJob
from solvent.workers.sql import choosing, journal
from solvent.workers.sql.claims import free_jobs, free_trajectories, split
from solvent.workers.sql.endings import end_trajectories, unheld_results
from solvent.workers.sql.last_tries import has_more, one_under_way
from solvent.workers.sql.rows import now
from solvent.workers.sql.stops import end_unheld
from solvent.workers.sql.submission import IDEMPOTENCY_S
from solvent.workers.tables import TrajectoryStatus, batch, idempotency, job, lease, trajectory

BEGUN_UNSEEN_S = 30.0
"""A begun job's message goes before those of queued ones: it is sent again after this at the latest. So long before
those that wait a trajectory's message must have been sent to count as lost."""

Error = dict[str, str | None]


async def due(
    connection: AsyncConnection,
    *,
    max_attempts: int,
    unseen_s: float,
    limit: int,
    next_trajectories: Sequence[str] | None,
) -> Due:
    """See `ServiceStore.due`. What another transaction has locked is left for the next time."""
    time = await now(connection)
    lapsed = await _take_lapsed(connection, time, limit)
    await _end_poison_trajectories(connection, max_attempts, time, limit)
    ended = [
        *await _fail_poison_jobs(connection, max_attempts, time, limit),
        *await _expire(connection, time, limit),
    ]
    await connection.execute(delete(idempotency).where(idempotency.c.created_at <= time - IDEMPOTENCY_S))
    begun_unseen_s = min(unseen_s, BEGUN_UNSEEN_S)
    jobs = await _begun_jobs(connection, has_more(job.c.attempts, max_attempts), time, begun_unseen_s, limit)
    lost_before = max(time - unseen_s, await _taken_before(connection, next_trajectories, time))
    more = has_more(trajectory.c.attempts, max_attempts)
    trajectories = await _trajectories(connection, more, time, lost_before, limit)
    if not await one_under_way(connection, max_attempts, sent_after=time - begun_unseen_s):
        last = await _begun_jobs(connection, ~has_more(job.c.attempts, max_attempts), time, begun_unseen_s, 1)
        jobs = [*jobs, *last]
        if not last:
            last_try = ~has_more(trajectory.c.attempts, max_attempts)
            trajectories = [*trajectories, *await _trajectories(connection, last_try, time, time - begun_unseen_s, 1)]
    queued = await choosing.choose(connection, outstanding=limit, unseen_s=unseen_s)
    return Due([*jobs, *queued], trajectories, ended, lapsed)


async def _lock_jobs(connection: AsyncConnection, job_ids: set[str]) -> dict[str, RowMapping]:
    query = select(job).where(job.c.id.in_(sorted(job_ids))).order_by(job.c.id)
    rows = (await connection.execute(query.with_for_update(key_share=True, skip_locked=True))).mappings()
    return {row["id"]: row for row in rows}


async def _lock_trajectories(
    connection: AsyncConnection, names: set[tuple[str, str]]
) -> dict[tuple[str, str], RowMapping]:
    if not names:
        return {}
    place = tuple_(trajectory.c.job_id, trajectory.c.name)
    query = select(trajectory).where(place.in_(sorted(names)), trajectory.c.ended_at.is_(None))
    query = query.order_by(trajectory.c.job_id, trajectory.c.name)
    rows = (await connection.execute(query.with_for_update(key_share=True, skip_locked=True))).mappings()
    return {(row["job_id"], row["name"]): row for row in rows}


async def _take_lapsed(connection: AsyncConnection, time: float, limit: int) -> int:
    """Take leases away that ended; returns how many."""
    query = select(lease).where(lease.c.expires_at <= time).order_by(lease.c.token).limit(limit)
    lapsed = (await connection.execute(query)).mappings().all()
    if not lapsed:
        return 0
    jobs = await _lock_jobs(connection, {row["job_id"] for row in lapsed})
    names = {(row["job_id"], row["trajectory"]) for row in lapsed if row["trajectory"] and row["job_id"] in jobs}
    trajectories = await _lock_trajectories(connection, names)
    locked = [
        row["token"]
        for row in lapsed
        if ((row["job_id"], row["trajectory"]) in trajectories if row["trajectory"] else row["job_id"] in jobs)
    ]
    # A late beat may have been quicker, or be at it now.
    still = select(lease.c.token).where(lease.c.token.in_(locked), lease.c.expires_at <= time)
    still = still.order_by(lease.c.token).with_for_update(key_share=True, skip_locked=True)
    taken = delete(lease).where(lease.c.token.in_(still)).returning(lease.c.job_id, lease.c.trajectory)
    freed: dict[str, list[RowMapping]] = defaultdict(list)
    freed_jobs = []
    for row in (await connection.execute(taken)).all():
        if row.trajectory:
            freed[row.job_id].append(trajectories[row.job_id, row.trajectory])
        else:
            freed_jobs.append(row.job_id)
    if freed_jobs:
        await free_jobs(connection, sorted(freed_jobs), time, {})
    for job_id, parts in sorted(freed.items()):
        await free_trajectories(connection, jobs[job_id], parts, time, {})
    return len(freed_jobs) + sum(map(len, freed.values()))


def _poison(what: str, row: RowMapping) -> Error:
    attempts = f"{row['attempts']} time" + ("s" if row["attempts"] != 1 else "")
    last: Error = json.loads(row["last_error"]) if row["last_error"] else {}
    cause = f"; the last error was: {last['message']}" if last.get("message") else "; its workers ended without a word"
    return {
        "kind": last.get("kind") or "internal",
        "type": last.get("type") or "InternalError",
        "message": f"{what} was begun {attempts} and never ended, the last time by {row['last_holder']}{cause}",
        "remedy": last.get("remedy") or "see the log of that worker; `solvent batch retry` tries again",
    }


async def _end_poison_trajectories(connection: AsyncConnection, max_attempts: int, time: float, limit: int) -> None:
    query = (
        select(trajectory.c.job_id, trajectory.c.name)
        .where(
            trajectory.c.ended_at.is_(None),
            trajectory.c.status == TrajectoryStatus.QUEUED.value,
            trajectory.c.attempts >= max_attempts,
        )
        .limit(limit)
    )
    found = {(row.job_id, row.name) for row in await connection.execute(query)}
    jobs = await _lock_jobs(connection, {job_id for job_id, _ in found})
    locked = await _lock_trajectories(connection, {place for place in found if place[0] in jobs})
    outcomes: dict[str, list[TrajectoryOutcome]] = defaultdict(list)
    for (job_id, name), row in sorted(locked.items()):
        # Only now does nobody claim it any more.
        if row["status"] != TrajectoryStatus.QUEUED or row["attempts"] < max_attempts:
            continue
        error = _poison(f"trajectory {name}", row)
        outcomes[job_id].append(
            TrajectoryOutcome(
                trajectory=name, stop_reason=StopReason.ERROR, summary=error["message"] or "", error=error
            )
        )
    for job_id, ends in outcomes.items():
        await end_trajectories(connection, job_id, ends)
        await connection.execute(update(job).where(job.c.id == job_id).values(sent_at=None))


async def _fail_poison_jobs(connection: AsyncConnection, max_attempts: int, time: float, limit: int) -> list[EndedJob]:
    query = select(job.c.id).where(
        job.c.begun_at.is_not(None), job.c.ended_at.is_(None), job.c.attempts >= max_attempts
    )
    found = {row.id for row in await connection.execute(query.limit(limit))}
    if not found:
        return []
    rows = await _lock_jobs(connection, found)
    of_jobs = select(lease.c.job_id).where(lease.c.job_id.in_(sorted(rows)))
    held = {row.job_id for row in await connection.execute(of_jobs.where(lease.c.trajectory == ""))}
    poison = [
        row
        for row in rows.values()
        if row["id"] not in held and row["ended_at"] is None and row["attempts"] >= max_attempts
    ]
    if not poison:
        return []
    endings = await unheld_results(
        connection,
        poison,
        JobStatus.FAILED,
        StopReason.ERROR,
        errors={row["id"]: _poison(f"job {row['id']!r}", row) for row in poison},
        usage={row["id"]: await journal.spent(connection, row["id"]) for row in poison},
    )
    await end_unheld(connection, endings, time)
    return [EndedJob(row["id"], row["batch_id"]) for row in poison]


async def _expire(connection: AsyncConnection, time: float, limit: int) -> list[EndedJob]:
    """End the jobs that nobody began before their batch's time was over; those begun end with what they have."""
    query = (
        select(job)
        .join(batch, batch.c.id == job.c.batch_id)
        .where(batch.c.deadline_at <= time, job.c.begun_at.is_(None), job.c.ended_at.is_(None))
        .limit(limit)
        .with_for_update(of=job, key_share=True, skip_locked=True)
    )
    rows = (await connection.execute(query)).mappings().all()
    if not rows:
        return []
    endings = await unheld_results(connection, rows, JobStatus.EXPIRED, StopReason.DEADLINE)
    await end_unheld(connection, endings, time)
    return [EndedJob(row["id"], row["batch_id"]) for row in rows]


async def _begun_jobs(
    connection: AsyncConnection, which: ColumnElement[bool], time: float, unseen_s: float, limit: int
) -> Sequence[QueuedJob]:
    held = select(lease.c.token).where(lease.c.job_id == job.c.id, lease.c.trajectory == "")
    over = select(batch.c.id).where(batch.c.id == job.c.batch_id, batch.c.deadline_at <= time)
    query = (
        select(job.c.id, job.c.queue)
        .where(
            which,
            job.c.begun_at.is_not(None),
            job.c.ended_at.is_(None),
            or_(
                job.c.awake_since.is_not(None),
                # It waits for trajectories; its time is over for them too, unless nobody holds them.
                job.c.deadline_at <= time,
                over.exists(),
            ),
            or_(job.c.sent_at.is_(None), job.c.sent_at <= time - unseen_s),
            ~held.exists(),
        )
        .order_by(func.coalesce(job.c.awake_since, 0.0), job.c.id)
        .limit(limit)
    )
    found = [QueuedJob(row.id, row.queue) for row in await connection.execute(query)]
    if found:
        await connection.execute(update(job).where(job.c.id.in_([one.id for one in found])).values(sent_at=time))
    return found


async def _taken_before(connection: AsyncConnection, next_: Sequence[str] | None, time: float) -> float:
    """Return until when messages about trajectories were sent that were taken by now, as what is taken next says."""
    if next_ is None:
        return 0.0
    if not next_:
        return time - BEGUN_UNSEEN_S
    place = tuple_(trajectory.c.job_id, trajectory.c.name)
    query = select(func.min(trajectory.c.sent_at)).where(
        place.in_([split(id) for id in next_]),
        trajectory.c.ended_at.is_(None),
        trajectory.c.status == TrajectoryStatus.QUEUED.value,
    )
    # The earliest: of what was sent again, an old message may be among those that wait.
    earliest: float | None = (await connection.execute(query)).scalar()
    return 0.0 if earliest is None else earliest - BEGUN_UNSEEN_S


async def _trajectories(
    connection: AsyncConnection, which: ColumnElement[bool], time: float, lost_before: float, limit: int
) -> Sequence[str]:
    query = (
        select(trajectory.c.job_id, trajectory.c.name)
        .where(
            which,
            trajectory.c.ended_at.is_(None),
            trajectory.c.status == TrajectoryStatus.QUEUED.value,
            or_(trajectory.c.sent_at.is_(None), trajectory.c.sent_at <= lost_before),
        )
        .order_by(trajectory.c.sent_at, trajectory.c.job_id, trajectory.c.name)
        .limit(limit)
    )
    found = [(row.job_id, row.name) for row in await connection.execute(query)]
    if found:
        place = tuple_(trajectory.c.job_id, trajectory.c.name)
        await connection.execute(update(trajectory).where(place.in_(found)).values(sent_at=time))
    return [f"{job_id}/{name}" for job_id, name in found]
