"""Output validators that come with a problem: ICPC's interface, run in a sandbox session of their own.

A validator gets three arguments (input file, answer file, feedback directory) and the program's output on standard
input; it exits with 42 to accept and 43 to reject (https://icpc.io/problem-package-format, output validator).
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from solvent.errors import SandboxError
from solvent.problems.problem import IoTest, Problem, Verdict
from solvent.sandbox.base import Program, RunLimits, RunResult, RunStatus, Sandbox, SandboxSession

_ACCEPT, _REJECT = 42, 43
_LIMITS = RunLimits(cpu_time_s=60, wall_time_s=121, memory_mb=1024, output_bytes=8 << 20)
"""Those of Kattis' problemtools are 60 s and 2 GiB; a validator is the problem setter's own program."""
_COMPILE_TIME_S, _COMPILE_MEMORY_MB = 60.0, 1024
_FEEDBACK = "feedback"


class OutputValidator:
    """The compiled validator of one problem, as a context.

    Entering raises:
        SandboxError: it does not compile, or the sandbox failed.
        ConfigError: its language is not there.
    """

    def __init__(self, sandbox: Sandbox, problem: Problem) -> None:
        self._sandbox = sandbox
        self._checker = problem.checker
        self._stack = AsyncExitStack()
        self._session: SandboxSession | None = None

    async def __aenter__(self) -> Self:
        """Compile it."""
        program = self._checker.program
        if program is None:
            raise SandboxError("the problem's checker is its own program, but that program is missing")
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(self._sandbox.open(memory_mb=_LIMITS.memory_mb))
            compiled = await session.compile(
                Program(language=program.language, source=program.source, files=self._checker.files),
                time_s=_COMPILE_TIME_S,
                memory_mb=_COMPILE_MEMORY_MB,
            )
            if not compiled.ok:
                raise SandboxError(f"the problem's output validator does not compile: {compiled.log[:2000]}")
            self._session = session
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it."""
        await self._stack.aclose()

    async def check(self, test: IoTest, output: bytes) -> tuple[Verdict, str]:
        """Return AC, WA or (where the validator itself fails) IE, and why."""
        run = await self._run(test, output)
        if run.status is RunStatus.FAULT:
            run = await self._run(test, output)
        if run.exit_code == _ACCEPT:
            return Verdict.AC, ""
        said = " ".join((run.stdout + b" " + run.stderr).decode("utf-8", errors="replace").split())[:500]
        if run.exit_code == _REJECT:
            return Verdict.WA, said or "the output validator rejects it"
        how = run.fault or f"{run.status.value}, exit code {run.exit_code}, signal {run.signal}"
        return Verdict.IE, f"the output validator failed ({how}): {said}"

    async def _run(self, test: IoTest, output: bytes) -> RunResult:
        if self._session is None:
            raise SandboxError("the validator is used outside its context")
        files = {
            "test.in": test.stdin.encode("utf-8", "surrogatepass"),
            "test.ans": test.expected.encode("utf-8", "surrogatepass"),
            f"{_FEEDBACK}/.keep": b"",
        }
        return await self._session.run(
            limits=_LIMITS,
            stdin=output,
            arguments=("test.in", "test.ans", _FEEDBACK, *self._checker.arguments),
            files=files,
        )
