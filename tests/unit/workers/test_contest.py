"""A contest's attempts and standings, from rows."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.job import Answer, CaseVerdict, Evidence, Grade, JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.problems.problem import IoTest, Problem, ProblemKind, Verdict
from solvent.service.standings import label, standings, standings_json
from solvent.usage import Usage
from solvent.workers.batch_plan import BatchPlan, Contest, Place, Team, attempt_seed
from solvent.workers.contest import Ruling, next_attempts, submissions
from solvent.workers.planning import plan_jobs
from solvent.workers.records import BatchRecord, JobRecord

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
TEST = IoTest(name="1", stdin="1\n", expected="1\n")


def contest(**changes: Any) -> Contest:
    teams = (Team(name="ada"), Team(name="bob", strategy="single", seed=7))
    return Contest(**{"duration_s": 3600, "freeze_s": 600, "penalty_s": 1200, "attempts": 3, "teams": teams, **changes})


def started(problems: int = 2, **changes: Any) -> tuple[BatchRecord, list[JobRecord]]:
    """Return a contest that has just begun."""
    batch = BatchRecord(
        id="batch-1",
        source="-",
        strategy="solve-detect-verify",
        model="starter",
        plan=BatchPlan(contest=contest(**changes)),
        created_at=BEGUN.isoformat(),
        begun_at=BEGUN.isoformat(),
    )
    rows = [
        JobRecord(
            id=f"job-{index}",
            batch_id="batch-1",
            position=index,
            custom_id=f"p{index}",
            spec=JobSpec(
                id=f"job-{index}",
                problem=Problem(id=f"p{index}", kind=ProblemKind.STDIO, statement="?", public_tests=(TEST,)),
            ),
            created_at=BEGUN.isoformat(),
        )
        for index in range(problems)
    ]
    return plan_jobs(batch, rows)


def handed_in(
    job: JobRecord,
    minute: float,
    verdict: Verdict | None,
    *,
    passed: int = 0,
    public: Verdict = Verdict.AC,
    text: str | None = None,
    calls: int = 1,
) -> JobRecord:
    """Return a job that ended with an answer, or without one where there is no verdict."""
    assert job.spec is not None
    result = JobResult(
        job_id=job.id,
        problem_id=job.spec.problem.id,
        status=JobStatus.COMPLETED,
        outcome=Outcome.SOLVED if public is Verdict.AC and verdict else Outcome.UNSOLVED,
        stop_reason=StopReason.TESTS_PASSED if verdict else StopReason.MAX_ROUNDS,
        answer=Answer(text=text or f"print({job.id!r})", language="python", trajectory="t0") if verdict else None,
        evidence=Evidence(public_tests=(CaseVerdict(name="1", verdict=public),)),
        grade=Grade(verdict=verdict, passed=10 if verdict is Verdict.AC else passed, total=10) if verdict else None,
        usage=Usage(model_calls=calls),
    )
    finished = (BEGUN + timedelta(minutes=minute)).isoformat()
    return job.model_copy(update={"status": JobStatus.COMPLETED, "result": result, "finished_at": finished})


def at(minute: float) -> float:
    return (BEGUN + timedelta(minutes=minute)).timestamp()


def place_of(batch: BatchRecord, jobs: list[JobRecord], team: int, problem: int, attempt: int = 0) -> int:
    position = batch.plan.position(Place(team, problem, attempt))
    return next(index for index, job in enumerate(jobs) if job.position == position)


def with_end(
    batch: BatchRecord, jobs: list[JobRecord], place: tuple[int, int, int], *ended: Any, **more: Any
) -> list[JobRecord]:
    """Return the jobs with one of them ended; it is added where it is a further attempt."""
    known = {job.position: job for job in jobs}
    position = batch.plan.position(Place(*place))
    if position not in known:
        for job in next_attempts(batch, jobs, at(0)):
            known[job.position] = job
    known[position] = handed_in(known[position], *ended, **more)
    return [known[position] for position in sorted(known)]


def test_each_team_gets_a_job_for_each_problem_side_by_side() -> None:
    batch, jobs = started()

    assert [batch.plan.place(job.position) for job in jobs] == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]
    assert [(job.spec.strategy, job.spec.seed) for job in jobs if job.spec] == [
        ("solve-detect-verify", 0),
        ("single", 7),
    ] * 2
    assert len({job.id for job in jobs}) == 4
    assert batch.budget.deadline_s == 3600


def test_after_a_wrong_answer_the_team_tries_again_with_another_seed() -> None:
    batch, jobs = started()
    jobs = with_end(batch, jobs, (1, 0, 0), 5, Verdict.WA)

    [again] = next_attempts(batch, jobs, at(6))

    assert batch.plan.place(again.position) == (1, 0, 1)
    assert again.spec is not None
    assert (again.spec.seed, again.spec.attempt, again.spec.team) == (attempt_seed(7, 1), 2, "bob")
    assert again.spec.id == again.id == "job-0-t2-a2"
    # The further attempt knows nothing of the first one's verdict.
    assert again.spec.problem == jobs[0].spec.problem


def test_attempts_end_with_the_accepted_one_with_the_limit_and_with_the_time() -> None:
    batch, jobs = started()
    accepted = with_end(batch, jobs, (0, 0, 0), 5, Verdict.AC)
    assert next_attempts(batch, accepted, at(6)) == []

    wrong = with_end(batch, jobs, (0, 0, 0), 5, Verdict.WA)
    assert next_attempts(batch, wrong, at(61)) == []
    for attempt in (1, 2):
        assert len(next_attempts(batch, wrong, at(6))) == 1
        wrong = with_end(batch, wrong, (0, 0, attempt), 6 + attempt, Verdict.WA)
    assert next_attempts(batch, wrong, at(10)) == []


def test_a_team_without_budget_does_not_try_again() -> None:
    batch, jobs = started()

    assert next_attempts(batch, with_end(batch, jobs, (0, 0, 0), 5, None, calls=0), at(6)) == []
    assert len(next_attempts(batch, with_end(batch, jobs, (0, 0, 0), 5, None, calls=1), at(6))) == 1


def test_an_answer_that_fails_a_public_test_is_not_handed_in_under_icpc_rules() -> None:
    for rules, ruling in (("icpc", Ruling.WITHHELD), ("score", Ruling.PARTIAL)):
        batch, jobs = started(rules=rules)
        jobs = with_end(batch, jobs, (0, 0, 0), 5, Verdict.WA, public=Verdict.WA, passed=3)
        [made] = [one for one in submissions(batch, jobs) if one.ruling is not Ruling.WAITING]
        assert made.ruling is ruling


def test_what_was_rejected_is_not_handed_in_again() -> None:
    batch, jobs = started()
    jobs = with_end(batch, jobs, (0, 0, 0), 5, Verdict.WA, text="same")
    jobs = with_end(batch, jobs, (0, 0, 1), 7, Verdict.WA, text="same")

    rulings = [one.ruling for one in submissions(batch, jobs) if one.place[:2] == (0, 0)]

    assert rulings == [Ruling.REJECTED, Ruling.WITHHELD]


def test_a_judge_that_failed_counts_neither_way_and_late_is_late() -> None:
    batch, jobs = started()
    jobs = with_end(batch, jobs, (0, 0, 0), 5, Verdict.IE)
    jobs = with_end(batch, jobs, (1, 0, 0), 60.1, Verdict.AC)

    assert {one.place: one.ruling for one in submissions(batch, jobs) if one.time_s} == {
        (0, 0, 0): Ruling.VOID,
        (1, 0, 0): Ruling.LATE,
    }
    board = standings(batch, jobs, at(70), unfreeze=True)
    assert [row.solved for row in board.rows] == [0, 0]


def test_icpc_standings_count_solved_then_penalty() -> None:
    batch, jobs = started()
    jobs = with_end(batch, jobs, (0, 0, 0), 10, Verdict.WA)
    jobs = with_end(batch, jobs, (0, 0, 1), 20, Verdict.AC)
    jobs = with_end(batch, jobs, (1, 0, 0), 25, Verdict.AC)
    jobs = with_end(batch, jobs, (1, 1, 0), 30, Verdict.WA)

    board = standings(batch, jobs, at(40))

    first, second = board.rows
    assert (first.team, first.solved, first.penalty_s) == ("bob", 1, 25 * 60)
    assert (second.team, second.solved, second.penalty_s) == ("ada", 1, 20 * 60 + 1200)
    assert second.cells[0].first
    assert not first.cells[0].first
    assert first.cells[1].rejected == 1
    assert not board.frozen


def test_after_the_freeze_rulings_are_pending_until_it_is_lifted() -> None:
    batch, jobs = started()
    jobs = with_end(batch, jobs, (0, 0, 0), 49, Verdict.AC)
    jobs = with_end(batch, jobs, (1, 0, 0), 51, Verdict.AC)
    jobs = with_end(batch, jobs, (1, 1, 0), 55, Verdict.WA)

    frozen = standings(batch, jobs, at(58))
    lifted = standings(batch, jobs, at(65), unfreeze=True)

    bob = next(row for row in frozen.rows if row.team == "bob")
    assert frozen.frozen
    assert bob.solved == 0
    assert [cell.pending for cell in bob.cells] == [1, 1]
    bob = next(row for row in lifted.rows if row.team == "bob")
    assert (lifted.frozen, lifted.over) == (False, True)
    assert (bob.solved, bob.cells[1].rejected) == (1, 1)
    # A frozen board says nothing of a ruling, in any form.
    assert "WA" not in str(standings_json(frozen))
    assert not standings(batch, jobs, at(48)).frozen


def test_score_standings_take_the_best_attempt_and_the_problems_points() -> None:
    batch, jobs = started(rules="score", points_for={"p1": 300})
    jobs = with_end(batch, jobs, (0, 0, 0), 5, Verdict.WA, passed=4)
    jobs = with_end(batch, jobs, (0, 0, 1), 8, Verdict.WA, passed=2)
    jobs = with_end(batch, jobs, (1, 1, 0), 9, Verdict.WA, passed=5)

    board = standings(batch, jobs, at(20))

    assert [(row.team, row.points) for row in board.rows] == [("bob", 150.0), ("ada", 40.0)]
    assert board.rows[1].cells[0].time_s == 5 * 60


def test_equal_teams_share_a_rank() -> None:
    batch, jobs = started()

    assert [row.rank for row in standings(batch, jobs, at(1)).rows] == [1, 1]


MARKS = st.tuples(
    st.integers(0, 1),
    st.integers(0, 1),
    st.floats(0.1, 70),
    st.sampled_from([Verdict.AC, Verdict.WA, Verdict.TLE, Verdict.IE, None]),
)


@given(marks=st.lists(MARKS, max_size=12), now=st.floats(0, 80), order=st.randoms(use_true_random=False))
def test_standings_follow_from_the_rows_whatever_their_order(marks: list[Any], now: float, order: Any) -> None:
    batch, jobs = started()
    times = itertools.count()
    for team, problem, minute, verdict in sorted(marks, key=lambda mark: mark[2]):
        attempts = [job for job in jobs if batch.plan.place(job.position)[:2] == (team, problem)]
        last = max(attempts, key=lambda job: job.position)
        if last.result is not None:
            following = [
                job
                for job in next_attempts(batch, jobs, at(minute))
                if batch.plan.place(job.position)[:2] == (team, problem)
            ]
            if not following:
                continue
            jobs, last = [*jobs, following[0]], following[0]
        jobs = [handed_in(job, minute + next(times) * 1e-6, verdict) if job.id == last.id else job for job in jobs]
    shuffled = list(jobs)
    order.shuffle(shuffled)

    board, again = standings(batch, jobs, at(now)), standings(batch, shuffled, at(now))

    assert board == again
    assert [row.rank for row in board.rows] == sorted(row.rank for row in board.rows)
    for row in board.rows:
        assert row.solved == sum(cell.solved for cell in row.cells)
    # Each chain has at most as many attempts as the rules allow.
    assert all(batch.plan.place(job.position).attempt < 3 for job in jobs)


@given(
    problems=st.integers(1, 40),
    teams=st.integers(0, 5),
    place=st.tuples(st.integers(0, 4), st.integers(0, 39), st.integers(0, 9)),
)
def test_positions_and_places_are_the_same_thing(problems: int, teams: int, place: tuple[int, int, int]) -> None:
    rules = Contest(duration_s=60, teams=tuple(Team(name=str(index)) for index in range(teams)))
    plan = BatchPlan(contest=rules, problems=problems)
    found = Place(place[0] % plan.teams, place[1] % problems, place[2])

    assert plan.place(plan.position(found)) == found


@pytest.mark.parametrize(
    ("number", "text"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
)
def test_problems_have_letters(number: int, text: str) -> None:
    assert label(number) == text
