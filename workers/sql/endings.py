"""How jobs and trajectories end: the rows, the numbers of the ends, and the last event of a job's log."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.events import JobFinished
from solvent.agents.job import JobResult, JobStatus, StopReason
from solvent.agents.learned import LearnedStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.tolerant import read_tolerantly
from solvent.usage import Usage
from solvent.workers.row_values import error_text
from solvent.workers.sql import events
from solvent.workers.sql.distillations import queue_distillation
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import database_time, usage_values
from solvent.workers.tables import TrajectoryStatus, batch, job, job_content, lease, trajectory


@dataclass(frozen=True)
class Ending:
    """How a locked job ends."""

    row: RowMapping
    result: JobResult


def cancelled_outcome(name: str) -> TrajectoryOutcome:
    """Return the outcome of a trajectory that nobody held when it was asked to stop."""
    return TrajectoryOutcome(trajectory=name, stop_reason=StopReason.CANCELLED, summary="cancelled")


_other = trajectory.alias("other")
_LAST_END = select(func.coalesce(func.max(_other.c.end_number), 0)).where(_other.c.job_id == bindparam("of_job"))
_END_TRAJECTORY = hot(
    update(trajectory)
    .where(trajectory.c.job_id == bindparam("of_job"), trajectory.c.name == bindparam("of_name"))
    .values(
        status=TrajectoryStatus.ENDED.value,
        outcome=bindparam("new_outcome"),
        ended_at=database_time(),
        end_number=_LAST_END.scalar_subquery() + 1,
    )
)
_WAKE_JOB = hot(
    update(job)
    .where(job.c.id == bindparam("of_job"))
    .values(awake_since=func.coalesce(job.c.awake_since, database_time()))
)


async def end_trajectories(
    connection: AsyncConnection, job_id: str, outcomes: Sequence[TrajectoryOutcome], *, wake: bool = True
) -> None:
    """End locked trajectories of a locked job, and wake the job, unless the caller does."""
    for outcome in outcomes:
        values = {"of_job": job_id, "of_name": outcome.trajectory, "new_outcome": outcome.model_dump_json()}
        await connection.execute(_END_TRAJECTORY, values)
    if wake:
        await connection.execute(_WAKE_JOB, {"of_job": job_id})


async def lock_open(connection: AsyncConnection, job_id: str, names: Sequence[str] | None = None) -> list[str]:
    """Return the names of a locked job's open trajectories (all, or of those named), locked."""
    query = select(trajectory.c.name).where(trajectory.c.job_id == job_id, trajectory.c.ended_at.is_(None))
    if names is not None:
        query = query.where(trajectory.c.name.in_(names))
    query = query.order_by(trajectory.c.name).with_for_update(key_share=True)
    return [row.name for row in await connection.execute(query)]


async def end_unheld_trajectories(connection: AsyncConnection, job_id: str, names: Sequence[str] | None) -> int:
    """Ask open trajectories of a locked job (all, or those named) to stop; end those that nobody holds.

    Returns how many were ended.
    """
    locked = await lock_open(connection, job_id, names)
    if not locked:
        return 0
    query = select(lease.c.trajectory).where(lease.c.job_id == job_id, lease.c.trajectory.in_(locked))
    held = {row.trajectory for row in await connection.execute(query)}
    await connection.execute(
        update(trajectory)
        .where(trajectory.c.job_id == job_id, trajectory.c.name.in_(locked))
        .values(cancel_requested=True)
    )
    free = [name for name in locked if name not in held]
    if free:
        await end_trajectories(connection, job_id, [cancelled_outcome(name) for name in free])
    return len(free)


async def drop_leases(connection: AsyncConnection, job_ids: Sequence[str]) -> None:
    """End all leases of locked jobs and of their locked trajectories."""
    query = (
        select(lease.c.token).where(lease.c.job_id.in_(job_ids)).order_by(lease.c.token).with_for_update(key_share=True)
    )
    tokens = [row.token for row in await connection.execute(query)]
    if tokens:
        await connection.execute(delete(lease).where(lease.c.token.in_(tokens)))


