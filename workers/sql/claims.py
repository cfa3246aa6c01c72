"""Leases: who holds a job or a trajectory.

Locks are always taken in this order: job, trajectory, lease, API key, batch; several of a kind by id. The lock of a
thing's row protects its lease (a beat only prolongs it). What else a decision rests on is read in a statement *after*
the lock: PostgreSQL looks again only at the row that it waited for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus
from solvent.agents.trajectory_state import Plan
from solvent.workers.row_values import error_text
from solvent.workers.service_records import Beat, Claim, LeaseKind, LeaseLostError
from solvent.workers.sql import keys
from solvent.workers.sql.endings import cancelled_outcome, end_trajectories
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import database_time
from solvent.workers.tables import FORMAT, TrajectoryStatus, batch, job, lease, trajectory


def split(claim_id: str) -> tuple[str, str]:
    """Return job and trajectory of `JOB/TRAJECTORY`."""
    job_id, _, name = claim_id.rpartition("/")
    return job_id, name


_LOCK_JOB = hot(select(job).where(job.c.id == bindparam("of_job")).with_for_update(key_share=True))
_OF_TRAJECTORY = (trajectory.c.job_id == bindparam("of_job")) & (trajectory.c.name == bindparam("of_name"))
_LOCK_TRAJECTORY = hot(select(trajectory).where(_OF_TRAJECTORY).with_for_update(key_share=True))
_OF_CLAIM = (lease.c.token == bindparam("of_token")) & (lease.c.holder == bindparam("of_holder"))
_HELD = hot(select(lease.c.token, database_time().label("time")).where(_OF_CLAIM))
_RELEASE = hot(delete(lease).where(_OF_CLAIM).returning(lease.c.token, database_time().label("time")))
_STANDING = hot(
    select(
        database_time().label("time"),
        lease.c.token,
        lease.c.expires_at,
        job.c.status,
        job.c.ended_at,
        job.c.deadline_at,
        batch.c.begun_at.label("batch_begun_at"),
        batch.c.deadline_at.label("batch_deadline"),
    )
    .select_from(
        job.outerjoin(batch, batch.c.id == job.c.batch_id).outerjoin(
            lease, (lease.c.job_id == job.c.id) & (lease.c.trajectory == bindparam("of_name"))
        )
    )
    .where(job.c.id == bindparam("of_job"))
)
"""What decides about a claim; read after the lock."""
_TAKE_LAPSED = hot(
    delete(lease).where(lease.c.token == bindparam("of_token"), lease.c.expires_at <= bindparam("of_time"))
)
_HOLD_JOB = hot(
    update(job)
    .where(job.c.id == bindparam("of_job"))
    .values(
        status=bindparam("new_status"),
        begun_at=func.coalesce(job.c.begun_at, bindparam("new_time", type_=job.c.begun_at.type)),
        awake_since=func.coalesce(job.c.awake_since, bindparam("new_time", type_=job.c.awake_since.type)),
        deadline_at=bindparam("new_deadline_at"),
        attempts=bindparam("new_attempts"),
        last_holder=bindparam("new_holder"),
    )
)
_HOLD_TRAJECTORY = hot(
    update(trajectory)
    .where(_OF_TRAJECTORY)
    .values(
        status=TrajectoryStatus.RUNNING.value,
        attempts=bindparam("new_attempts"),
        last_holder=bindparam("new_holder"),
    )
)
_GRANT = hot(insert(lease).returning(lease.c.token))


async def lock_job(connection: AsyncConnection, job_id: str) -> RowMapping | None:
    """Return a job's row and keep others from changing it until the transaction ends."""
    return (await connection.execute(_LOCK_JOB, {"of_job": job_id})).mappings().first()


async def lock_held(connection: AsyncConnection, claim: Claim) -> tuple[RowMapping, RowMapping | None, float]:
    """Return the rows of a claimed job, or of a claimed trajectory and its job, locked; and the time.

    Raises:
        LeaseLostError: the caller does not hold it any more.
    """
    return await _locked(connection, claim, _HELD)


