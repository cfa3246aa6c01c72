"""Sandbox runs of one job."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from solvent.agents.budget import Ask, Ledger, Refused, Settled
from solvent.agents.call_door import CallDoor
from solvent.agents.events import CaseJudged
from solvent.agents.judged import Judged, Printed, bounded, judged_from, printed_from, worst_case_cpu_s
from solvent.agents.reporter import Reporter
from solvent.artifacts import JSON, ArtifactStore
from solvent.errors import SandboxError
from solvent.problems.problem import Problem, TestCase, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.usage import Usage

if TYPE_CHECKING:
    from solvent.sandbox.judge import TestResult

R = TypeVar("R", Judged, Printed)
FAULTS_BEFORE_ERROR = 2
"""Sandbox faults of one call in one process before the job fails."""


class SandboxCalls(CallDoor):
    """The calls that run programs.

    Args:
        sandbox: runs them.
        cores: held while a program runs, where one is given.
        job_id: see `CallDoor`, as the others.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cores: asyncio.Semaphore | None,
        *,
        job_id: str,
        artifacts: ArtifactStore,
        ledger: Ledger,
        report: Reporter,
        most_searching: int | None,
    ) -> None:
        super().__init__(
            job_id=job_id, artifacts=artifacts, ledger=ledger, report=report, most_searching=most_searching
        )
        self._sandbox = sandbox
        self._cores = cores

    async def judge(
        self,
        key: str,
        trajectory: str,
        problem: Problem,
        program: Program,
        tests: Sequence[TestCase],
        probes: Sequence[TestCase] = (),
    ) -> Judged | Refused:
        """Judge a program on tests that a prompt may show, up to the first failure.

        With `probes` all tests are run, and then these calls, whose results are kept and judge nothing.

        Raises:
            SandboxError: the sandbox failed, more than once.
            ConfigError: the sandbox does not have the program's language.
        """
        from solvent.sandbox.judge import judge

        problem = bounded(problem, program.language)

        judging = {test.name for test in tests}

        def on_test(result: TestResult) -> None:
            if result.name in judging:
                self._report(
                    CaseJudged, trajectory=trajectory, test=result.name, verdict=result.verdict, cpu_s=result.cpu_s
                )

        async def run() -> tuple[Judged, float, str | None]:
            done = await judge(
                self._sandbox,
                problem,
                program,
                [*tests, *probes],
                stop_on_failure=not probes,
                on_test=on_test,
                job=self._job_id,
            )
            judged = judged_from(done, tests, len(probes))
            return judged, judged.cpu_s, judged.message if judged.verdict is Verdict.IE else None

        return await self._in_sandbox(key, worst_case_cpu_s(problem, len(tests) + len(probes)), Judged, run)

    async def run(self, key: str, problem: Problem, program: Program) -> Printed | Refused:
        """Run a program without input, and return what it printed: the answer of a math problem.

        Raises:
            SandboxError: the sandbox failed, more than once.
        """
        problem = bounded(problem, program.language)

        async def run() -> tuple[Printed, float, str | None]:
            printed = await printed_from(self._sandbox, problem, program, job=self._job_id)
            return printed, printed.cpu_s, printed.fault

        return await self._in_sandbox(key, worst_case_cpu_s(problem, 1), Printed, run)

    async def _in_sandbox(
        self, key: str, cpu_s: float, kind: type[R], run: Callable[[], Awaitable[tuple[R, float, str | None]]]
    ) -> R | Refused:
        faults = 0
        async for call, answer in self._attempts(key, Ask(fixed=Usage(sandbox_runs=1, sandbox_cpu_s=cpu_s))):
            if isinstance(answer, Refused):
                return answer
            if isinstance(answer, Settled):
                text = await self._kept(call, answer)
                if text is None:
                    continue
                return kind.model_validate_json(text)
            async with self._ends.held(call, self._cores):
                started = time.monotonic()
                try:
                    result, used_s, fault = await run()
                except asyncio.CancelledError:
                    # The program was killed: it cannot have used more than all cores for as long as it ran.
                    most_s = min(cpu_s, (time.monotonic() - started) * (os.cpu_count() or 1))
                    used = Usage(sandbox_runs=1, sandbox_cpu_s=most_s)
                    await self._ends.commit(call, used, {"cancelled": True})
                    raise
                used = Usage(sandbox_runs=1, sandbox_cpu_s=used_s)
                if fault is None:
                    await self._ends.keep(call, used, result.model_dump_json(), JSON)
                    return result
                await self._ends.commit(call, used, {"fault": fault})
            faults += 1
            if faults == FAULTS_BEFORE_ERROR:
                raise SandboxError(f"the sandbox failed {faults} times on {key}: {fault}")
        raise AssertionError("attempts do not end")
