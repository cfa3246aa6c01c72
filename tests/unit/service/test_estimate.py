"""What a batch would take: bounds that hold, and expectations that say what they rest on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.job import JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.agents.strategies.base import find_strategy, load_parameters
from solvent.models.registry import load_profile
from solvent.problems.problem import Problem, ProblemKind
from solvent.service.estimate import Ground, estimate, job_bound, most_replies
from solvent.settings import Settings
from solvent.usage import Budget, Usage
from solvent.workers.batch_plan import BatchPlan, Contest
from solvent.workers.planning import plan_jobs
from solvent.workers.records import BatchRecord, JobRecord

PROBLEM = Problem(id="p", kind=ProblemKind.MATH, statement="?")


def ground(strategy: str = "single") -> Ground:
    parameters = load_parameters(find_strategy(strategy), {})
    return Ground(parameters, load_profile("starter", Settings(home=Path("unused"))))


def job(number: int, strategy: str = "single", budget: Budget = Budget()) -> JobRecord:  # noqa: B008  # frozen
    spec = JobSpec(id=f"job-{number}", problem=PROBLEM, strategy=strategy, budget=budget)
    return JobRecord(id=spec.id, position=number, custom_id=f"p{number}", spec=spec, created_at="now")


def completed(number: int, tokens: int, strategy: str = "single", **more: object) -> JobRecord:
    result = JobResult(
        job_id=f"job-{number}",
        problem_id="p",
        status=JobStatus.COMPLETED,
        outcome=Outcome.SOLVED,
        stop_reason=StopReason.AGREED,
        usage=Usage(completion_tokens=tokens, model_calls=1),
        wall_s=2.0,
    )
    return job(number, strategy).model_copy(update={"status": JobStatus.COMPLETED, "result": result, **more})


def batch(count: int, plan: BatchPlan = BatchPlan(), **more: Budget) -> tuple[BatchRecord, list[JobRecord]]:  # noqa: B008
    record = BatchRecord(id="b", source="-", strategy="single", model="starter", plan=plan, created_at="now", **more)
    return plan_jobs(record, [job(number, budget=record.job_budget) for number in range(count)])


def test_without_earlier_jobs_there_are_bounds_and_no_expectation() -> None:
    record, jobs = batch(3)

    found = estimate(record, jobs, {0: ground()}, [completed(1, 5, "solve-detect-verify")] * 9)

    assert found["at_most"]["tokens"] == 3 * ground().profile.context_tokens
    assert found["expected"]["rests_on"] == 0
    assert "tokens" not in found["expected"]


def test_expectations_rest_on_jobs_of_the_same_strategy_and_model() -> None:
    record, jobs = batch(10)
    history = [completed(number, 100) for number in range(6)] + [completed(9, 9999, "solve-detect-verify")] * 20

    found = estimate(record, jobs, {0: ground()}, history, concurrency=4)

    expected = found["expected"]
    assert (expected["rests_on"], expected["solved"]) == (6, 1.0)
    assert expected["tokens"] == {"mean": 1000.0, "low": 1000.0, "high": 1000.0}
    assert expected["time_s"]["mean"] == 5.0
    assert expected["per_job_tokens"]["p50"] == 100


def test_caps_bound_what_is_expected() -> None:
    record, jobs = batch(10, budget=Budget(tokens=300, deadline_s=60), job_budget=Budget(tokens=50))
    history = [completed(number, 100) for number in range(6)]

    found = estimate(record, jobs, {0: ground()}, history)

    assert found["at_most"] == {"tokens": 300, "cost": 0.0, "time_s": 60}
    assert found["expected"]["tokens"]["mean"] == 300
    assert not found["expected"]["same_options"]


def test_attempts_and_teams_count() -> None:
    record, jobs = batch(2, BatchPlan(attempts=5))
    assert estimate(record, jobs, {0: ground()}, [])["jobs"] == 10

    record, jobs = batch(2, BatchPlan(contest=Contest(duration_s=60, attempts=4)))
    found = estimate(record, jobs, {0: ground()}, [])
    assert (found["jobs"], found["most_jobs"]) == (2, 8)
    assert found["at_most"]["tokens"] == 8 * ground().profile.context_tokens


@given(tokens=st.none() | st.integers(0, 10**6), calls=st.none() | st.integers(0, 1000))
def test_a_bound_is_at_most_each_cap(tokens: int | None, calls: int | None) -> None:
    found, _ = job_bound(ground("solve-detect-verify"), "solve-detect-verify", Budget(tokens=tokens, model_calls=calls))

    assert found is not None
    assert tokens is None or found <= tokens
    assert calls is None or found <= calls * ground().profile.context_tokens


@pytest.mark.parametrize(("name", "replies"), [("single", 1), ("solve-detect-verify", 32 * 4)])
def test_a_strategy_says_how_many_replies_it_asks_for_at_most(name: str, replies: int) -> None:
    assert most_replies(name, load_parameters(find_strategy(name), {})) == replies