async def release_held(connection: AsyncConnection, claim: Claim) -> tuple[RowMapping, RowMapping | None, float]:
    """End a claim's lease; otherwise as `lock_held`."""
    return await _locked(connection, claim, _RELEASE)


async def _locked(
    connection: AsyncConnection, claim: Claim, statement: Any
) -> tuple[RowMapping, RowMapping | None, float]:
    job_id, name = (claim.id, "") if claim.kind is LeaseKind.JOB else split(claim.id)
    row = await lock_job(connection, job_id)
    part = None
    if row is not None and name:
        found = await connection.execute(_LOCK_TRAJECTORY, {"of_job": job_id, "of_name": name})
        part = found.mappings().first()
    if row is None:
        raise lost(claim)
    return row, part, await _lease_time(connection, claim, statement)


async def end_lease(connection: AsyncConnection, claim: Claim) -> float:
    """End the lease of a claim whose rows are locked; return the time.

    Raises:
        LeaseLostError: the caller does not hold it any more.
    """
    return await _lease_time(connection, claim, _RELEASE)


async def _lease_time(connection: AsyncConnection, claim: Claim, statement: Any) -> float:
    values = {"of_token": claim.token, "of_holder": claim.holder}
    held = (await connection.execute(statement, values)).first()
    if held is None:
        raise lost(claim)
    return float(held.time)


def lost(claim: Claim) -> LeaseLostError:
    """Return the error of a claim that is not held any more."""
    return LeaseLostError(f"{claim.kind} {claim.id!r} is not held by {claim.holder!r} any more")


async def claim_job(
    connection: AsyncConnection, job_id: str, holder: str, lease_s: float, uncounted_from: int | None = None
) -> Claim | None:
    """See `ServiceStore.claim`."""
    row = await lock_job(connection, job_id)
    if row is None or row["ended_at"] is not None:
        return None
    standing = await _standing(connection, job_id, "")
    if not await _take_lapsed(connection, standing):
        return None
    begins, time = row["begun_at"] is None, standing["time"]
    if begins and not await _has_room(connection, row["key_id"]):
        # Whoever chooses what is next may choose it again.
        await connection.execute(update(job).where(job.c.id == job_id).values(sent_at=None))
        return None
    batch_deadline = standing["batch_deadline"]
    if begins and row["batch_id"] is not None and standing["batch_begun_at"] is None:
        batch_deadline = await _begin_batch(connection, row["batch_id"], time)
    deadline_at = row["deadline_at"]
    if begins and row["deadline_s"] is not None:
        deadline_at = time + row["deadline_s"]
    cancelling = row["status"] == JobStatus.CANCELLING
    values = {
        "of_job": job_id,
        "new_status": row["status"] if cancelling else JobStatus.RUNNING.value,
        "new_time": time,
        "new_deadline_at": deadline_at,
        "new_holder": holder,
        "new_attempts": _counted(row, uncounted_from),
    }
    await connection.execute(_HOLD_JOB, values)
    token = await _grant(connection, job_id, "", holder, time, lease_s)
    return Claim(LeaseKind.JOB, job_id, holder, token, row["attempts"] + 1, _left(time, deadline_at, batch_deadline))


def _counted(row: RowMapping, uncounted_from: int | None) -> int:
    """Return the number of attempts with the one that begins, unless that is counted later."""
    attempt = int(row["attempts"]) + 1
    return attempt - 1 if uncounted_from is not None and attempt >= uncounted_from else attempt


async def count_attempt(connection: AsyncConnection, claim: Claim) -> None:
    """See `ServiceStore.count_attempt`."""
    row, part, _ = await lock_held(connection, claim)
    if part is None:
        these = update(job).where(job.c.id == row["id"])
    else:
        these = update(trajectory).where(trajectory.c.job_id == row["id"], trajectory.c.name == part["name"])
    await connection.execute(these.values(attempts=claim.attempt))