async def end_jobs(connection: AsyncConnection, endings: Sequence[Ending], time: float) -> None:
    """End locked jobs, that nobody holds from then on, and append `job.finished` to their logs."""
    if not endings:
        return
    for ending in endings:
        learned = ending.result.learned
        if learned is not None and learned.status is LearnedStatus.PENDING:
            await queue_distillation(connection, ending.row["id"], time)
    numbers = await _end_numbers(connection, [ending.row for ending in endings])
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in Usage.model_fields}
    statement = (
        update(job)
        .where(job.c.id == bindparam("of_job"))
        .values(
            status=bindparam("new_status"),
            outcome=bindparam("new_outcome"),
            end_number=bindparam("new_number"),
            ended_at=time,
            awake_since=None,
            last_event=job.c.last_event + 1,
            **columns,
        )
    )
    await connection.execute(statement, [_job_values(ending, numbers[ending.row["id"]]) for ending in endings])
    await connection.execute(
        update(job_content)
        .where(job_content.c.job_id == bindparam("of_job"))
        .values(result=bindparam("new_result"), error=bindparam("new_error")),
        [
            {
                "of_job": ending.row["id"],
                "new_result": ending.result.model_dump_json(),
                "new_error": error_text(ending.result.error),
            }
            for ending in endings
        ],
    )
    await events.insert_rows(
        connection,
        [
            events.event_row(
                ending.row["id"],
                ending.row["last_event"] + 1,
                JobFinished(
                    job_id=ending.row["id"],
                    time_s=max(0.0, time - (ending.row["begun_at"] or time)),
                    result=ending.result,
                ),
                time,
            )
            for ending in endings
        ],
    )


def _job_values(ending: Ending, number: int | None) -> dict[str, Any]:
    result = ending.result
    return {
        "of_job": ending.row["id"],
        "new_status": result.status.value,
        "new_outcome": result.outcome.value if result.outcome is not None else None,
        "new_number": number,
        **{f"new_{name}": value for name, value in usage_values(result.usage).items()},
    }


async def _end_numbers(connection: AsyncConnection, rows: Sequence[RowMapping]) -> dict[str, int | None]:
    of_batch: dict[str, list[str]] = defaultdict(list)
    numbers: dict[str, int | None] = {}
    for row in rows:
        numbers[row["id"]] = None
        if row["batch_id"] is not None:
            of_batch[row["batch_id"]].append(row["id"])
    for batch_id in sorted(of_batch):
        ids = of_batch[batch_id]
        counted = (
            update(batch)
            .where(batch.c.id == batch_id)
            .values(last_end_number=batch.c.last_end_number + len(ids))
            .returning(batch.c.last_end_number)
        )
        last = int((await connection.execute(counted)).scalar_one())
        numbers.update((id_, last - len(ids) + place) for place, id_ in enumerate(ids, start=1))
    return numbers


async def unheld_results(
    connection: AsyncConnection,
    rows: Sequence[RowMapping],
    status: JobStatus,
    stop_reason: StopReason,
    *,
    errors: dict[str, dict[str, str | None]] | None = None,
    usage: dict[str, Usage] | None = None,
) -> list[Ending]:
    """Return how locked jobs end that no holder gives a result for.

    One that was to go on with more budget keeps what it had.
    """
    query = select(job_content.c.job_id, job_content.c.spec, job_content.c.result).where(
        job_content.c.job_id.in_([row["id"] for row in rows])
    )
    contents = {found.job_id: found for found in await connection.execute(query)}
    endings = []
    for row in rows:
        content = contents[row["id"]]
        error = (errors or {}).get(row["id"])
        if content.result is not None:
            had = read_tolerantly(JobResult, json.loads(content.result))
            changes: dict[str, Any] = {"status": status, "outcome": None, "stop_reason": stop_reason, "error": error}
            if usage and row["id"] in usage:
                changes["usage"] = usage[row["id"]]
            endings.append(Ending(row, had.model_copy(update=changes)))
            continue
        spec = json.loads(content.spec or "{}")
        result = JobResult.model_validate(
            {
                "job_id": row["id"],
                "problem_id": spec.get("problem", {}).get("id", ""),
                "status": status,
                "stop_reason": stop_reason,
                "error": error,
                "usage": (usage or {}).get(row["id"], Usage()),
                "strategy": spec.get("strategy", ""),
                "model": spec.get("model", ""),
                "model_for": spec.get("model_for", {}),
            }
        )
        endings.append(Ending(row, result))
    return endings
