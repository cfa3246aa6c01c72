"""Who decides when a solution and an interactor talk. Both are functions: real ones end when they like."""

from __future__ import annotations

import asyncio

import pytest
from fake_sandbox import FakeRun, FakeSandbox, Streams, ended

from solvent.problems.problem import Interactor, IoTest, Limits, Problem, ProblemKind, Solution, Verdict
from solvent.sandbox import interactor
from solvent.sandbox.base import Program, RunResult, RunStatus
from solvent.sandbox.judge import Judgement, judge

AC, WA, RE, TLE, IE = Verdict.AC, Verdict.WA, Verdict.RE, Verdict.TLE, Verdict.IE


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactor, "LAST_WORD_S", 0.05)
    monkeypatch.setattr(interactor, "END_S", 0.05)


async def guesser(streams: Streams, run: FakeRun) -> int:
    """Be the usual interactor: accepts 7, hints else, wants the end of the stream after the right number."""
    while True:
        line = await streams.line()
        if not line.isdigit():
            return 43
        if int(line) == 7:
            streams.say(b"correct\n")
            return 43 if await streams.line() else 42
        streams.say(b"higher\n")


async def never(streams: Streams, run: FakeRun) -> int:
    await asyncio.Event().wait()
    return 0


def problem(style: str = "icpc") -> Problem:
    given = Interactor.model_validate({"program": Solution(language="cpp", source="interactor"), "style": style})
    tests = (IoTest(name="t", stdin="secret\n", expected="7"),)
    return Problem(
        id="p",
        kind=ProblemKind.STDIO,
        statement="s",
        interactive=True,
        interactor=given,
        hidden_tests=tests,
        limits=Limits(cpu_time_s=1),
    )


async def talked(solution: object, judge_side: object = guesser, style: str = "icpc") -> Judgement:
    sandbox = FakeSandbox(talkers={"solution": solution, "interactor": judge_side})  # type: ignore[dict-item]  # functions
    asked = problem(style)
    async with asyncio.timeout(20):
        return await judge(sandbox, asked, Program(language="cpp", source="solution"), asked.hidden_tests, job="j")


async def counts(streams: Streams, run: FakeRun) -> int:
    for number in range(10):
        streams.say(b"%d\n" % number)
        if await streams.line() == b"correct":
            return 0
    return 0


async def test_a_right_solution_is_accepted_and_the_talk_is_shown() -> None:
    done = await talked(counts)
    assert done.verdict is AC
    assert done.tests[0].stdout.startswith("> 0\n< higher\n> 1\n< higher\n")
    assert done.tests[0].stdout.endswith("> 7\n< correct")


async def test_a_solution_that_stops_talking_gets_the_interactors_word() -> None:
    async def ends(streams: Streams, run: FakeRun) -> int:
        streams.say(b"5\n")
        return 0

    assert (await talked(ends)).verdict is WA


async def test_a_crash_before_the_interactors_word_is_a_crash() -> None:
    async def crashes(streams: Streams, run: FakeRun) -> int:
        return 1

    async def crashes_late(streams: Streams, run: FakeRun) -> int:
        await counts(streams, run)
        return 1

    assert (await talked(crashes)).verdict is RE
    assert (await talked(crashes_late)).verdict is RE


async def test_a_crash_at_the_interactors_word_is_its_word() -> None:
    async def crashes(streams: Streams, run: FakeRun) -> int:
        streams.say(b"bad\n")
        return 1

    async def slow_to_reject(streams: Streams, run: FakeRun) -> int:
        await streams.line()
        await asyncio.sleep(0.01)
        return 43

    assert (await talked(crashes, slow_to_reject)).verdict is WA


async def test_a_rejected_solution_is_stopped_whatever_it_does() -> None:
    async def hangs(streams: Streams, run: FakeRun) -> int:
        streams.say(b"bad\n")
        return await never(streams, run)

    async def floods(streams: Streams, run: FakeRun) -> int:
        while True:
            streams.say(b"bad\n" * 1000)
            await asyncio.sleep(0)

    assert (await talked(hangs)).verdict is WA
    assert (await talked(floods)).verdict is WA