async def claim_trajectory(
    connection: AsyncConnection, claim_id: str, holder: str, lease_s: float, uncounted_from: int | None = None
) -> Claim | None:
    """See `ServiceStore.claim`."""
    job_id, name = split(claim_id)
    this = {"of_job": job_id, "of_name": name}
    row = (await connection.execute(_LOCK_TRAJECTORY, this)).mappings().first()
    if row is None or row["ended_at"] is not None or row["cancel_requested"]:
        return None
    standing = await _standing(connection, job_id, name)
    if standing["ended_at"] is not None or standing["status"] == JobStatus.CANCELLING:
        return None
    if not await _take_lapsed(connection, standing):
        return None
    held = {**this, "new_holder": holder, "new_attempts": _counted(row, uncounted_from)}
    await connection.execute(_HOLD_TRAJECTORY, held)
    time = standing["time"]
    token = await _grant(connection, job_id, name, holder, time, lease_s)
    left_s = _left(time, standing["deadline_at"], standing["batch_deadline"])
    plan: Plan | None = json.loads(row["plan"]) if row["version"] <= FORMAT else None
    is_first = row["last_holder"] is None
    return Claim(LeaseKind.TRAJECTORY, claim_id, holder, token, row["attempts"] + 1, left_s, plan, is_first)


async def _standing(connection: AsyncConnection, job_id: str, name: str) -> RowMapping:
    return (await connection.execute(_STANDING, {"of_job": job_id, "of_name": name})).mappings().one()


async def _take_lapsed(connection: AsyncConnection, standing: RowMapping) -> bool:
    """Return whether nobody holds a locked thing; a lease that lapsed is taken away."""
    if standing["token"] is None:
        return True
    if standing["expires_at"] > standing["time"]:
        return False
    taken = await connection.execute(_TAKE_LAPSED, {"of_token": standing["token"], "of_time": standing["time"]})
    # A late beat may have been quicker.
    return taken.rowcount == 1


async def _grant(connection: AsyncConnection, job_id: str, name: str, holder: str, time: float, lease_s: float) -> int:
    values = {"claimed_at": time, "expires_at": time + lease_s, "holder": holder}
    made = await connection.execute(_GRANT, {"job_id": job_id, "trajectory": name, **values})
    return int(made.scalar_one())


async def _has_room(connection: AsyncConnection, key_id: str | None) -> bool:
    if key_id is None:
        return True
    # Most keys have no such limit: the lock is taken only where one is to be kept.
    if (await keys.of_id(connection, key_id)).concurrency is None:
        return True
    most = (await keys.of_id(connection, key_id, lock=True)).concurrency
    counted = select(func.count()).where(job.c.key_id == key_id, job.c.begun_at.is_not(None), job.c.ended_at.is_(None))
    return most is None or (await connection.execute(counted)).scalar_one() < most


async def _begin_batch(connection: AsyncConnection, batch_id: str, time: float) -> float | None:
    """Have a batch's clock start with its first job; return its deadline."""
    await connection.execute(
        update(batch)
        .where(batch.c.id == batch_id, batch.c.begun_at.is_(None))
        .values(begun_at=time, deadline_at=time + batch.c.deadline_s)
    )
    query = select(batch.c.deadline_at).where(batch.c.id == batch_id)
    deadline: float | None = (await connection.execute(query)).scalar_one()
    return deadline


def _left(time: float, *deadlines: float | None) -> float | None:
    given = [deadline - time for deadline in deadlines if deadline is not None]
    return min(given) if given else None


