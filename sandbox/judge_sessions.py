"""The judge: one program, compiled once, on many tests. Expected outputs and values never enter the sandbox."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from pydantic import BaseModel, ConfigDict

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.problems.checkers import compare
from solvent.problems.problem import CallTest, CodeTest, IoTest, Limits, Problem, ProblemKind, TestCase, Verdict
from solvent.sandbox import functions
from solvent.sandbox.base import CompileResult, Program, RunLimits, RunResult, RunStatus, Sandbox, SandboxSession
from solvent.sandbox.languages import find_language
from solvent.sandbox.validator_sessions import OutputValidator

SHOWN_BYTES = 4096
"""Of each output, for display and prompts."""
_SETUP_CPU_S = 1.0
"""Added to the limit of function tests: two interpreters start, and they are ours."""
_HARNESS_PROCESSES = 4
_HARNESS_OUTPUT_BYTES = 32 << 20

_BY_STATUS = {
    RunStatus.EXIT: Verdict.RE,
    RunStatus.SIGNAL: Verdict.RE,
    RunStatus.CPU_TIME: Verdict.TLE,
    RunStatus.WALL_TIME: Verdict.TLE,
    RunStatus.MEMORY: Verdict.MLE,
    RunStatus.OUTPUT: Verdict.OLE,
    RunStatus.FAULT: Verdict.IE,
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TestResult(_Frozen):
    """What one test came to. Outputs are cut (see SHOWN_BYTES) and may hold replacement characters."""

    __test__ = False  # not a class of tests, whatever its name says to a test collector

    name: str
    verdict: Verdict
    message: str = ""
    """Why it is not AC, one short line; for a hidden test it may tell what was expected."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_memory_mb: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    stdout: str = ""
    stderr: str = ""


