"""A batch's allocation: its rows as questions, and what a policy says as budgets of its jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from solvent.agents.allocation.base import AllocationState, Phase, Policy, Question, make_policy, state_of
from solvent.agents.allocation.units import Units
from solvent.agents.job import JobStatus, Outcome, StopReason
from solvent.problems.problem import ProblemKind, Verdict
from solvent.usage import Budget
from solvent.workers.records import BatchRecord, JobRecord

CAPPED = frozenset({StopReason.CAP_TOKENS, StopReason.CAP_COST, StopReason.CAP_SANDBOX})
"""Ends that a larger share can take back."""
_LOST = frozenset({JobStatus.FAILED, JobStatus.EXPIRED})
"""States of jobs that nothing goes on with by itself; a cancelled one keeps its share for whoever resumes."""


def first_budgets(batch: BatchRecord, ids: Sequence[str], config_dir: Path | None = None) -> Mapping[str, Budget]:
    """Return the budgets with which the jobs of a new batch begin, by id.

    Raises:
        ConfigError: there is no such policy, or the batch's budget cannot be shared.
    """
    units = Units(batch.budget, batch.job_budget)
    state = state_of(units.cap, [Question(id, limit=units.limit) for id in ids], batch.seed)
    given = _policy(batch, config_dir).ask(state)
    return {id: units.budget(given.get(id, 0)) for id in ids}


def next_budgets(batch: BatchRecord, jobs: Iterable[JobRecord], config_dir: Path | None = None) -> Mapping[str, Budget]:
    """Return new budgets of jobs that ended because theirs was spent, by id; none where the batch is at its end.

    Raises:
        ConfigError: there is no such policy any more.
    """
    units = Units(batch.budget, batch.job_budget)
    found = [job for job in jobs if job.spec is not None]
    state = state_of(units.cap, [question_of(job, units) for job in found], batch.seed)
    given = _policy(batch, config_dir).ask(state)
    left = {job.id: _time_left(job) for job in found}
    return {id: units.budget(total).model_copy(update={"deadline_s": left[id]}) for id, total in given.items()}


def allocation_state(batch: BatchRecord, jobs: Iterable[JobRecord]) -> AllocationState:
    """Return how a batch's budget is shared as of now; for people and reports."""
    units = Units(batch.budget, batch.job_budget)
    return state_of(units.cap, [question_of(job, units) for job in jobs if job.spec is not None], batch.seed)


def question_of(job: JobRecord, units: Units) -> Question:
    """Return a job as a policy sees it; hidden tests and gold say nothing here."""
    assert job.spec is not None, "a row that could not be read is no question"
    result, problem = job.result, job.spec.problem
    usage = job.usage
    evidence = result.evidence if result is not None else None
    tests = 0 if problem.kind is ProblemKind.MATH else len(problem.public_tests)
    passed = sum(test.verdict is Verdict.AC for test in evidence.public_tests) if evidence is not None else 0
    return Question(
        id=job.id,
        phase=_phase(job),
        granted=units.granted(job.spec.budget),
        spent=units.spent(usage),
        limit=units.limit,
        # One that found no budget for its first call was no attempt.
        samples=min(usage.trajectories, usage.model_calls),
        verified=tests > 0,
        solved=result is not None and result.outcome is Outcome.SOLVED,
        passed=min(1.0, passed / tests) if tests else 0.0,
        votes=evidence.votes if evidence is not None else 0,
        leader=evidence.agreement if evidence is not None else 0,
    )


def _phase(job: JobRecord) -> Phase:
    if job.status in _LOST:
        return Phase.DONE
    if job.status is not JobStatus.COMPLETED or job.result is None:
        return Phase.RUNNING
    capped = job.result.outcome is Outcome.EXHAUSTED and job.result.stop_reason in CAPPED
    return Phase.OPEN if capped and _time_left(job) != 0 else Phase.DONE


def _time_left(job: JobRecord) -> float | None:
    """Return what a job's own time cap leaves it after this run; None without one."""
    if job.spec is None or job.result is None or job.spec.budget.deadline_s is None:
        return None
    return max(0.0, job.spec.budget.deadline_s - job.result.wall_s)


def _policy(batch: BatchRecord, config_dir: Path | None) -> Policy:
    return make_policy(batch.plan.allocation or "even", config_dir)