async def beat(connection: AsyncConnection, holder: str, claims: Sequence[Claim], lease_s: float) -> Beat:
    """See `ServiceStore.beat`. A lease that lapsed and that nobody took yet is prolonged like any other."""
    if not claims:
        return Beat()
    tokens = sorted(claim.token for claim in claims)
    mine = select(lease.c.token).where(lease.c.token.in_(tokens), lease.c.holder == holder).order_by(lease.c.token)
    prolonged = await connection.execute(
        update(lease)
        .where(lease.c.token.in_(mine.with_for_update(key_share=True)))
        .values(expires_at=database_time() + lease_s)
        .returning(lease.c.token)
    )
    held = {int(row.token) for row in prolonged}
    whole = job.outerjoin(batch, batch.c.id == job.c.batch_id)
    stopped = await connection.execute(
        select(lease.c.token)
        .select_from(
            lease.join(whole, job.c.id == lease.c.job_id).outerjoin(
                trajectory,
                (trajectory.c.job_id == lease.c.job_id) & (trajectory.c.name == lease.c.trajectory),
            )
        )
        .where(
            lease.c.token.in_(tokens),
            or_(
                job.c.status == JobStatus.CANCELLING.value,
                trajectory.c.cancel_requested.is_(True),
                job.c.deadline_at <= database_time(),
                batch.c.deadline_at <= database_time(),
            ),
        )
    )
    to_stop = {int(row.token) for row in stopped} & held
    return Beat(
        lost=[claim for claim in claims if claim.token not in held],
        cancelled=[claim for claim in claims if claim.token in to_stop],
    )


async def give_back(
    connection: AsyncConnection, claim: Claim, *, counts: bool, error: Mapping[str, str | None] | None
) -> None:
    """See `ServiceStore.give_back`."""
    try:
        row, part, time = await release_held(connection, claim)
    except LeaseLostError:
        return
    tally: dict[str, int | str | None] = {} if counts else {"attempts": 0}
    if error is not None:
        tally["last_error"] = error_text(error)
    if part is None:
        await free_jobs(connection, [row["id"]], time, tally)
    else:
        await free_trajectories(connection, row, [part], time, tally)


async def free_jobs(
    connection: AsyncConnection, job_ids: Sequence[str], time: float, values: Mapping[str, int | str | None]
) -> None:
    """Let locked jobs, whose leases are gone, be claimed again, and be due at once."""
    these = update(job).where(job.c.id.in_(job_ids))
    await connection.execute(these.values(awake_since=func.coalesce(job.c.awake_since, time), sent_at=None, **values))
    running = these.where(job.c.status == JobStatus.RUNNING.value)
    await connection.execute(running.values(status=JobStatus.WAITING.value))


async def free_trajectories(
    connection: AsyncConnection,
    job_row: RowMapping,
    rows: Sequence[RowMapping],
    time: float,
    values: Mapping[str, int | str | None],
) -> None:
    """Let locked trajectories of a locked job, whose leases are gone, be claimed again; or end them, as asked."""
    cancelling = job_row["status"] == JobStatus.CANCELLING
    stopped = [row["name"] for row in rows if cancelling or row["cancel_requested"]]
    going_on = [row["name"] for row in rows if row["name"] not in stopped]
    if stopped:
        await end_trajectories(connection, job_row["id"], [cancelled_outcome(name) for name in stopped])
    if going_on:
        await connection.execute(
            update(trajectory)
            .where(trajectory.c.job_id == job_row["id"], trajectory.c.name.in_(going_on))
            .values(status=TrajectoryStatus.QUEUED.value, sent_at=None, **values)
        )


async def holders(connection: AsyncConnection) -> Sequence[str]:
    """See `ServiceStore.holders`."""
    query = select(lease.c.holder).where(lease.c.expires_at > database_time()).distinct().order_by(lease.c.holder)
    return [row.holder for row in await connection.execute(query)]


async def lapse(connection: AsyncConnection, holder: str) -> int:
    """See `ServiceStore.lapse`. Whoever claims next takes them away, as others that lapsed."""
    ended = update(lease).where(lease.c.holder == holder).values(expires_at=0.0)
    return (await connection.execute(ended)).rowcount
