"""pass@k and the report of a benchmark."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.job import Grade, JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.problems.problem import Problem, ProblemKind, Verdict
from solvent.service.benchmark import bootstrap, pass_at_k, report, steps_to
from solvent.usage import Usage
from solvent.workers.batch_plan import BatchPlan
from solvent.workers.planning import plan_jobs
from solvent.workers.records import BatchRecord, JobRecord


@given(attempts=st.lists(st.booleans(), min_size=1, max_size=9), k=st.integers(1, 9))
def test_pass_at_k_is_the_share_of_all_choices_of_k_attempts(attempts: list[bool], k: int) -> None:
    k = min(k, len(attempts))
    choices = list(combinations(attempts, k))

    expected = sum(any(choice) for choice in choices) / len(choices)

    assert pass_at_k(len(attempts), sum(attempts), k) == pytest.approx(expected)


@pytest.mark.parametrize(("attempts", "correct", "k"), [(3, 1, 4), (3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_counts_that_make_no_sense_are_refused(attempts: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="say nothing"):
        pass_at_k(attempts, correct, k)


@pytest.mark.parametrize(("k", "steps"), [(1, [1]), (2, [1, 2]), (5, [1, 2, 4, 5]), (16, [1, 2, 4, 8, 16])])
def test_pass_is_reported_at_doubling_steps(k: int, steps: list[int]) -> None:
    assert steps_to(k) == steps


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_an_interval_holds_the_mean_and_is_the_same_for_a_seed(values: list[float]) -> None:
    low, high = bootstrap(values, 3)

    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert (low, high) == bootstrap(values, 3)


def planned(attempts: int, families: tuple[str, ...]) -> tuple[BatchRecord, list[JobRecord]]:
    batch = BatchRecord(
        id="batch", source="-", strategy="single", model="starter", plan=BatchPlan(attempts=attempts), created_at="now"
    )
    rows = [
        JobRecord(
            id=f"job-{index}",
            position=index,
            custom_id=f"p{index}",
            spec=JobSpec(
                id=f"job-{index}",
                problem=Problem(
                    id=f"p{index}",
                    kind=ProblemKind.MATH,
                    statement="?",
                    tags=("hard",),
                    metadata={"family": family},
                ),
            ),
            created_at="now",
        )
        for index, family in enumerate(families)
    ]
    return plan_jobs(batch, rows)


def ended(job: JobRecord, *, right: bool, claimed: bool = True, **more: Any) -> JobRecord:
    result = JobResult(
        job_id=job.id,
        problem_id="p",
        status=JobStatus.COMPLETED,
        outcome=Outcome.SOLVED if claimed else Outcome.UNSOLVED,
        stop_reason=StopReason.AGREED,
        grade=Grade(verdict=Verdict.AC if right else Verdict.WA, passed=int(right), total=1),
        usage=Usage(prompt_tokens=10, completion_tokens=5),
        wall_s=2.0,
        **more,
    )
    return job.model_copy(update={"status": JobStatus.COMPLETED, "result": result})


def test_each_problem_is_tried_k_times_with_seeds_of_its_own() -> None:
    batch, jobs = planned(3, ("list", "word"))

    assert [batch.plan.place(job.position) for job in jobs] == [
        (0, problem, attempt) for attempt in range(3) for problem in range(2)
    ]
    specs = [job.spec for job in jobs if job.spec]
    assert len({spec.id for spec in specs}) == 6
    assert [spec.attempt for spec in specs] == [1, 1, 2, 2, 3, 3]
    assert len({spec.seed for spec in specs}) == 3
    assert specs[0].seed == 0


def test_a_report_counts_by_problem_family_and_tag() -> None:
    batch, jobs = planned(2, ("list", "word"))
    right = {(0, 0): True, (0, 1): False, (1, 0): False, (1, 1): False}
    done = [
        ended(job, right=right[batch.plan.place(job.position)[1:]], claimed=batch.plan.place(job.position).attempt == 0)
        for job in jobs
    ]

    found = report(batch, done)

    assert [(each["k"], each["value"]) for each in found["pass_at"]] == [(1, 0.25), (2, 0.5)]
    assert found["by_tag"]["list"]["pass_at"][0]["value"] == 0.5
    assert found["by_tag"]["hard"]["problems"] == 2
    assert (found["claimed"], found["claimed_wrong"]) == (2, 1)
    assert found["usage"]["tokens"] == 60
    assert found["job_wall_s"] == 8.0
    assert [row["correct"] for row in found["per_problem"]] == [1, 0]


def test_attempts_that_did_not_complete_say_nothing_of_the_problem() -> None:
    batch, jobs = planned(2, ("list",))
    failed = jobs[1].model_copy(update={"status": JobStatus.FAILED, "error": {"kind": "provider", "message": "gone"}})

    found = report(batch, [ended(jobs[0], right=True), failed])

    assert found["incomplete"] == 1
    assert [(each["k"], each["value"], each["problems"]) for each in found["pass_at"]] == [(1, 1.0, 1)]
