"""Jobs for tests of the service's store, and time that passes in its database."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.problems.problem import Problem
from solvent.usage import Budget, Usage
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.sql.engine import Database
from solvent.workers.tables import metadata

PROBLEM = Problem.model_validate({"id": "sum", "kind": "math", "statement": "What is 1 + 1?", "answer": "2"})
UNSET = "1970-01-01T00:00:00.000+00:00"


def job_record(job_id: str, position: int = 0, *, deadline_s: float | None = None) -> JobRecord:
    spec = JobSpec(id=job_id, problem=PROBLEM, budget=Budget(deadline_s=deadline_s))
    return JobRecord(id=job_id, custom_id=f"custom-{job_id}", position=position, spec=spec, created_at=UNSET)


def job_records(prefix: str, count: int) -> list[JobRecord]:
    return [job_record(f"{prefix}-{number:03}", number) for number in range(count)]


def batch_record(batch_id: str, *, deadline_s: float | None = None) -> BatchRecord:
    return BatchRecord(
        id=batch_id,
        source="-",
        strategy="single",
        model="starter",
        budget=Budget(deadline_s=deadline_s),
        created_at=UNSET,
    )


def plan(name: str) -> Plan:
    return {"trajectory": name, "temperature": 0.5, "max_tokens": None, "repairs": 1}


def outcome(name: str, stop_reason: StopReason = StopReason.TESTS_PASSED) -> TrajectoryOutcome:
    return TrajectoryOutcome(trajectory=name, stop_reason=stop_reason)


def job_result(job_id: str, status: JobStatus = JobStatus.COMPLETED, tokens: int = 7) -> JobResult:
    return JobResult.model_validate(
        {
            "job_id": job_id,
            "problem_id": PROBLEM.id,
            "status": status,
            "outcome": Outcome.SOLVED if status is JobStatus.COMPLETED else None,
            "stop_reason": StopReason.AGREED if status is JobStatus.COMPLETED else StopReason.CANCELLED,
            "usage": Usage(completion_tokens=tokens, model_calls=1, sandbox_cpu_s=0.25),
        }
    )


_TIMES = {
    table: [column for column in table.columns if column.name.endswith(("_at", "_since"))]
    for table in metadata.sorted_tables
}


async def pass_time(database: Database, seconds: float) -> None:
    """Let everything in the database be so much older, as if that time had passed."""

    async def work(connection: AsyncConnection) -> None:
        for table, columns in _TIMES.items():
            if columns:
                await connection.execute(update(table).values({column: column - seconds for column in columns}))

    await database.write("let time pass", work)


async def empty(database: Database) -> None:
    """Delete all rows."""

    async def work(connection: AsyncConnection) -> None:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())

    await database.write("empty the tables", work)
