"""What clients get, field by field: what is not named here (hidden tests, gold answers, solutions) stays inside."""

from __future__ import annotations

from pydantic import BaseModel, Field, JsonValue

from solvent.agents.job import Answer, Evidence, Grade, JobStatus, Outcome, StopReason
from solvent.agents.learned import Learned
from solvent.agents.recalled import MemoryUse
from solvent.models.base import Role
from solvent.problems.view import PublicProblem, public_view
from solvent.usage import Budget, Usage
from solvent.workers.batch_plan import BatchPlan
from solvent.workers.records import ENDED, BatchRecord, JobRecord
from solvent.workers.service_records import BatchCounts


class JobAnswer(BaseModel):
    """A job as it stands. What hidden tests or the gold answer say of the selected answer is its `grade`, no more."""

    id: str
    batch_id: str | None
    position: int
    custom_id: str
    status: JobStatus
    problem_id: str | None
    problem: PublicProblem | None = None
    """The public part, where one job is asked for."""
    strategy: str | None
    parameters: dict[str, JsonValue]
    model: str | None
    model_for: dict[Role, str]
    seed: int | None
    budget: Budget | None
    outcome: Outcome | None
    stop_reason: StopReason | None
    answer: Answer | None
    evidence: Evidence | None
    grade: Grade | None
    usage: Usage | None
    wall_s: float | None
    memory: MemoryUse | None
    """Of jobs with a memory policy: the concepts that the answer was written with."""
    learned: Learned | None
    """Of jobs with the policy `live`: what was written into the memory; `pending` until a worker did so."""
    error: dict[str, str | None] | None
    created_at: str
    finished_at: str | None


class JobsAnswer(BaseModel):
    """Jobs in the order in which they were sent."""

    data: list[JobAnswer]


class JobPage(BaseModel):
    """The newest jobs, newest first."""

    data: list[JobAnswer]
    next: str | None
    """`cursor` of the next page; null at the end."""


class BatchAnswer(BaseModel):
    """A batch as it stands."""

    id: str
    name: str
    strategy: str
    parameters: dict[str, JsonValue]
    model: str
    model_for: dict[Role, str]
    seed: int
    budget: Budget
    job_budget: Budget
    created_at: str
    total: int
    ended: int
    by_status: dict[JobStatus, int]
    by_outcome: dict[str, int] = Field(examples=[{"solved": 3, "unsolved": 1}])
    usage: Usage
    plan: BatchPlan
    """What it is beyond a list of jobs."""
    settled: bool
    """Nothing is added any more: neither jobs nor budgets."""


class BatchPage(BaseModel):
    """The newest batches, newest first."""

    data: list[BatchAnswer]
    next: str | None


class CancelAnswer(BaseModel):
    """What a cancel found."""

    id: str
    stopping: int
    """Jobs that had not ended. Those that were running end as soon as they can, with what they have."""


class RetryAnswer(BaseModel):
    """What a retry found."""

    id: str
    queued: int
    """Jobs that are queued again."""


def job_answer(job: JobRecord, *, with_problem: bool = False) -> JobAnswer:
    """Return what a client may know of a job."""
    spec, result = job.spec, job.result
    return JobAnswer(
        id=job.id,
        batch_id=job.batch_id,
        position=job.position,
        custom_id=job.custom_id,
        status=job.status,
        problem_id=spec.problem.id if spec else None,
        problem=public_view(spec.problem) if spec and with_problem else None,
        strategy=spec.strategy if spec else None,
        parameters=spec.parameters if spec else {},
        model=spec.model if spec else None,
        model_for=spec.model_for if spec else {},
        seed=spec.seed if spec else None,
        budget=spec.budget if spec else None,
        outcome=result.outcome if result else None,
        stop_reason=result.stop_reason if result else None,
        answer=result.answer if result else None,
        evidence=result.evidence if result else None,
        grade=result.grade if result else None,
        usage=result.usage if result else None,
        wall_s=result.wall_s if result else None,
        memory=result.memory if result else None,
        learned=result.learned if result else None,
        error=job.error,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def batch_answer(batch: BatchRecord, counts: BatchCounts) -> BatchAnswer:
    """Return a batch with its counts."""
    return BatchAnswer(
        id=batch.id,
        name=batch.source,
        strategy=batch.strategy,
        parameters=batch.parameters,
        model=batch.model,
        model_for=batch.model_for,
        seed=batch.seed,
        budget=batch.budget,
        job_budget=batch.job_budget,
        created_at=batch.created_at,
        total=counts.total,
        ended=sum(number for status, number in counts.by_status.items() if status in ENDED),
        by_status=dict(counts.by_status),
        by_outcome=dict(counts.by_outcome),
        usage=counts.usage,
        plan=batch.plan,
        settled=not counts.unsettled,
    )
