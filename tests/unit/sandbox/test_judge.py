"""What the judge makes of programs, of its problem's own programs, and of a sandbox that fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fake_sandbox import Answer, FakeRun, FakeSandbox, ended

from solvent.errors import ConfigError, SandboxError, SandboxUnavailable
from solvent.problems.problem import Checker, IoTest, Problem, ProblemKind, Solution, TestGroup, Verdict
from solvent.sandbox.base import Program, RunResult, RunStatus
from solvent.sandbox.judge import Judgement, TestResult, judge

AC, WA, RE, IE = Verdict.AC, Verdict.WA, Verdict.RE, Verdict.IE
FAULT = RunResult(status=RunStatus.FAULT, fault="the box broke off")


def echo(run: FakeRun) -> Answer:
    return run.stdin


def problem(count: int = 1, **more: Any) -> Problem:
    cases = tuple(IoTest(name=str(n), stdin=f"{n}\n", expected=f"{n}\n") for n in range(count))
    return Problem.model_validate(
        {"id": "p", "kind": ProblemKind.STDIO, "statement": "s", "hidden_tests": cases, **more}
    )


async def judged(
    asked: Problem,
    main: Callable[[FakeRun], Answer],
    programs: Mapping[str, Callable[[FakeRun], Answer]] | None = None,
    **options: Any,
) -> Judgement:
    sandbox = FakeSandbox({"main": main, **(programs or {})})
    return await judge(sandbox, asked, Program(language="cpp", source="main"), asked.hidden_tests, **options)


async def test_a_program_is_built_once_and_its_job_is_named() -> None:
    sandbox = FakeSandbox({"main": echo})
    asked = problem(20)
    done = await judge(sandbox, asked, Program(language="cpp", source="main"), asked.hidden_tests, job="me")
    assert [test.name for test in done.tests] == [str(n) for n in range(20)]
    assert (done.verdict, done.compile_cpu_s, len(sandbox.builds)) == (AC, 0.25, 1)
    assert sandbox.jobs == {"me"}


async def test_stops_at_the_first_failure_in_order_and_counts_what_was_done_ahead() -> None:
    """Test 2 is wrong, and slower than test 3."""
    later = asyncio.Event()

    async def slow(run: FakeRun) -> RunResult | bytes:
        await later.wait()
        return ended(stdout=b"wrong", cpu_s=1)

    def main(run: FakeRun) -> Answer:
        if run.stdin == b"2\n":
            return slow(run)
        later.set() if run.stdin == b"3\n" else None
        return ended(stdout=run.stdin, cpu_s=1)

    told: list[TestResult] = []
    done = await judged(problem(50), main, stop_on_failure=True, on_test=told.append)
    assert [test.verdict for test in done.tests] == [AC, AC, WA]
    assert tuple(told) == done.tests
    assert done.verdict is WA
    assert done.discarded_cpu_s >= 1
    assert done.cpu_s == pytest.approx(3 + 0.25 + done.discarded_cpu_s)


async def test_cancelling_leaves_nothing_running() -> None:
    started = asyncio.Event()

    async def hang() -> RunResult | bytes:
        started.set()
        await asyncio.Event().wait()
        return b""

    sandbox = FakeSandbox({"main": lambda run: hang()})
    asked = problem(5)
    task = asyncio.create_task(judge(sandbox, asked, Program(language="cpp", source="main"), asked.hidden_tests))
    await started.wait()
    assert sandbox.running
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not sandbox.running


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (RunStatus.EXIT, RE),
        (RunStatus.SIGNAL, RE),
        (RunStatus.CPU_TIME, Verdict.TLE),
        (RunStatus.WALL_TIME, Verdict.TLE),
        (RunStatus.MEMORY, Verdict.MLE),
        (RunStatus.OUTPUT, Verdict.OLE),
        (RunStatus.FAULT, IE),
    ],
)
async def test_how_a_run_ended_is_its_verdict(status: RunStatus, verdict: Verdict) -> None:
    """Also where it printed the right answer before."""
    done = await judged(problem(), lambda run: ended(status, stdout=run.stdin))
    assert done.verdict is verdict
    assert done.message


async def test_a_source_that_the_interpreter_refuses_does_not_compile() -> None:
    told: list[TestResult] = []
    refused = ended(RunStatus.COMPILE, stderr=b"SyntaxError: x", cpu_s=0.1)
    done = await judged(problem(3), lambda run: refused, on_test=told.append)
    assert (done.verdict, done.message, done.tests, told) == (Verdict.CE, "SyntaxError: x", (), [])


async def test_a_fault_is_ours_and_the_other_tests_go_on() -> None:
    done = await judged(problem(3), lambda run: FAULT if run.stdin == b"1\n" else run.stdin)
    assert [test.verdict for test in done.tests] == [AC, IE, AC]
    assert (done.verdict, done.message) == (IE, "the box broke off")
    raised = await judged(problem(2), lambda run: SandboxError("gone") if run.stdin == b"0\n" else run.stdin)
    assert [test.verdict for test in raised.tests] == [IE, AC]


async def test_a_failing_build() -> None:
    for error in (SandboxError("the box did not start"), SandboxUnavailable("nothing works here"), ConfigError("no")):
        sandbox = FakeSandbox(build_error=error)
        asked = problem()
        call = judge(sandbox, asked, Program(language="cpp", source=""), asked.hidden_tests)
        if isinstance(error, SandboxUnavailable | ConfigError):
            with pytest.raises(type(error)):
                await call
        else:
            assert (await call).message == "the box did not start"


async def test_bytes_that_are_no_text_go_in_and_are_compared() -> None:
    odd = b"\xff\x00\xfe\n".decode("utf-8", "surrogateescape")
    case = IoTest(name="b", stdin=odd, expected=odd)
    asked = problem(hidden_tests=(case,), checker=Checker(type="exact"))
    assert (await judged(asked, lambda run: b"\xff\x00\xfe\n")).verdict is AC
    assert (await judged(asked, lambda run: run.stdin)).verdict is AC
    assert (await judged(asked, lambda run: b"\xfe\x00\xff\n")).verdict is WA


async def test_files_and_arguments() -> None:
    case = IoTest(name="f", stdin="in", expected="out", arguments=("-v",), files={"more.txt": "extra"})
    asked = problem(hidden_tests=(case,), input_file="a.in", output_file="a.out")

    def main(run: FakeRun) -> Answer:
        assert (run.stdin, run.arguments) == (b"", ("-v",))
        assert run.files == {"a.in": b"in", "more.txt": b"extra"}
        assert list(run.keep) == ["a.out"]
        return ended(stdout=b"noise", files={"a.out": b"out"})

    done = await judged(asked, main)
    assert (done.verdict, done.tests[0].stdout) == (AC, "out")
    assert (await judged(asked, lambda run: ended(files={"a.out": b"no"}))).verdict is WA
    missing = await judged(asked, lambda run: b"out")
    assert (missing.verdict, "a.out" in missing.message) == (WA, True)
    flood = ended(files={"a.out": b"x" * (9 << 20)})
    assert (await judged(asked, lambda run: flood)).verdict is Verdict.OLE


async def test_run_times_with_threads_get_a_longer_backstop_and_the_same_limit() -> None:
    walls = {}
    for language in ("cpp", "java"):
        sandbox = FakeSandbox({"main": echo})
        asked = problem()
        await judge(sandbox, asked, Program(language=language, source="main"), asked.hidden_tests)
        walls[language] = sandbox.runs[0].limits.wall_time_s
        assert sandbox.runs[0].limits.cpu_time_s == asked.limits.cpu_time_s
    assert walls == {"cpp": 5, "java": 15}


async def test_included_files_are_built_with_the_submission() -> None:
    sandbox = FakeSandbox({"main": echo})
    asked = problem(included_files={"cpp": {"lib.h": "1"}, "default": {"x": "2"}})
    program = Program(language="cpp", source="main", files={"lib.h": "mine", "own.h": "3"})
    await judge(sandbox, asked, program, asked.hidden_tests)
    assert sandbox.builds[0].files == {"lib.h": "1", "own.h": "3"}


def custom(style: str = "icpc", **more: Any) -> Checker:
    return Checker.model_validate(
        {"type": "custom", "style": style, "program": Solution(language="cpp", source="check"), **more}
    )


def validator(run: FakeRun) -> Answer:
    assert run.arguments[:3] == ("test.in", "test.ans", "feedback/")
    assert run.files["test.in"] == run.files["test.ans"]
    code = 42 if run.stdin == run.files["test.ans"] else 43
    return RunResult(status=RunStatus.EXIT, exit_code=code, cpu_s=2, files={"feedback/judgemessage.txt": b"seen"})


async def test_an_output_validator_decides_and_its_time_is_told_apart() -> None:
    done = await judged(problem(2, checker=custom()), echo, {"check": validator})
    assert (done.verdict, done.checker_cpu_s, done.tests[0].cpu_s) == (AC, 4.25, 0)
    assert done.cpu_s == 0.25 + 4.25
    wrong = await judged(problem(1, checker=custom()), lambda run: b"no", {"check": validator})
    assert (wrong.verdict, wrong.message, wrong.tests[0].judge_message) == (WA, "seen", "seen")


async def test_a_failing_checker_is_ours_and_a_crashed_program_is_not_shown_to_it() -> None:
    for check in (lambda run: 1, lambda run: SandboxError("gone"), lambda run: FAULT):
        done = await judged(problem(1, checker=custom()), echo, {"check": check})
        assert (done.verdict, bool(done.message)) == (IE, True)
        crashed = await judged(problem(1, checker=custom()), lambda run: 1, {"check": check})
        assert crashed.verdict is RE
    unbuilt = await judged(problem(1, checker=custom()), echo)
    assert (unbuilt.verdict, "does not compile" in unbuilt.message) == (IE, True)
    missing = await judged(problem(1, checker=Checker(type="custom")), echo)
    assert (missing.verdict, "missing" in missing.message) == (IE, True)


async def test_the_group_of_a_test_chooses_the_checkers_arguments() -> None:
    seen: list[tuple[str, ...]] = []

    def check(run: FakeRun) -> Answer:
        seen.append(run.arguments[3:])
        return 42

    cases = tuple(IoTest(name=name, stdin="", expected="", group=name) for name in ("a", "b"))
    groups = (TestGroup(name="b", checker=Checker(type="custom", arguments=("strict",))),)
    asked = problem(hidden_tests=cases, groups=groups, checker=custom(arguments=("lax",)))
    await judged(asked, echo, {"check": check})
    assert sorted(seen) == [("lax",), ("strict",)]


async def test_a_checker_with_testlib() -> None:
    def check(run: FakeRun) -> Answer:
        assert run.arguments == ("input", "output", "answer", "-x")
        assert set(run.files) == {"input", "output", "answer"}
        return 0 if run.files["output"] == run.files["answer"] else 2

    checker = custom("testlib", arguments=("-x",))
    assert (await judged(problem(2, checker=checker), echo, {"check": check})).verdict is AC
    assert (await judged(problem(2, checker=checker), lambda run: b"", {"check": check})).verdict is WA


async def test_a_python_checker_is_asked_through_the_driver() -> None:
    def driver(run: FakeRun) -> Answer:
        asked = json.loads(run.files["solvent_data/request.json"])
        assert asked["keywords"]["point_value"] == 3
        assert asked["keywords"]["strict"] is True
        assert run.program.files["problem_checker.py"] == "check"
        passed = run.files["solvent_data/output"] == run.files["solvent_data/answer"]
        said = {"token": asked["token"], "passed": passed, "points": 1.5}
        return ended(files={"solvent_data/answer.json": json.dumps(said).encode()})

    from solvent.sandbox import validator as module

    cases = (IoTest(name="t", stdin="1", expected="1", points=3),)
    checker = custom("python", keywords={"strict": True})
    asked = problem(hidden_tests=cases, checker=checker, scoring=True)
    done = await judged(asked, echo, {module._driver(): driver})
    assert (done.verdict, done.score, done.tests[0].score) == (AC, 1.5, 1.5)


async def test_scores_of_groups_and_of_the_whole() -> None:
    cases = tuple(IoTest(name=str(n), stdin=str(n), expected=str(n), group=f"secret/{n // 2}") for n in range(4))
    groups = tuple(
        TestGroup(name=f"secret/{n}", on_reject="break", aggregation="min", accept_score=50) for n in range(2)
    )
    asked = problem(hidden_tests=cases, groups=groups, scoring=True)
    done = await judged(asked, lambda run: b"no" if run.stdin == b"2" else run.stdin)
    assert (done.verdict, done.score) == (WA, 50)
    assert [test.name for test in done.tests] == ["0", "1", "2"]
    assert {group.name: group.score for group in done.groups} == {"": 50, "secret": 50, "secret/0": 50, "secret/1": 0}
    stopped = await judged(asked, lambda run: b"no", stop_on_failure=True)
    assert (stopped.score, stopped.groups, len(stopped.tests)) == (None, (), 1)


async def test_the_share_of_right_lines_is_a_score() -> None:
    cases = (IoTest(name="t", stdin="", expected="1\n2\n3\n4\n", points=10),)
    asked = problem(hidden_tests=cases, checker=Checker(type="line_count"), scoring=True)
    assert (await judged(asked, lambda run: b"1\n2\n3\n5\n")).score == 7.5
