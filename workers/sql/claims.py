"""Leases: who holds a job or a trajectory.

Locks are always taken in this order: job, trajectory, lease, API key, batch; several of a kind by id. The lock of a
thing's row protects its lease (a beat only prolongs it). What else a decision rests on is read in a statement *after*
the lock: PostgreSQL looks again only at the row that it waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobStatus
from solvent.workers.service_records import Beat, Claim, LeaseKind, LeaseLostError
from solvent.workers.sql import keys
from solvent.workers.sql.endings import cancelled_outcome, end_trajectories
from solvent.workers.sql.rows import database_time, error_text, now
from solvent.workers.tables import TrajectoryStatus, batch, job, lease, trajectory


def split(claim_id: str) -> tuple[str, str]:
    """Return job and trajectory of `JOB/TRAJECTORY`."""
    job_id, _, name = claim_id.rpartition("/")
    return job_id, name


async def lock_job(connection: AsyncConnection, job_id: str) -> RowMapping | None:
    """Return a job's row and keep others from changing it until the transaction ends."""
    query = select(job).where(job.c.id == job_id).with_for_update(key_share=True)
    return (await connection.execute(query)).mappings().first()


async def lock_held(connection: AsyncConnection, claim: Claim) -> tuple[RowMapping, RowMapping | None]:
    """Return the rows of a claimed job, or of a claimed trajectory and its job, locked.

    Raises:
        LeaseLostError: the caller does not hold it any more.
    """
    name = "" if claim.kind is LeaseKind.JOB else split(claim.id)[1]
    row = await lock_job(connection, claim.id if claim.kind is LeaseKind.JOB else split(claim.id)[0])
    part = None
    if row is not None and name:
        query = select(trajectory).where(trajectory.c.job_id == row["id"], trajectory.c.name == name)
        part = (await connection.execute(query.with_for_update(key_share=True))).mappings().first()
    query_lease = select(lease.c.token).where(lease.c.token == claim.token, lease.c.holder == claim.holder)
    if row is None or (await connection.execute(query_lease)).first() is None:
        raise LeaseLostError(f"{claim.kind} {claim.id!r} is not held by {claim.holder!r} any more")
    return row, part


async def claim_job(connection: AsyncConnection, job_id: str, holder: str, lease_s: float) -> Claim | None:
    """See `ServiceStore.claim`."""
    row = await lock_job(connection, job_id)
    if row is None or row["ended_at"] is not None:
        return None
    free, time = await _take_lapsed(connection, job_id, "")
    if not free:
        return None
    begins = row["begun_at"] is None
    if begins and not await _has_room(connection, row["key_id"]):
        # Whoever chooses what is next may choose it again.
        await connection.execute(update(job).where(job.c.id == job_id).values(sent_at=None))
        return None
    batch_deadline = await _batch_deadline(connection, row["batch_id"], time, begins=begins)
    deadline_at = row["deadline_at"]
    if begins and row["deadline_s"] is not None:
        deadline_at = time + row["deadline_s"]
    await connection.execute(
        update(job)
        .where(job.c.id == job_id)
        .values(
            status=row["status"] if row["status"] == JobStatus.CANCELLING else JobStatus.RUNNING.value,
            begun_at=time if begins else row["begun_at"],
            awake_since=row["awake_since"] if row["awake_since"] is not None else time,
            deadline_at=deadline_at,
            attempts=row["attempts"] + 1,
            last_holder=holder,
        )
    )
    token = await _grant(connection, job_id, "", holder, time, lease_s)
    return Claim(LeaseKind.JOB, job_id, holder, token, row["attempts"] + 1, _left(time, deadline_at, batch_deadline))


async def claim_trajectory(connection: AsyncConnection, claim_id: str, holder: str, lease_s: float) -> Claim | None:
    """See `ServiceStore.claim`."""
    job_id, name = split(claim_id)
    this = (trajectory.c.job_id == job_id) & (trajectory.c.name == name)
    row = (await connection.execute(select(trajectory).where(this).with_for_update(key_share=True))).mappings().first()
    if row is None or row["ended_at"] is not None or row["cancel_requested"]:
        return None
    query = (
        select(job.c.status, job.c.ended_at, job.c.deadline_at, batch.c.deadline_at.label("batch_deadline"))
        .select_from(job.outerjoin(batch, batch.c.id == job.c.batch_id))
        .where(job.c.id == job_id)
    )
    whole = (await connection.execute(query)).mappings().one()
    if whole["ended_at"] is not None or whole["status"] == JobStatus.CANCELLING:
        return None
    free, time = await _take_lapsed(connection, job_id, name)
    if not free:
        return None
    await connection.execute(
        update(trajectory)
        .where(this)
        .values(status=TrajectoryStatus.RUNNING.value, attempts=row["attempts"] + 1, last_holder=holder)
    )
    token = await _grant(connection, job_id, name, holder, time, lease_s)
    left_s = _left(time, whole["deadline_at"], whole["batch_deadline"])
    return Claim(LeaseKind.TRAJECTORY, claim_id, holder, token, row["attempts"] + 1, left_s)


async def _take_lapsed(connection: AsyncConnection, job_id: str, name: str) -> tuple[bool, float]:
    """Return whether nobody holds a locked thing, and the time; a lease that lapsed is taken away."""
    time = await now(connection)
    query = select(lease.c.token, lease.c.expires_at).where(lease.c.job_id == job_id, lease.c.trajectory == name)
    found = (await connection.execute(query)).first()
    if found is None:
        return True, time
    if found.expires_at > time:
        return False, time
    taken = delete(lease).where(lease.c.token == found.token, lease.c.expires_at <= time)
    # A late beat may have been quicker.
    return (await connection.execute(taken)).rowcount == 1, time


async def _grant(connection: AsyncConnection, job_id: str, name: str, holder: str, time: float, lease_s: float) -> int:
    values = {"claimed_at": time, "expires_at": time + lease_s, "holder": holder}
    made = insert(lease).values(job_id=job_id, trajectory=name, **values).returning(lease.c.token)
    return int((await connection.execute(made)).scalar_one())


async def _has_room(connection: AsyncConnection, key_id: str | None) -> bool:
    if key_id is None:
        return True
    # Most keys have no such limit: the lock is taken only where one is to be kept.
    if (await keys.of_id(connection, key_id)).concurrency is None:
        return True
    most = (await keys.of_id(connection, key_id, lock=True)).concurrency
    counted = select(func.count()).where(job.c.key_id == key_id, job.c.begun_at.is_not(None), job.c.ended_at.is_(None))
    return most is None or (await connection.execute(counted)).scalar_one() < most


async def _batch_deadline(
    connection: AsyncConnection, batch_id: str | None, time: float, *, begins: bool
) -> float | None:
    if batch_id is None:
        return None
    if begins:
        # Its clock starts with its first job.
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
        row, part = await lock_held(connection, claim)
    except LeaseLostError:
        return
    await connection.execute(delete(lease).where(lease.c.token == claim.token))
    time = await now(connection)
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
        await end_trajectories(connection, job_row["id"], [cancelled_outcome(name) for name in stopped], time)
    if going_on:
        await connection.execute(
            update(trajectory)
            .where(trajectory.c.job_id == job_row["id"], trajectory.c.name.in_(going_on))
            .values(status=TrajectoryStatus.QUEUED.value, sent_at=None, **values)
        )