class Judgement(_Frozen):
    """The judge's word on a program."""

    verdict: Verdict
    """That of the first test that is not AC, else AC."""
    message: str = ""
    """The compiler's log after a compile error, or why there is no verdict (IE), or the failing test's message."""
    tests: tuple[TestResult, ...] = ()
    """Those that were run, in their order."""
    compile_log: str = ""
    compile_cpu_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds of compiling and of all runs."""
        return self.compile_cpu_s + sum(test.cpu_s for test in self.tests)


OnTest = Callable[[TestResult], None]


async def judge(
    sandbox: Sandbox,
    problem: Problem,
    program: Program,
    tests: Sequence[TestCase],
    *,
    stop_on_failure: bool = False,
    on_test: OnTest | None = None,
) -> Judgement:
    """Compile `program` once and run it on `tests` within the problem's limits.

    A failure of the sandbox is tried once more in a fresh box and then is the verdict IE; so is a problem that cannot
    be judged (interactive, no tests), with the reason in `message`. Cancelling kills what runs.

    Args:
        sandbox: a started sandbox.
        problem: gives kind, limits, checker and function.
        program: for kind `function` its source may also be the continuation of the starter code.
        tests: in the order in which they are run.
        stop_on_failure: leave out the tests after the first that is not AC.
        on_test: called after each test.

    Raises:
        ConfigError: the language is unknown, or not in the sandbox.
        SandboxUnavailable: no sandbox can run here.
    """
    language = find_language(program.language)
    refusal = _refusal(problem, language.name, tests)
    if refusal:
        return Judgement(verdict=Verdict.IE, message=refusal)
    limits = problem.limits
    if problem.kind is ProblemKind.FUNCTION:
        program = functions.harness_program(functions.complete_function(problem, program.source))
    results: list[TestResult] = []
    compiled = CompileResult(ok=True)
    try:
        async with sandbox.open(memory_mb=max(limits.memory_mb, limits.compile_memory_mb)) as session:
            compiled = await _compile(session, program, limits)
            if not compiled.ok:
                return _compile_error(compiled)
            if problem.checker.type != "custom" or problem.kind is ProblemKind.FUNCTION:
                async with aclosing(_run_and_compare(session, problem, tests)) as stream:
                    await _collect(stream, results, stop_on_failure, on_test)
                return _judgement(results, compiled)
            runs = await _run_all(session, problem, tests, stop_on_failure)
        # The validator has a session of its own, and only now: judges that held one and waited for another could
        # wait for each other for ever.
        async with OutputValidator(sandbox, problem) as validator, aclosing(_validate(validator, runs)) as stream:
            await _collect(stream, results, stop_on_failure, on_test)
    except SandboxUnavailable:
        raise
    except SandboxError as error:
        return _judgement(results, compiled, fault=str(error))
    return _judgement(results, compiled)


def _refusal(problem: Problem, language: str, tests: Sequence[TestCase]) -> str | None:
    if problem.interactive:
        return "interactive problems are not judged yet"
    if problem.kind not in (ProblemKind.STDIO, ProblemKind.FUNCTION):
        return f"problems of kind {problem.kind.value!r} are not judged by tests"
    if not tests:
        return "there are no tests to judge by"
    if problem.kind is ProblemKind.FUNCTION and language != "python":
        return f"function problems are judged in Python only, not in {language}"
    if problem.checker.type == "custom" and problem.checker.program is None:
        return "the problem's checker is its own program, but that program is missing"
    return None


async def _compile(session: SandboxSession, program: Program, limits: Limits) -> CompileResult:
    for attempt in (1, 2):
        try:
            return await session.compile(program, time_s=limits.compile_time_s, memory_mb=limits.compile_memory_mb)
        except SandboxUnavailable:
            raise
        except SandboxError:
            if attempt == 2:
                raise
    raise AssertionError("two attempts return or raise")


def _compile_error(compiled: CompileResult) -> Judgement:
    why = {"time": "the compiler ran too long", "memory": "the compiler needed too much memory"}.get(compiled.reason)
    message = "\n".join(part for part in (why, compiled.log) if part) or "the compiler failed"
    return Judgement(verdict=Verdict.CE, message=message, compile_log=compiled.log, compile_cpu_s=compiled.cpu_s)


async def _run_and_compare(
    session: SandboxSession, problem: Problem, tests: Sequence[TestCase]
) -> AsyncGenerator[TestResult, None]:
    for test in tests:
        if isinstance(test, IoTest):
            run = await _run(session, _limits(problem.limits), test.stdin.encode("utf-8", "surrogatepass"))
            yield _io_result(problem, test, run)
        else:
            yield await _function_result(session, problem, test)


async def _run_all(
    session: SandboxSession, problem: Problem, tests: Sequence[TestCase], stop_on_failure: bool
) -> list[tuple[IoTest, RunResult]]:
    runs = []
    for test in tests:
        if not isinstance(test, IoTest):
            continue
        run = await _run(session, _limits(problem.limits), test.stdin.encode("utf-8", "surrogatepass"))
        runs.append((test, run))
        if stop_on_failure and run.status is not RunStatus.OK:
            break
    return runs


async def _validate(
    validator: OutputValidator, runs: Sequence[tuple[IoTest, RunResult]]
) -> AsyncGenerator[TestResult, None]:
    for test, run in runs:
        if run.status is not RunStatus.OK:
            yield _result(test.name, _BY_STATUS[run.status], _how(run), run)
            continue
        verdict, message = await validator.check(test, run.stdout)
        yield _result(test.name, verdict, message, run)


async def _collect(
    stream: AsyncIterator[TestResult], results: list[TestResult], stop_on_failure: bool, on_test: OnTest | None
) -> None:
    async for result in stream:
        results.append(result)
        if on_test is not None:
            on_test(result)
        if stop_on_failure and result.verdict is not Verdict.AC:
            return


async def _run(session: SandboxSession, limits: RunLimits, stdin: bytes, arguments: tuple[str, ...] = ()) -> RunResult:
    """Run once, and once more after a failure of the sandbox."""
    run = await session.run(limits=limits, stdin=stdin, arguments=arguments)
    if run.status is RunStatus.FAULT:
        run = await session.run(limits=limits, stdin=stdin, arguments=arguments)
    return run


def _io_result(problem: Problem, test: IoTest, run: RunResult) -> TestResult:
    if run.status is not RunStatus.OK:
        return _result(test.name, _BY_STATUS[run.status], _how(run), run)
    checked = compare(problem.checker, test.expected, run.stdout.decode("utf-8", errors="surrogateescape"))
    return _result(test.name, Verdict.AC if checked.accepted else Verdict.WA, checked.reason, run)


async def _function_result(session: SandboxSession, problem: Problem, test: CallTest | CodeTest) -> TestResult:
    stdin, token = functions.request(problem, test)
    run = await _run(session, _harness_limits(problem.limits), stdin)
    if run.status is not RunStatus.OK:
        return _result(test.name, _BY_STATUS[run.status], _how(run), run, stdout=False)
    verdict, message = functions.verdict(problem.checker, test, token, run.stdout)
    return _result(test.name, verdict, message, run, stdout=False)


def _limits(limits: Limits) -> RunLimits:
    return RunLimits(
        cpu_time_s=limits.cpu_time_s,
        wall_time_s=limits.wall_limit_s,
        memory_mb=limits.memory_mb,
        output_bytes=int(limits.output_mb * (1 << 20)),
        processes=limits.processes,
        file_size_mb=limits.file_size_mb,
    )


def _harness_limits(limits: Limits) -> RunLimits:
    own = _limits(limits)
    return own.model_copy(
        update={
            "cpu_time_s": own.cpu_time_s + _SETUP_CPU_S,
            "wall_time_s": own.wall_time_s + 2 * _SETUP_CPU_S,
            "output_bytes": max(own.output_bytes, _HARNESS_OUTPUT_BYTES),
            "processes": own.processes + _HARNESS_PROCESSES,
        }
    )


def _how(run: RunResult) -> str:
    match run.status:
        case RunStatus.EXIT:
            last = run.stderr.decode("utf-8", errors="replace").strip().rpartition("\n")[2]
            return f"exit code {run.exit_code}{f': {last[:300]}' if last else ''}"
        case RunStatus.SIGNAL:
            return f"ended by signal {run.signal}"
        case RunStatus.CPU_TIME:
            return f"used {run.cpu_s:.2f} s of CPU time"
        case RunStatus.WALL_TIME:
            return f"did not end within {run.wall_s:.2f} s (CPU time {run.cpu_s:.2f} s)"
        case RunStatus.MEMORY:
            return f"used more than its memory limit (seen: {run.peak_memory_mb} MiB)"
        case RunStatus.OUTPUT:
            return "printed more than the output limit"
        case _:
            return run.fault or ""


def _result(name: str, verdict: Verdict, message: str, run: RunResult, *, stdout: bool = True) -> TestResult:
    return TestResult(
        name=name,
        verdict=verdict,
        message=message,
        cpu_s=run.cpu_s,
        wall_s=run.wall_s,
        peak_memory_mb=run.peak_memory_mb,
        exit_code=run.exit_code,
        signal=run.signal,
        # A harness's standard output is its answer to the judge, nothing for people.
        stdout=run.stdout[:SHOWN_BYTES].decode("utf-8", errors="replace") if stdout else "",
        stderr=run.stderr[-SHOWN_BYTES:].decode("utf-8", errors="replace"),
    )


def _judgement(results: list[TestResult], compiled: CompileResult, fault: str | None = None) -> Judgement:
    failed = next((result for result in results if result.verdict is not Verdict.AC), None)
    verdict, message = Verdict.AC, ""
    if failed is not None:
        verdict, message = failed.verdict, failed.message
    elif fault is not None:
        verdict, message = Verdict.IE, fault
    return Judgement(
        verdict=verdict,
        message=message,
        tests=tuple(results),
        compile_log=compiled.log,
        compile_cpu_s=compiled.cpu_s,
    )
