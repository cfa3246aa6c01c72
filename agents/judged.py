"""What the judge said of a program, as a record that is stored, shown as evidence and told to the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from solvent.agents.job import CaseVerdict
from solvent.agents.prompts import Failure
from solvent.problems.problem import CALLED, CallTest, CodeTest, IoTest, Limits, Problem, TestCase, Verdict
from solvent.sandbox.base import Program, RunStatus, Sandbox

if TYPE_CHECKING:
    from solvent.sandbox.judge import Judgement

TAIL = 2000
"""Characters of an output or error text that are kept for a prompt."""
INTERPRETED_COMPILE_S = 5.0
"""Limit of a syntax check; a build may take what the problem allows."""
CHECKER_S = 10.0
"""Most CPU seconds of the problem's own checker on one test of a prompt: it has to be reserved."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FailedTest(_Frozen):
    """The first public test that was not passed."""

    name: str
    input: str = ""
    expected: str = ""
    got: str = ""
    stderr: str = ""
    message: str = ""


class Judged(_Frozen):
    """A program on the public tests, up to the first that it does not pass."""

    verdict: Verdict
    cases: tuple[CaseVerdict, ...] = ()
    passed: int = 0
    total: int = 0
    cpu_s: float = 0.0
    message: str = ""
    """What the compiler said, or what failed in the judge."""
    failed: FailedTest | None = None
    outputs: tuple[str, ...] = Field(default=(), exclude_if=lambda outputs: not outputs)
    """Kind `grid`: the grids that it makes of the test inputs, as JSON; an empty text where it makes none."""

    def failure(self) -> Failure:
        """Return what a prompt may tell the model."""
        if self.verdict is Verdict.CE or self.failed is None:
            return Failure(kind="compile", verdict=self.verdict.value, message=self.message)
        failed = self.failed
        return Failure(
            kind="test",
            verdict=self.verdict.value,
            test=failed.name,
            input=failed.input,
            expected=failed.expected,
            got=failed.got,
            stderr=failed.stderr,
            message=failed.message,
        )


class Printed(_Frozen):
    """What a program printed: `text` is None where it failed or printed nothing, and `message` says why."""

    text: str | None = None
    message: str = ""
    cpu_s: float = 0.0
    fault: str | None = None


def bounded(problem: Problem, language: str) -> Problem:
    """Return the problem with the limits that a reservation counts with: of compiling, and of its own checker."""
    update: dict[str, object] = {}
    if language == "python" and problem.limits.compile_time_s > INTERPRETED_COMPILE_S:
        update["limits"] = problem.limits.model_copy(update={"compile_time_s": INTERPRETED_COMPILE_S})
    if _has_programs(problem):
        given = problem.validation_limits or Limits(memory_mb=1024, compile_time_s=60, cpu_time_s=CHECKER_S)
        shorter = {"cpu_time_s": min(given.cpu_time_s, CHECKER_S), "wall_time_s": None}
        update["validation_limits"] = given.model_copy(update=shorter)
    return problem.model_copy(update=update) if update else problem


def _has_programs(problem: Problem) -> bool:
    return problem.interactor is not None or problem.checker.type == "custom"


def worst_case_cpu_s(problem: Problem, runs: int) -> float:
    """Return the most CPU seconds that compiling and so many tests may take; the problem is `bounded`."""
    # A function test starts two interpreters of the judge's own, for which it adds a second.
    each_s = problem.limits.cpu_time_s + (1.0 if problem.kind in CALLED else 0.0)
    compile_s = problem.limits.compile_time_s
    if problem.validation_limits is not None and _has_programs(problem):
        each_s += problem.validation_limits.cpu_time_s
        compile_s += problem.validation_limits.compile_time_s
    return compile_s + runs * problem.passes * each_s


def judged_from(done: Judgement, tests: Sequence[TestCase], probes: int = 0) -> Judged:
    """Return the record of a judgement.

    Args:
        done: of `tests`, and then of so many calls whose results are wanted and judge nothing.
        tests: what decides.
        probes: how many such calls there were.
    """
    outputs: tuple[str, ...] = ()
    if probes:
        outputs = tuple(result.stdout for result in done.tests[len(tests) :]) if done.tests else ()
        first = next((result for result in done.tests[: len(tests)] if result.verdict is not Verdict.AC), None)
        verdict, message = (Verdict.AC, "") if first is None else (first.verdict, first.message)
        if done.tests:
            update = {"tests": done.tests[: len(tests)], "verdict": verdict, "message": message}
            done = done.model_copy(update=update)
    cases = tuple(
        CaseVerdict(
            name=test.name,
            verdict=test.verdict,
            cpu_s=test.cpu_s,
            wall_s=test.wall_s,
            peak_memory_mb=test.peak_memory_mb,
        )
        for test in done.tests
    )
    failed = None
    by_name = {test.name: test for test in tests}
    for result in done.tests:
        if result.verdict is not Verdict.AC and result.name in by_name:
            asked, expected = _told(by_name[result.name])
            failed = FailedTest(
                name=result.name,
                input=asked,
                expected=expected,
                got=result.stdout[:TAIL],
                stderr=result.stderr[-TAIL:],
                message=result.message,
            )
            break
    return Judged(
        verdict=done.verdict,
        cases=cases,
        passed=sum(case.verdict is Verdict.AC for case in cases),
        total=len(tests),
        cpu_s=done.cpu_s,
        message=done.message,
        failed=failed,
        outputs=outputs,
    )


def _told(test: TestCase) -> tuple[str, str]:
    match test:
        case IoTest():
            return test.stdin, test.expected
        case CallTest():
            arguments = [repr(value) for value in test.arguments]
            arguments += [f"{name}={value!r}" for name, value in test.keywords.items()]
            return f"({', '.join(arguments)})", repr(test.expected)
        case CodeTest():
            return test.code, ""


async def printed_from(sandbox: Sandbox, problem: Problem, program: Program, *, job: str) -> Printed:
    """Compile and run a program without input, within the problem's limits, for a job.

    Raises:
        SandboxError: no sandbox could be made.
    """
    from solvent.sandbox.judgement import run_limits

    limits = problem.limits
    build = await sandbox.build(program, time_s=limits.compile_time_s, memory_mb=limits.compile_memory_mb, job=job)
    if not build.ok:
        return Printed(message=f"it does not compile: {build.log[-TAIL:]}", cpu_s=build.cpu_s)
    done = await sandbox.run(build, limits=run_limits(limits), job=job)
    cpu_s = build.cpu_s + done.cpu_s
    if done.status is RunStatus.COMPILE:
        return Printed(message=f"it does not compile: {done.stderr.decode('utf-8', 'replace')[-TAIL:]}", cpu_s=cpu_s)
    if done.status is RunStatus.FAULT:
        return Printed(cpu_s=cpu_s, fault=done.fault or "unknown fault")
    text = done.stdout.decode("utf-8", errors="replace").strip()
    if done.status is not RunStatus.OK or not text:
        why = "it printed nothing" if done.status is RunStatus.OK else f"it ended with {done.status.value}"
        tail = done.stderr.decode("utf-8", errors="replace")[-TAIL:]
        return Printed(message=f"{why}: {tail}".rstrip(": \n"), cpu_s=cpu_s)
    return Printed(text=text, cpu_s=cpu_s)
