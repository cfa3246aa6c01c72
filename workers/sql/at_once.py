"""What every step of a trajectory does to the database, as one statement of PostgreSQL each.

The same decisions as in `claims` and `trajectories`, where they take a transaction of several statements: there the
locks come first, and what decides is read after them. Here a statement locks what it changes, and PostgreSQL looks at
its conditions again on the row that it waited for. What another row says is as old as the statement, so only the usual
case is decided here: what does not hold is looked at again in the long way, by the caller.

* A claim needs a thing whose own row says that nobody holds it. Two that begin in the same moment meet at that row.
* A holder's write locks its lease's row against being deleted (`FOR KEY SHARE`), and does nothing without it.
"""

# ruff: noqa: S608  # the texts below are put together from one another; values are bound
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.workers.service_records import Claim, LeaseKind
from solvent.workers.sql.postgres import hot
from solvent.workers.tables import FORMAT

_NOW = "extract(epoch FROM clock_timestamp())::double precision"
_GRANTED = (
    "granted AS (INSERT INTO lease (job_id, trajectory, holder, claimed_at, expires_at) "
    f"SELECT :job, :name, :holder, {_NOW}, {_NOW} + :lease_s FROM held RETURNING token, claimed_at) "
)
_LEFT = "least(job.deadline_at, batch.deadline_at) - granted.claimed_at AS left_s"
_CLAIM_TRAJECTORY = hot(
    text(
        "WITH held AS (UPDATE trajectory SET status = 'running', attempts = attempts + 1, last_holder = :holder "
        "WHERE job_id = :job AND name = :name AND status = 'queued' AND ended_at IS NULL AND NOT cancel_requested "
        "AND attempts < :most "
        "AND NOT EXISTS (SELECT FROM lease WHERE lease.job_id = :job AND lease.trajectory = :name) "
        "AND EXISTS (SELECT FROM job WHERE id = :job AND ended_at IS NULL AND job.status <> 'cancelling') "
        f"RETURNING attempts, plan, version), {_GRANTED}"
        # This reads the row as it was before.
        "SELECT granted.token, held.attempts, held.plan, held.version, before.last_holder IS NULL AS is_first, "
        f"{_LEFT} FROM granted, held, trajectory AS before, job LEFT JOIN batch ON batch.id = job.batch_id "
        "WHERE job.id = :job AND before.job_id = :job AND before.name = :name"
    )
)
_CLAIM_BEGUN_JOB = hot(
    text(
        "WITH held AS (UPDATE job SET status = CASE status WHEN 'cancelling' THEN status ELSE 'running' END, "
        f"awake_since = coalesce(awake_since, {_NOW}), attempts = attempts + 1, last_holder = :holder "
        "WHERE id = :job AND begun_at IS NOT NULL AND ended_at IS NULL AND status <> 'running' AND attempts < :most "
        "AND NOT EXISTS (SELECT FROM lease WHERE lease.job_id = :job AND lease.trajectory = :name) "
        f"RETURNING attempts), {_GRANTED}"
        f"SELECT granted.token, held.attempts, {_LEFT} "
        "FROM granted, held, job LEFT JOIN batch ON batch.id = job.batch_id WHERE job.id = :job"
    )
)
_HELD = "held AS (SELECT token FROM lease WHERE token = :token AND holder = :holder FOR KEY SHARE)"
_START = hot(
    text(
        f"WITH {_HELD}, started AS (INSERT INTO trajectory "
        "(job_id, name, version, plan, status, cancel_requested, created_at, told, sent_at) "
        f"SELECT :job, one.name, :version, one.plan, 'queued', false, {_NOW}, false, {_NOW} "
        "FROM held, unnest(CAST(:names AS text[]), CAST(:plans AS text[])) AS one(name, plan) ON CONFLICT DO NOTHING) "
        "SELECT count(*) FROM held"
    )
)
_TELL = hot(
    text(
        f"WITH {_HELD}, told AS (UPDATE trajectory SET told = true FROM held "
        "WHERE job_id = :job AND name = ANY(CAST(:names AS text[])) AND ended_at IS NOT NULL) "
        "SELECT count(*) FROM held"
    )
)
_END = hot(
    text(
        f"WITH ended AS (UPDATE trajectory SET status = 'ended', outcome = :outcome, ended_at = {_NOW}, end_number = "
        "(SELECT coalesce(max(other.end_number), 0) + 1 FROM trajectory AS other WHERE other.job_id = :job) "
        "WHERE job_id = :job AND name = :name RETURNING name), "
        "gone AS (DELETE FROM lease USING ended WHERE token = :token AND holder = :holder RETURNING token) "
        "SELECT count(*) FROM gone"
    )
)
_MOST_ATTEMPTS = 2**31 - 1


async def claim(
    connection: AsyncConnection, kind: LeaseKind, id_: str, holder: str, lease_s: float, uncounted_from: int | None
) -> Claim | None:
    """Claim a trajectory, or a job that has begun, where nothing is in the way; None where something may be."""
    is_job = kind is LeaseKind.JOB
    job_id, _, name = (id_, "", "") if is_job else id_.rpartition("/")
    most = _MOST_ATTEMPTS if uncounted_from is None else uncounted_from - 1
    values = {"job": job_id, "name": name, "holder": holder, "lease_s": lease_s, "most": most}
    try:
        found = await connection.execute(_CLAIM_BEGUN_JOB if is_job else _CLAIM_TRAJECTORY, values)
    except IntegrityError:
        # Another's lease came in between.
        return None
    row = found.first()
    if row is None:
        return None
    if is_job:
        return Claim(kind, id_, holder, row.token, row.attempts, row.left_s)
    plan = json.loads(row.plan) if row.version <= FORMAT else None
    return Claim(kind, id_, holder, row.token, row.attempts, row.left_s, plan, row.is_first)


async def start(connection: AsyncConnection, claim: Claim, plans: Sequence[Plan]) -> bool:
    """Store trajectories of a claimed job; returns False where it is not held."""
    texts = {"names": [plan["trajectory"] for plan in plans], "plans": [json.dumps(plan) for plan in plans]}
    return await _is_held(connection, _START, claim, {"version": FORMAT, **texts})


async def tell(connection: AsyncConnection, claim: Claim, names: Sequence[str]) -> bool:
    """Mark outcomes of a claimed job as told; returns False where it is not held."""
    return await _is_held(connection, _TELL, claim, {"names": list(names)})


async def end(connection: AsyncConnection, claim: Claim, outcome: TrajectoryOutcome) -> bool:
    """End a claimed trajectory of a locked job, and its lease; returns False where it is not held, to be undone."""
    return await _is_held(connection, _END, claim, {"name": outcome.trajectory, "outcome": outcome.model_dump_json()})


async def _is_held(connection: AsyncConnection, statement: Any, claim: Claim, values: dict[str, Any]) -> bool:
    job_id = claim.id if claim.kind is LeaseKind.JOB else claim.id.rpartition("/")[0]
    lease = {"job": job_id, "token": claim.token, "holder": claim.holder}
    return bool((await connection.execute(statement, {**lease, **values})).scalar_one())
