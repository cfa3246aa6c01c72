"""Trajectories of a claimed job: what its holder and theirs write."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import InternalError, NotFound
from solvent.workers.service_records import Claim, LeaseKind, TrajectoryRecord
from solvent.workers.sql import at_once
from solvent.workers.sql.claims import end_lease, lock_held, lost, release_held, split
from solvent.workers.sql.endings import end_trajectories, end_unheld_trajectories
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import database_time, is_postgres, select_trajectories, trajectory_record
from solvent.workers.sql.stops import notify
from solvent.workers.tables import FORMAT, TrajectoryStatus, job, trajectory

_OF_JOB = trajectory.c.job_id == bindparam("of_job")
_ONE = hot(select_trajectories().where(_OF_JOB, trajectory.c.name == bindparam("of_name")))
_IS_UNTOLD = (trajectory.c.ended_at.is_not(None), trajectory.c.told.is_(False))
_UNTOLD = hot(select_trajectories().where(_OF_JOB, *_IS_UNTOLD).order_by(trajectory.c.end_number))
_WAKE_AS_SENT = hot(
    update(job)
    .where(job.c.id == bindparam("of_job"))
    .values(awake_since=func.coalesce(job.c.awake_since, database_time()), sent_at=database_time())
)
_OPEN = hot(
    select(
        select(trajectory.c.name).where(_OF_JOB, *_IS_UNTOLD).exists().label("has_outcome"),
        select(trajectory.c.name).where(_OF_JOB, trajectory.c.ended_at.is_(None)).exists().label("has_open"),
    )
)
_REST = hot(
    update(job)
    .where(job.c.id == bindparam("of_job"))
    .values(
        status=bindparam("new_status"),
        awake_since=bindparam("new_awake_since"),
        sent_at=bindparam("new_sent_at"),
        attempts=bindparam("new_attempts"),
    )
)


async def start(connection: AsyncConnection, claim: Claim, plans: Sequence[Plan]) -> None:
    """See `ServiceStore.start_trajectories`."""
    if is_postgres(connection):
        if not await at_once.start(connection, claim, plans):
            raise lost(claim)
        return
    _, _, time = await lock_held(connection, claim)
    if not plans:
        return
    rows = [
        {
            "job_id": claim.id,
            "name": plan["trajectory"],
            "version": FORMAT,
            "plan": json.dumps(plan),
            "status": TrajectoryStatus.QUEUED.value,
            "cancel_requested": False,
            "created_at": time,
            "told": False,
            "sent_at": time,
        }
        for plan in plans
    ]
    await connection.execute(sqlite_insert(trajectory).on_conflict_do_nothing(), rows)


async def cancel(connection: AsyncConnection, claim: Claim, names: Sequence[str]) -> None:
    """See `ServiceStore.cancel_trajectories`."""
    row, _, _ = await lock_held(connection, claim)
    if names:
        await end_unheld_trajectories(connection, row["id"], names)
        await notify(connection, [row["id"]])


async def end(connection: AsyncConnection, claim: Claim, outcome: TrajectoryOutcome) -> None:
    """See `ServiceStore.end_trajectory`."""
    if claim.kind is not LeaseKind.TRAJECTORY or split(claim.id)[1] != outcome.trajectory:
        raise InternalError(f"the outcome of {outcome.trajectory!r} was given for the claim of {claim.id!r}")
    job_id = split(claim.id)[0]
    # Whoever ends it advances the job, or sends the message. Locks are taken in their order, and a lease that is found
    # to be gone undoes it all.
    await connection.execute(_WAKE_AS_SENT, {"of_job": job_id})
    if is_postgres(connection):
        if not await at_once.end(connection, claim, outcome):
            raise lost(claim)
        return
    await end_trajectories(connection, job_id, [outcome], wake=False)
    await end_lease(connection, claim)


async def one(connection: AsyncConnection, job_id: str, name: str) -> TrajectoryRecord:
    """See `ServiceStore.trajectory`."""
    row = (await connection.execute(_ONE, {"of_job": job_id, "of_name": name})).mappings().first()
    if row is None:
        raise NotFound(f"there is no trajectory {name!r} of job {job_id!r}")
    return trajectory_record(row)


async def untold(connection: AsyncConnection, claim: Claim) -> Sequence[TrajectoryRecord]:
    """See `ServiceStore.untold`."""
    return [trajectory_record(row) for row in (await connection.execute(_UNTOLD, {"of_job": claim.id})).mappings()]


async def unended(connection: AsyncConnection, claim: Claim) -> Sequence[str]:
    """See `ServiceStore.unended`."""
    query = select(trajectory.c.name).where(trajectory.c.job_id == claim.id, trajectory.c.ended_at.is_(None))
    return [row.name for row in await connection.execute(query.order_by(trajectory.c.name))]


async def tell(connection: AsyncConnection, claim: Claim, names: Sequence[str]) -> None:
    """See `ServiceStore.tell`."""
    if is_postgres(connection):
        if not await at_once.tell(connection, claim, names):
            raise lost(claim)
        return
    await lock_held(connection, claim)
    if names:
        await connection.execute(
            update(trajectory)
            .where(trajectory.c.job_id == claim.id, trajectory.c.name.in_(names), trajectory.c.ended_at.is_not(None))
            .values(told=True)
        )


async def untell(connection: AsyncConnection, claim: Claim) -> None:
    """See `ServiceStore.untell`."""
    await lock_held(connection, claim)
    await connection.execute(update(trajectory).where(trajectory.c.job_id == claim.id).values(told=False))


async def rest(connection: AsyncConnection, claim: Claim) -> bool:
    """See `ServiceStore.rest`.

    The job's lock orders this against `end`: an outcome that was stored before is seen here, and one that is stored
    later finds a job that can be claimed.
    """
    row, _, time = await release_held(connection, claim)
    open_ = (await connection.execute(_OPEN, {"of_job": claim.id})).one()
    has_outcome, has_open = bool(open_.has_outcome), bool(open_.has_open)
    values = {
        "of_job": claim.id,
        "new_status": row["status"] if row["status"] == JobStatus.CANCELLING else JobStatus.WAITING.value,
        "new_awake_since": None if has_open and not has_outcome else time,
        "new_sent_at": time,
        "new_attempts": 0 if has_outcome or has_open else row["attempts"],
    }
    await connection.execute(_REST, values)
    return has_outcome