async def test_after_an_accepted_talk_the_solution_must_still_end() -> None:
    async def accepts_at_once(streams: Streams, run: FakeRun) -> int:
        return 42

    async def hangs(streams: Streams, run: FakeRun) -> RunResult:
        while await streams.line():
            pass
        return RunResult(status=RunStatus.WALL_TIME, wall_s=3)

    async def floods(streams: Streams, run: FakeRun) -> int:
        while True:
            streams.say(b"x" * 10000)
            await asyncio.sleep(0)

    assert (await talked(hangs, accepts_at_once)).verdict is TLE
    assert (await talked(floods, accepts_at_once)).verdict is AC


async def test_the_interactors_last_words_arrive_before_the_end_of_the_stream() -> None:
    async def says_and_goes(streams: Streams, run: FakeRun) -> int:
        streams.say(b"one\n")
        streams.say(b"two\n")
        return 42

    async def wants_all(streams: Streams, run: FakeRun) -> int:
        heard = [await streams.line() for _ in range(3)]
        return 0 if heard == [b"one", b"two", b""] else 1

    assert (await talked(wants_all, says_and_goes)).verdict is AC


@pytest.mark.parametrize("status", [RunStatus.CPU_TIME, RunStatus.MEMORY, RunStatus.OUTPUT, RunStatus.WALL_TIME])
async def test_a_solution_over_a_limit_gets_that_verdict_also_if_the_interactor_never_ends(status: RunStatus) -> None:
    async def over(streams: Streams, run: FakeRun) -> RunResult:
        streams.say(b"1\n")
        return ended(status)

    assert (await talked(over, never)).verdict in (TLE, Verdict.MLE, Verdict.OLE)
    assert (await talked(over, guesser)).verdict in (TLE, Verdict.MLE, Verdict.OLE)


async def test_a_failing_interactor_is_our_fault_unless_the_solution_broke_off() -> None:
    async def fails(streams: Streams, run: FakeRun) -> int:
        await streams.line()
        return 1

    async def fails_at_the_end(streams: Streams, run: FakeRun) -> int:
        while await streams.line():
            pass
        return 1

    async def crashes(streams: Streams, run: FakeRun) -> int:
        return 1

    async def ends(streams: Streams, run: FakeRun) -> int:
        return 0

    failed = await talked(counts, fails)
    assert failed.verdict is IE
    assert "interactor failed" in failed.message
    assert (await talked(crashes, fails_at_the_end)).verdict is RE
    assert (await talked(ends, fails_at_the_end)).verdict is IE


async def test_a_failure_of_the_sandbox_is_no_verdict() -> None:
    async def breaks(streams: Streams, run: FakeRun) -> RunResult:
        return RunResult(status=RunStatus.FAULT, fault="the box broke off")

    done = await talked(breaks)
    assert (done.verdict, done.message) == (IE, "the box broke off")


async def test_an_interactor_with_testlib() -> None:
    async def testlib(streams: Streams, run: FakeRun) -> RunResult:
        assert run.arguments == ("input", "output", "answer")
        assert run.files == {"input": b"secret\n", "answer": b"7"}
        right = await streams.line() == b"7"
        return RunResult(
            status=RunStatus.OK if right else RunStatus.EXIT,
            exit_code=0 if right else 1,
            stderr=b"ok" if right else b"wrong answer not seven",
        )

    async def seven(streams: Streams, run: FakeRun) -> int:
        streams.say(b"7\n")
        return 0

    assert (await talked(seven, testlib, "testlib")).verdict is AC
    wrong = await talked(counts, testlib, "testlib")
    assert (wrong.verdict, wrong.message) == (WA, "wrong answer not seven")


async def test_an_interactor_that_is_missing_is_said() -> None:
    asked = problem().model_copy(update={"interactor": None})
    done = await judge(FakeSandbox(), asked, Program(language="cpp", source=""), asked.hidden_tests)
    assert (done.verdict, "interactor is missing" in done.message) == (IE, True)
