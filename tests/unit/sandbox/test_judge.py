"""What the judge makes of a sandbox that fails. The sandbox is scripted: faults do not come when called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.problems.problem import IoTest, Problem, ProblemKind, Verdict
from solvent.sandbox.base import CompileResult, Program, RunLimits, RunResult, RunStatus, SandboxInfo
from solvent.sandbox.judge import Judgement, judge

GOOD = RunResult(status=RunStatus.OK, exit_code=0, stdout=b"1\n", cpu_s=0.5)
FAULT = RunResult(status=RunStatus.FAULT, fault="the box broke off")


class ScriptedSandbox:
    """Answers from a list; an exception in it is raised."""

    slots = 1
    info = SandboxInfo(backend="local", isolation="scripted", guarantees={})

    def __init__(self, *answers: RunResult | Exception, compile_fails: int = 0) -> None:
        self.answers = list(answers)
        self.compile_fails = compile_fails

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    def open(self, *, memory_mb: int) -> AbstractAsyncContextManager[ScriptedSandbox]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ScriptedSandbox]:
        yield self

    async def compile(self, program: Program, *, time_s: float, memory_mb: int) -> CompileResult:
        if self.compile_fails:
            self.compile_fails -= 1
            raise SandboxError("the box did not start")
        return CompileResult(ok=True, cpu_s=0.25)

    async def run(
        self,
        *,
        limits: RunLimits,
        stdin: bytes = b"",
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> RunResult:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def judged(sandbox: ScriptedSandbox, tests: int = 1) -> Judgement:
    cases = tuple(IoTest(name=str(n), stdin="", expected="1") for n in range(tests))
    problem = Problem(id="p", kind=ProblemKind.STDIO, statement="s", hidden_tests=cases)
    return await judge(sandbox, problem, Program(language="python", source=""), cases)


async def test_a_fault_is_tried_once_more() -> None:
    sandbox = ScriptedSandbox(FAULT, GOOD)
    assert (await judged(sandbox)).verdict is Verdict.AC
    assert not sandbox.answers


async def test_a_second_fault_is_ours_and_the_other_tests_go_on() -> None:
    result = await judged(ScriptedSandbox(FAULT, FAULT, GOOD), tests=2)
    assert [test.verdict for test in result.tests] == [Verdict.IE, Verdict.AC]
    assert (result.verdict, result.message) == (Verdict.IE, "the box broke off")


async def test_a_failing_start_is_tried_once_more() -> None:
    assert (await judged(ScriptedSandbox(GOOD, compile_fails=1))).verdict is Verdict.AC
    result = await judged(ScriptedSandbox(GOOD, compile_fails=2))
    assert (result.verdict, result.message) == (Verdict.IE, "the box did not start")


async def test_results_before_a_failure_are_kept() -> None:
    result = await judged(ScriptedSandbox(GOOD, SandboxError("gone")), tests=2)
    assert [test.verdict for test in result.tests] == [Verdict.AC]
    assert (result.verdict, result.message) == (Verdict.IE, "gone")
    assert result.cpu_s == 0.75


async def test_no_sandbox_at_all_is_an_error_and_no_verdict() -> None:
    with pytest.raises(SandboxUnavailable):
        await judged(ScriptedSandbox(SandboxUnavailable("nothing works here")))
