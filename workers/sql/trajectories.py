"""Trajectories of a claimed job: what its holder and theirs write."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import InternalError, NotFound
from solvent.workers.service_records import Claim, LeaseKind, TrajectoryRecord
from solvent.workers.sql.claims import lock_held, split
from solvent.workers.sql.endings import end_trajectories, end_unheld_trajectories
from solvent.workers.sql.rows import is_postgres, now, select_trajectories, trajectory_record
from solvent.workers.sql.stops import notify
from solvent.workers.tables import FORMAT, TrajectoryStatus, job, lease, trajectory


async def start(connection: AsyncConnection, claim: Claim, plans: Sequence[Plan]) -> None:
    """See `ServiceStore.start_trajectories`."""
    await lock_held(connection, claim)
    if not plans:
        return
    time = await now(connection)
    make = postgresql_insert if is_postgres(connection) else sqlite_insert
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
    await connection.execute(make(trajectory).on_conflict_do_nothing(), rows)


async def cancel(connection: AsyncConnection, claim: Claim, names: Sequence[str]) -> None:
    """See `ServiceStore.cancel_trajectories`."""
    row, _ = await lock_held(connection, claim)
    if names:
        await end_unheld_trajectories(connection, row["id"], names, await now(connection))
        await notify(connection, [row["id"]])


async def end(connection: AsyncConnection, claim: Claim, outcome: TrajectoryOutcome) -> None:
    """See `ServiceStore.end_trajectory`."""
    if claim.kind is not LeaseKind.TRAJECTORY or split(claim.id)[1] != outcome.trajectory:
        raise InternalError(f"the outcome of {outcome.trajectory!r} was given for the claim of {claim.id!r}")
    row, _ = await lock_held(connection, claim)
    await connection.execute(delete(lease).where(lease.c.token == claim.token))
    time = await now(connection)
    await end_trajectories(connection, row["id"], [outcome], time)
    # Whoever ends it advances the job, or sends the message.
    await connection.execute(update(job).where(job.c.id == row["id"]).values(sent_at=time))


async def one(connection: AsyncConnection, job_id: str, name: str) -> TrajectoryRecord:
    """See `ServiceStore.trajectory`."""
    query = select_trajectories().where(trajectory.c.job_id == job_id, trajectory.c.name == name)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound(f"there is no trajectory {name!r} of job {job_id!r}")
    return trajectory_record(row)


async def untold(connection: AsyncConnection, claim: Claim) -> Sequence[TrajectoryRecord]:
    """See `ServiceStore.untold`."""
    query = select_trajectories().where(
        trajectory.c.job_id == claim.id, trajectory.c.ended_at.is_not(None), trajectory.c.told.is_(False)
    )
    rows = await connection.execute(query.order_by(trajectory.c.end_number))
    return [trajectory_record(row) for row in rows.mappings()]


async def unended(connection: AsyncConnection, claim: Claim) -> Sequence[str]:
    """See `ServiceStore.unended`."""
    query = select(trajectory.c.name).where(trajectory.c.job_id == claim.id, trajectory.c.ended_at.is_(None))
    return [row.name for row in await connection.execute(query.order_by(trajectory.c.name))]


async def tell(connection: AsyncConnection, claim: Claim, names: Sequence[str]) -> None:
    """See `ServiceStore.tell`."""
    await lock_held(connection, claim)
    if names:
        await connection.execute(
            update(trajectory)
            .where(trajectory.c.job_id == claim.id, trajectory.c.name.in_(names), trajectory.c.ended_at.is_not(None))
            .values(told=True)
        )


async def rest(connection: AsyncConnection, claim: Claim) -> bool:
    """See `ServiceStore.rest`.

    The job's lock orders this against `end`: an outcome that was stored before is seen here, and one that is stored
    later finds a job that can be claimed.
    """
    row, _ = await lock_held(connection, claim)
    await connection.execute(delete(lease).where(lease.c.token == claim.token))
    time = await now(connection)
    of_job = select(func.count()).where(trajectory.c.job_id == claim.id)
    ready = of_job.where(trajectory.c.ended_at.is_not(None), trajectory.c.told.is_(False))
    has_outcome = bool((await connection.execute(ready)).scalar_one())
    has_open = bool((await connection.execute(of_job.where(trajectory.c.ended_at.is_(None)))).scalar_one())
    cancelling = row["status"] == JobStatus.CANCELLING
    values = {
        "status": row["status"] if cancelling else JobStatus.WAITING.value,
        "awake_since": None if has_open and not has_outcome else time,
        "sent_at": time,
    }
    if has_outcome or has_open:
        values["attempts"] = 0
    await connection.execute(update(job).where(job.c.id == claim.id).values(values))
    return has_outcome
