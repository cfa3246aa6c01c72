"""The judge: one program, compiled once, on many tests. Expected outputs and values never enter its sandbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.problems.problem import CALLED, IoTest, Problem, ProblemKind, TestCase, Verdict
from solvent.sandbox import functions
from solvent.sandbox.base import Build, Program, Sandbox
from solvent.sandbox.function_tests import FunctionTests
from solvent.sandbox.grouping import Outcome, Scheme
from solvent.sandbox.io_tests import IoTests
from solvent.sandbox.judgement import (
    SHOWN_BYTES,
    Judgement,
    OnTest,
    TestResult,
    compile_error,
)
from solvent.sandbox.languages import find_language
from solvent.sandbox.ordered import run_in_order
from solvent.sandbox.setters import SettersPrograms

__all__ = ["SHOWN_BYTES", "Judgement", "OnTest", "TestResult", "judge"]


async def judge(
    sandbox: Sandbox,
    problem: Problem,
    program: Program,
    tests: Sequence[TestCase],
    *,
    stop_on_failure: bool = False,
    on_test: OnTest | None = None,
    job: str = "",
) -> Judgement:
    """Compile `program` once and run it on `tests` within the problem's limits.

    Tests run side by side, as many as the sandbox has slots; results are given in their order. Tests that the rules of
    the problem's groups make needless are left out. A failure of the sandbox, or of the problem's own programs, is the
    verdict IE; so is a problem that cannot be judged (no tests, no interactor), with the reason in `message`.
    Cancelling kills what runs.

    Args:
        sandbox: a started sandbox.
        problem: gives kind, limits, checkers, groups and function.
        program: for the kinds `function` and `grid` its source may also be the continuation of the starter code.
        tests: in the order in which they are reported.
        stop_on_failure: leave out the tests after the first that is not AC.
        on_test: called after each test, in their order. What it raises ends the judging.
        job: who asks; jobs that wait for the sandbox take turns.

    Raises:
        ConfigError: the language is unknown, or not in the sandbox.
        SandboxUnavailable: no sandbox can run here.
    """
    language = find_language(program.language)
    refusal = _refusal(problem, language.name, tests)
    if refusal:
        return Judgement(verdict=Verdict.IE, message=refusal)
    limits = problem.limits
    included = problem.files_for(language.name)
    if problem.kind in CALLED:
        program = functions.harness_program(functions.complete_function(problem, program.source))
    elif included:
        program = program.model_copy(update={"files": {**program.files, **included}})
    try:
        build = await sandbox.build(program, time_s=limits.compile_time_s, memory_mb=limits.compile_memory_mb, job=job)
    except SandboxUnavailable:
        raise
    except SandboxError as error:
        return Judgement(verdict=Verdict.IE, message=error.message)
    if not build.ok:
        return compile_error(build)
    judging = _Judging(sandbox, problem, program, build, tests, job, on_test, stop_on_failure)
    await run_in_order(len(tests), sandbox.slots + 1, judging.run, judging.take, judging.discard)
    return judging.judgement()


def _refusal(problem: Problem, language: str, tests: Sequence[TestCase]) -> str | None:
    if problem.kind is not ProblemKind.STDIO and problem.kind not in CALLED:
        return f"problems of kind {problem.kind.value!r} are not judged by tests"
    if not tests:
        return "there are no tests to judge by"
    if problem.kind in CALLED:
        return None if language == "python" else f"function problems are judged in Python only, not in {language}"
    if problem.interactive and problem.interactor is None:
        return "the problem is interactive, but its interactor is missing"
    if problem.interactive and (problem.input_file or problem.output_file):
        return "the problem is interactive and reads or writes a file, which does not go together"
    if not problem.interactive and problem.checker.type == "custom" and problem.checker.program is None:
        return "the problem's checker is its own program, but that program is missing"
    return None


@dataclass
class _Judging:
    """The state of one judging."""

    sandbox: Sandbox
    problem: Problem
    program: Program
    build: Build
    tests: Sequence[TestCase]
    job: str
    on_test: OnTest | None
    stop_on_failure: bool
    results: dict[int, TestResult] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    discarded_s: float = 0.0
    stopped: bool = False

    def __post_init__(self) -> None:
        self.programs = SettersPrograms(self.sandbox, self.problem.validation_limits, self.job)
        self.io = IoTests(self.sandbox, self.problem, self.program, self.build, self.programs, self.job)
        function_tests = [test for test in self.tests if not isinstance(test, IoTest)]
        self.functions = FunctionTests(self.sandbox, self.problem, self.build, function_tests, self.job)
        self.scheme = Scheme(self.problem, self.tests)

    async def run(self, index: int) -> tuple[TestResult, Outcome]:
        """Return what one test came to."""
        test = self.tests[index]
        if isinstance(test, IoTest):
            return await self.io.run(test)
        result = await self.functions.run(index)
        return result, Outcome(result.verdict)

    def take(self, index: int, done: tuple[TestResult, Outcome]) -> Collection[int]:
        """Note the next result; return the tests that need not run any more."""
        result, outcome = done
        self.outcomes[index] = outcome
        if self.problem.scoring:
            result = result.model_copy(update={"score": self.scheme.score(index, outcome)})
        self.results[index] = result
        later = range(index + 1, len(self.tests))
        if result.verdict is Verdict.CE:
            return later
        if self.on_test is not None:
            self.on_test(result)
        if result.verdict is Verdict.AC:
            return ()
        if self.stop_on_failure:
            self.stopped = True
            return later
        return self.scheme.left_out(self.outcomes)

    def discard(self, done: tuple[TestResult, Outcome]) -> None:
        """Count what was done in vain."""
        result = done[0]
        self.discarded_s += result.cpu_s + result.other_cpu_s + result.checker_cpu_s

    def judgement(self) -> Judgement:
        """Return the whole."""
        results = [self.results[index] for index in sorted(self.results)]
        checker_s = self.programs.cpu_s + sum(result.checker_cpu_s for result in results)
        common: Mapping[str, object] = {
            "compile_log": self.build.log,
            "compile_cpu_s": self.build.cpu_s,
            "checker_cpu_s": checker_s,
            "discarded_cpu_s": self.discarded_s,
        }
        refused = next((result for result in results if result.verdict is Verdict.CE), None)
        if refused is not None:
            # An interpreter refuses a source in its first run: that is a compile error of the whole, on no test.
            log = refused.message or "the source is refused"
            spent = {**common, "compile_log": log, "compile_cpu_s": self.build.cpu_s + refused.cpu_s}
            return Judgement.model_validate({**spent, "verdict": Verdict.CE, "message": log})
        grade = self.scheme.grade(self.outcomes)
        failed = next((result for result in results if result.verdict is grade.verdict), None)
        if self.stopped:
            failed = results[-1]
        scored = self.problem.scoring and not self.stopped
        return Judgement.model_validate(
            {
                **common,
                "verdict": failed.verdict if self.stopped and failed else grade.verdict,
                "message": failed.message if failed and grade.verdict is not Verdict.AC else "",
                "tests": tuple(results),
                "score": grade.score if scored else None,
                "groups": grade.groups if scored else (),
            }
        )
