"""What the judge says: of one test, of a test group, of a program."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from solvent.problems.problem import Limits, Verdict
from solvent.sandbox.base import Build, RunLimits, RunResult, RunStatus

SHOWN_BYTES = 4096
"""Of each output, for display and prompts."""

BY_STATUS = {
    RunStatus.EXIT: Verdict.RE,
    RunStatus.SIGNAL: Verdict.RE,
    RunStatus.CPU_TIME: Verdict.TLE,
    RunStatus.WALL_TIME: Verdict.TLE,
    RunStatus.MEMORY: Verdict.MLE,
    RunStatus.OUTPUT: Verdict.OLE,
    RunStatus.COMPILE: Verdict.CE,
    RunStatus.FAULT: Verdict.IE,
}
"""The verdict of a run that did not end well."""


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
    """Of the slowest run, where a test has several (multi-pass problems)."""
    wall_s: float = 0.0
    peak_memory_mb: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    stdout: str = ""
    """Interactive problems: the talk, lines of the solution after `>` and of the interactor after `<`."""
    stderr: str = ""
    score: float | None = None
    """Scoring problems: its points; None where the verdict is IE."""
    group: str = ""
    judge_message: str = ""
    """What the checker or interactor wrote for the judges; tells of hidden data."""
    team_message: str = ""
    """What it wrote for the author of the program."""
    checker_cpu_s: float = 0.0
    """CPU seconds of the problem's own programs: checker and interactor."""
    other_cpu_s: float = 0.0
    """CPU seconds of the program's other runs on this test, see `cpu_s`."""


class GroupResult(_Frozen):
    """What a test group came to."""

    name: str
    """Its path; empty: the whole."""
    verdict: Verdict
    score: float | None = None
    """Scoring problems; None where the verdict is IE."""
    max_score: float | None = None
    left_out: bool = False
    """Not run, since a group that it requires was not accepted."""


class Judgement(_Frozen):
    """The judge's word on a program."""

    verdict: Verdict
    """That of the first test that is not AC, else AC; with test groups, what their rules make of it."""
    message: str = ""
    """The compiler's log after a compile error, or why there is no verdict (IE), or the failing test's message."""
    tests: tuple[TestResult, ...] = ()
    """Those that were run, in their order."""
    compile_log: str = ""
    compile_cpu_s: float = 0.0
    score: float | None = None
    """Scoring problems; None where the verdict is IE or CE, and after a stop at the first failure."""
    groups: tuple[GroupResult, ...] = ()
    """Scoring problems: all groups, the whole first."""
    checker_cpu_s: float = 0.0
    """CPU seconds of the problem's own programs, compiling included."""
    discarded_cpu_s: float = 0.0
    """CPU seconds of runs that were done ahead and are not reported, since an earlier test ended the judging."""

    @property
    def cpu_s(self) -> float:
        """CPU seconds of everything: compiling, all runs, the problem's own programs."""
        runs = sum(test.cpu_s + test.other_cpu_s for test in self.tests)
        return self.compile_cpu_s + runs + self.checker_cpu_s + self.discarded_cpu_s

    @property
    def slowest_s(self) -> float:
        """CPU seconds of the slowest run."""
        return max((test.cpu_s for test in self.tests), default=0.0)


OnTest = Callable[[TestResult], None]


def compile_error(build: Build) -> Judgement:
    """Return the judgement of a program that does not compile."""
    why = {"time": "the compiler ran too long", "memory": "the compiler needed too much memory"}.get(build.reason)
    message = "\n".join(part for part in (why, build.log) if part) or "the compiler failed"
    return Judgement(verdict=Verdict.CE, message=message, compile_log=build.log, compile_cpu_s=build.cpu_s)


def run_limits(limits: Limits) -> RunLimits:
    """Return a problem's limits as those of a run."""
    return RunLimits(
        cpu_time_s=limits.cpu_time_s,
        wall_time_s=limits.wall_limit_s,
        memory_mb=limits.memory_mb,
        output_bytes=int(limits.output_mb * (1 << 20)),
        processes=limits.processes,
        file_size_mb=limits.file_size_mb,
    )


def how_it_ended(run: RunResult) -> str:
    """Return one line that says how a run ended that did not end well."""
    match run.status:
        case RunStatus.EXIT:
            last = run.stderr[-SHOWN_BYTES:].decode("utf-8", errors="replace").strip().rpartition("\n")[2]
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
        case RunStatus.COMPILE:
            return run.stderr[-SHOWN_BYTES:].decode("utf-8", errors="replace").strip()
        case _:
            return run.fault or "the sandbox failed"


def result_of(
    name: str, verdict: Verdict, message: str, run: RunResult, *, stdout: str | None = None, **more: object
) -> TestResult:
    """Return the result of a test from its last run.

    Args:
        name: of the test.
        verdict: on it.
        message: why it is not AC.
        run: gives times, memory, how it ended, and the outputs.
        stdout: shown instead of what the run printed.
        **more: further fields of TestResult.
    """
    fields = {
        "name": name,
        "verdict": verdict,
        "message": message,
        "cpu_s": run.cpu_s,
        "wall_s": run.wall_s,
        "peak_memory_mb": run.peak_memory_mb,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "stdout": run.stdout[:SHOWN_BYTES].decode("utf-8", errors="replace") if stdout is None else stdout,
        "stderr": run.stderr[-SHOWN_BYTES:].decode("utf-8", errors="replace"),
        **more,
    }
    return TestResult.model_validate(fields)
