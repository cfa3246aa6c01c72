from rich.console import Console

from solvent.agents.events import (
    BudgetSpent,
    CaseJudged,
    ConceptsRecalled,
    Event,
    JobFinished,
    JobStarted,
    LearnedEvent,
    PhaseEntered,
    TextGenerated,
    TrajectoryFinished,
    TrajectoryStarted,
)
from solvent.agents.job import Answer, CaseVerdict, Evidence, Grade, JobResult, JobStatus, Outcome, StopReason
from solvent.agents.learned import Learned, LearnedStatus
from solvent.problems.problem import Verdict
from solvent.service.cli.display import job_panel, print_result
from solvent.service.cli.view import JobView, learned_line, plain_line
from solvent.usage import Budget, Usage

JOB = "job-1"
RESULT = JobResult(
    job_id=JOB,
    problem_id="sum",
    status=JobStatus.COMPLETED,
    outcome=Outcome.SOLVED,
    stop_reason=StopReason.TESTS_PASSED,
    answer=Answer(text="print(sum(map(int, input().split())))\n", language="python3", trajectory="t1"),
    evidence=Evidence(public_tests=(CaseVerdict(name="1", verdict=Verdict.AC),), agreement=2, votes=3),
    grade=Grade(verdict=Verdict.AC, passed=12, total=12),
    usage=Usage(prompt_tokens=1000, completion_tokens=240, model_calls=3, trajectories=2),
    wall_s=1.5,
)
EVENTS: list[Event] = [
    JobStarted(
        job_id=JOB, problem_id="sum", strategy="single", model="starter", budget=Budget(tokens=20_000), resumed=True
    ),
    TrajectoryStarted(job_id=JOB, trajectory="t0"),
    PhaseEntered(job_id=JOB, trajectory="t0", phase="solve"),
    TextGenerated(job_id=JOB, trajectory="t0", text="print("),
    TextGenerated(job_id=JOB, trajectory="t0", text="1)"),
    BudgetSpent(job_id=JOB, usage=Usage(prompt_tokens=500, completion_tokens=120)),
    PhaseEntered(job_id=JOB, trajectory="t0", phase="verify"),
    CaseJudged(job_id=JOB, trajectory="t0", test="1", verdict=Verdict.WA),
    PhaseEntered(job_id=JOB, trajectory="t0", phase="refine", round=1),
    PhaseEntered(job_id=JOB, trajectory="t0", phase="verify", round=1),
    CaseJudged(job_id=JOB, trajectory="t0", test="1", verdict=Verdict.AC),
    TrajectoryFinished(
        job_id=JOB, trajectory="t0", stop_reason=StopReason.TESTS_PASSED, verdict=Verdict.AC, summary="AC: 1 of 1"
    ),
    JobFinished(job_id=JOB, result=RESULT),
]


def text_of(renderable: object) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_the_picture_follows_the_events() -> None:
    view = JobView()
    for event in EVENTS[:8]:
        view.apply(event)
    picture = text_of(job_panel(view, 3.0))
    assert "620 of 20 000" in picture
    assert "resumed" in picture
    assert "print(1)" in picture
    assert "t0  verify" in picture
    assert "WA" in picture


def test_verdicts_of_an_earlier_round_are_cleared() -> None:
    view = JobView()
    for event in EVENTS[:11]:
        view.apply(event)
    assert view.trajectories["t0"].verdicts == [Verdict.AC]
    assert view.trajectories["t0"].round == 1


def test_plain_lines_say_each_thing_once() -> None:
    view, lines = JobView(), []
    for event in EVENTS:
        line = plain_line(event, view)
        view.apply(event)
        if line:
            lines.append(line.split("s ", 1)[1])
    assert lines == [
        "resumed sum strategy=single model=starter id=job-1",
        "t0 solve",
        "t0 first token",
        "t0 verify",
        "t0 test 1 WA",
        "t0 refine repair=1",
        "t0 verify repair=1",
        "t0 test 1 AC",
        "t0 ended tests_passed AC: 1 of 1",
    ]


def test_the_result_shows_answer_evidence_grade_and_cost() -> None:
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        print_result(console, RESULT)
    text = captured.get()
    assert text.startswith("print(sum(map(int, input().split())))\n")
    assert "solved  sum  (stopped: tests_passed)" in text
    assert "evidence: public tests 1 of 1 AC; agreement 2 of 3 answers" in text
    assert "graded after selection: AC (12 of 12)" in text
    assert "1 240 tokens (240 written), 3 calls, 2 trajectories" in text


def test_markup_in_a_model_s_text_is_shown_as_it_is() -> None:
    hostile = RESULT.model_copy(update={"answer": Answer(text="[bold]x[/nope]", trajectory="t0")})
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        print_result(console, hostile)
    assert "[bold]x[/nope]" in captured.get()
    view = JobView()
    view.apply(TextGenerated(job_id=JOB, trajectory="t0", text="[red]y[/nope]"))
    assert "[red]y[/nope]" in text_of(job_panel(view, 0.0))


def test_a_pipe_is_told_which_concepts_a_trajectory_sees() -> None:
    event = ConceptsRecalled(job_id=JOB, time_s=1.0, trajectory="t0", policy="read", names=("Ember rule", "Moss rule"))
    assert plain_line(event, JobView()) == "   1.00s t0 concepts: Ember rule, Moss rule"
    away = event.model_copy(update={"names": (), "note": "without concepts: Chroma is away"})
    assert plain_line(away, JobView()) == "   1.00s t0 concepts: none (without concepts: Chroma is away)"


def test_what_was_learned_is_said_and_its_writing_goes() -> None:
    view = JobView()
    view.apply(TextGenerated(job_id=JOB, trajectory="memory", text="concept: Ember rule"))
    assert "Ember rule" in text_of(job_panel(view, 1.0))
    learned = Learned(status=LearnedStatus.WRITTEN, added=("con-1:1",), names=("Ember rule",), refused=("a secret",))
    event = LearnedEvent(job_id=JOB, time_s=1.0, learned=learned)
    line = plain_line(event, view)
    view.apply(event)
    assert line is not None
    assert line.endswith("learned: Ember rule (1 refused)")
    assert view.trajectories == {}
    nothing = Learned(status=LearnedStatus.NOT_WRITTEN, note="budget: cap_calls")
    assert learned_line(nothing) == "learned nothing (budget: cap_calls)"
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        print_result(console, RESULT.model_copy(update={"learned": learned}))
    assert "learned: Ember rule" in captured.get()
