"""Function tests: several in one run where that changes nothing, else each in a run of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from solvent.problems.problem import CallTest, CodeTest, Problem, ProblemKind, Verdict
from solvent.sandbox import functions
from solvent.sandbox.base import Build, RunLimits, RunResult, RunStatus, Sandbox
from solvent.sandbox.judgement import BY_STATUS, TestResult, how_it_ended, result_of, run_limits

_SETUP_CPU_S = 0.3
"""Added to the limit of a run: the harness is ours. 0.01 s from a zygote, 0.1 s for an interpreter that starts."""
_HARNESS_PROCESSES = 4
_HARNESS_OUTPUT_BYTES = 32 << 20
_SMALL_BATCH, _LARGEST_BATCH = 8, 32

Test = CallTest | CodeTest


@dataclass
class FunctionTests:
    """The function tests of one judging.

    Tests share a run in batches. Each gets a fresh copy of the loaded module, and all together get the limits of one:
    a test that was answered within them has kept its own. Where a batch is stopped (or a test ends the process), those
    without an answer are run alone, and only that counts.

    Args:
        sandbox: a started sandbox.
        problem: of kind `function` or `grid`.
        build: of the harness with the solution.
        tests: all of the judging.
        job: who asks.
    """

    sandbox: Sandbox
    problem: Problem
    build: Build
    tests: Sequence[Test]
    job: str
    _batches: dict[int, asyncio.Task[list[TestResult | None]]] = field(default_factory=dict)
    _wanted: dict[int, int] = field(default_factory=dict)

    async def run(self, index: int) -> TestResult:
        """Return what one test came to."""
        size = self._batch_size()
        if size > 1:
            number = index // size
            result = (await self._share(number, size))[index % size]
            if result is not None:
                return result
        test = self.tests[index]
        stdin, token = functions.request(self.problem, test)
        run = await self.sandbox.run(self.build, limits=self._limits(), stdin=stdin, job=self.job)
        # A harness's standard output is its answer to the judge, nothing for people.
        if run.status is not RunStatus.OK:
            return result_of(test.name, BY_STATUS[run.status], how_it_ended(run), run, stdout="")
        verdict, message = functions.verdict(self.problem.checker, test, token, run.stdout)
        return result_of(test.name, verdict, message, run, stdout=self._shown(token, run.stdout, 0))

    def _shown(self, token: str, stdout: bytes, position: int) -> str:
        """Return what a result shows of an answer: of kind `grid` the grid, since programs are told what they made."""
        return functions.returned_grid(token, stdout, position) if self.problem.kind is ProblemKind.GRID else ""

    def _batch_size(self) -> int:
        """Return how many tests share a run: few of them all, many so that all slots have work."""
        if len(self.tests) <= _SMALL_BATCH:
            return len(self.tests)
        return max(_SMALL_BATCH, min(_LARGEST_BATCH, -(-len(self.tests) // self.sandbox.slots)))

    async def _share(self, number: int, size: int) -> list[TestResult | None]:
        """Return the results of a batch, which is run once for all who wait for it and ends with the last of them."""
        task = self._batches.get(number)
        if task is None:
            task = asyncio.ensure_future(self._run_batch(self.tests[number * size : (number + 1) * size]))
            self._batches[number] = task
        self._wanted[number] = self._wanted.get(number, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._wanted[number] -= 1
            if not self._wanted[number] and not task.done():
                del self._batches[number]
                task.cancel()

    async def _run_batch(self, tests: Sequence[Test]) -> list[TestResult | None]:
        stdin, token = functions.request(self.problem, *tests)
        run = await self.sandbox.run(self.build, limits=self._limits(), stdin=stdin, job=self.job)
        answers = functions.answers_of(token, run.stdout)
        if run.status is RunStatus.FAULT or not answers:
            # Nothing but the first has run.
            first = result_of(tests[0].name, BY_STATUS[run.status], how_it_ended(run), run, stdout="")
            told = run.status not in (RunStatus.OK, RunStatus.FAULT)
            return [first if told else None, *[None] * (len(tests) - 1)]
        verdicts = functions.verdicts(self.problem.checker, tests, token, run.stdout)
        parts = _parts(run, answers, len(tests))
        return [
            None
            if found is None or found[0] is Verdict.IE
            else result_of(test.name, *found, part, stdout=self._shown(token, run.stdout, position))
            for position, (test, found, part) in enumerate(zip(tests, verdicts, parts, strict=True))
        ]

    def _limits(self) -> RunLimits:
        own = run_limits(self.problem.limits)
        return own.model_copy(
            update={
                "cpu_time_s": own.cpu_time_s + _SETUP_CPU_S,
                "wall_time_s": own.wall_time_s + 2 * _SETUP_CPU_S,
                "output_bytes": max(own.output_bytes, _HARNESS_OUTPUT_BYTES),
                "processes": own.processes + _HARNESS_PROCESSES,
            }
        )


def _parts(run: RunResult, answers: Sequence[dict[str, Any]], count: int) -> list[RunResult]:
    """Return the run's share of each test: CPU time by its wall-clock time, and what it wrote to standard error."""
    known = [*answers, *[{}] * count][:count]
    walls = [float(answer.get("wall_s", 0.0)) for answer in known]
    total = max(sum(walls), run.wall_s) or 1.0
    parts = []
    for answer, wall_s in zip(known, walls, strict=True):
        start, end = answer.get("stderr", (0, 0))
        stderr = b"" if run.stderr_truncated else run.stderr[start:end]
        share = {
            "cpu_s": run.cpu_s * wall_s / total,
            "wall_s": wall_s,
            "stdout": b"",
            "stderr": stderr,
            "exit_code": 0,
            "signal": None,
        }
        parts.append(run.model_copy(update=share))
    return parts
