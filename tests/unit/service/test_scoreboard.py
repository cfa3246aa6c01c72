import pytest
from rich.console import Console

from solvent.agents.job import Grade, JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.problems.problem import Problem, ProblemKind, Verdict
from solvent.service.cli.batch import batch_exit_code
from solvent.service.cli.scoreboard import print_scoreboard, totals
from solvent.usage import Usage
from solvent.workers.records import JobRecord

SPEC = JobSpec(id="j", problem=Problem(id="p", kind=ProblemKind.STDIO, statement="x"))
BAD_ROW = JobRecord(
    id="j9",
    position=8,
    custom_id="rows.jsonl:3",
    status=JobStatus.FAILED,
    error={"kind": "data", "message": "rows.jsonl:3: field 'test': missing"},
    created_at="t",
)


def ended(outcome: Outcome | None, *, error: str | None = None, grade: Verdict | None = None) -> JobRecord:
    status = JobStatus.COMPLETED if outcome else JobStatus.FAILED
    fault = {"kind": error, "message": f"{error} broke"} if error else None
    result = JobResult(
        job_id="j",
        problem_id="p",
        status=status,
        outcome=outcome,
        stop_reason=StopReason.ERROR if error else StopReason.MAX_ROUNDS,
        grade=Grade(verdict=grade) if grade else None,
        usage=Usage(prompt_tokens=10, trajectories=2),
        error=fault,
    )
    return JobRecord(id="j", custom_id="p", status=status, spec=SPEC, result=result, error=fault, created_at="t")


SOLVED = ended(Outcome.SOLVED, grade=Verdict.AC)
UNSOLVED = ended(Outcome.UNSOLVED, grade=Verdict.WA)
EXHAUSTED = ended(Outcome.EXHAUSTED)
NO_ENDPOINT = ended(None, error="provider")


@pytest.mark.parametrize(
    ("jobs", "code"),
    [
        ([SOLVED, SOLVED], 0),
        ([SOLVED, UNSOLVED], 1),
        ([UNSOLVED, EXHAUSTED], 4),
        ([SOLVED, NO_ENDPOINT], 3),
        ([EXHAUSTED, NO_ENDPOINT], 3),
        ([SOLVED, BAD_ROW], 5),
        ([BAD_ROW], 5),
    ],
)
def test_exit_code_of_a_batch(jobs: list[JobRecord], code: int) -> None:
    assert batch_exit_code(jobs) == code


def test_totals_count_every_problem_once() -> None:
    queued = JobRecord(id="q", custom_id="q", spec=SPEC, created_at="t")
    figures = totals([SOLVED, UNSOLVED, EXHAUSTED, NO_ENDPOINT, BAD_ROW, queued])
    assert figures["problems"] == 6
    assert [figures[name] for name in ("solved", "unsolved", "exhausted", "failed", "unfinished")] == [1, 1, 1, 2, 1]
    assert figures["grades"] == {"AC": 1, "WA": 1}
    assert figures["tokens"] == 40


def test_the_scoreboard_names_the_reason_of_every_problem() -> None:
    console = Console(width=160, force_terminal=False)
    with console.capture() as captured:
        print_scoreboard(console, [SOLVED, UNSOLVED, NO_ENDPOINT, BAD_ROW], 12.0)
    text = captured.get()
    for wanted in ("solved", "max_rounds", "provider broke", "bad data", "field 'test': missing", "solved 1 of 4"):
        assert wanted in text
