"""Which two outputs stand for a test input, and how they are graded."""

from __future__ import annotations

from solvent.agents.grade import grade_grids
from solvent.agents.grid_attempts import GridTry, attempts_of, ordered_outputs, with_try
from solvent.agents.job import CaseVerdict, Evidence, GridAttempts, JobResult, JobStatus, StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.problems.grids import as_grid
from solvent.problems.problem import CallTest, FunctionSpec, Problem, ProblemKind, Verdict

ONE, TWO, THREE = (as_grid([[number]]) for number in (1, 2, 3))
PROBLEM = Problem(
    id="p",
    kind=ProblemKind.GRID,
    statement="Find it.",
    function=FunctionSpec(name="transform"),
    public_tests=(CallTest(name="train 1", arguments=([[0]],), expected=[[1]]),),
    hidden_tests=(
        CallTest(name="test 1", arguments=([[5]],), expected=[[1]]),
        CallTest(name="test 2", arguments=([[6]],), expected=[[2]]),
    ),
)


def told(trajectory: str, outputs: str | None, passed: int, repairs: int = 0) -> TrajectoryOutcome:
    return TrajectoryOutcome(
        trajectory=trajectory, stop_reason=StopReason.MAX_ROUNDS, answer=outputs, passed=passed, repairs=repairs
    )


def test_what_passes_more_pairs_comes_first_then_what_more_agree_on() -> None:
    tries: list[GridTry] = []
    for outcome in (
        told("t0", "few", 1),
        told("t1", None, 0),
        told("t2", "many", 2, 1),
        told("t3", "agreed", 2, 3),
        told("t4", "agreed", 1),
    ):
        tries = with_try(tries, outcome)
    assert [one["outputs"] for one in tries] == ["agreed", "many", "few"]
    assert (tries[0]["passed"], tries[0]["repairs"], tries[0]["votes"]) == (2, 3, 2)
    assert ordered_outputs(tries, "many") == ["many", "agreed", "few"]
    assert ordered_outputs(tries, None) == ["agreed", "many", "few"]


def test_many_tries_stay_few() -> None:
    tries: list[GridTry] = []
    for number in range(100):
        tries = with_try(tries, told(f"t{number}", f"o{number}", number % 7))
    assert len(tries) == 16
    assert {one["passed"] for one in tries} == {5, 6}


def test_the_second_attempt_is_the_next_best_that_differs_there() -> None:
    assert attempts_of([(ONE, None), (ONE, TWO), (TWO, THREE)], 2) == (
        GridAttempts(attempt_1=ONE, attempt_2=TWO),
        GridAttempts(attempt_1=None, attempt_2=TWO),
    )
    assert attempts_of([], 1) == (GridAttempts(),)


def result(*attempts: GridAttempts, trained: bool = True) -> JobResult:
    verdict = Verdict.AC if trained else Verdict.WA
    return JobResult(
        job_id="j",
        problem_id="p",
        status=JobStatus.COMPLETED,
        stop_reason=StopReason.TESTS_PASSED,
        evidence=Evidence(public_tests=(CaseVerdict(name="train 1", verdict=verdict),)),
        attempts=attempts,
    )


def test_either_attempt_counts_and_strict_asks_for_one_program() -> None:
    firsts = (GridAttempts(attempt_1=ONE), GridAttempts(attempt_1=TWO, attempt_2=ONE))
    mixed = (GridAttempts(attempt_1=ONE), GridAttempts(attempt_1=ONE, attempt_2=TWO))
    cases = [
        (result(*firsts), (Verdict.AC, 2, True)),
        (result(*firsts, trained=False), (Verdict.AC, 2, False)),
        (result(*mixed), (Verdict.AC, 2, False)),
        (result(GridAttempts(attempt_1=ONE), GridAttempts()), (Verdict.WA, 1, False)),
        (result(), (Verdict.WA, 0, False)),
    ]
    for given, expected in cases:
        grade = grade_grids(PROBLEM, given)
        assert grade is not None
        assert (grade.verdict, grade.passed, grade.strict) == expected
        assert grade.total == 2


def test_unknown_outputs_are_not_graded() -> None:
    hidden = (PROBLEM.hidden_tests[0], CallTest(name="test 2", arguments=([[6]],)))
    assert grade_grids(PROBLEM.model_copy(update={"hidden_tests": hidden}), result()) is None
