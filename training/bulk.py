"""Verdicts for thousands of short programs: many runs in one sandbox session, compared outside of it.

`solvent.sandbox.judge` takes a session for each program, which is right for answers and slow for a corpus. Here a
harness in the sandbox runs each program on each input in a process of its own; a test keeps both in agreement.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from solvent.errors import SandboxError
from solvent.problems.checkers import compare
from solvent.problems.problem import IoTest, Problem
from solvent.sandbox.base import Program, RunLimits, RunStatus, Sandbox

_HARNESS = Path(__file__).with_name("harness.py")
_PROGRAMS_PER_SESSION = 150
_LIMITS = RunLimits(cpu_time_s=300, wall_time_s=580, memory_mb=512, output_bytes=32 << 20, processes=16)


class Candidate(NamedTuple):
    """A Python program for a `stdio` problem."""

    problem: Problem
    source: str


class BulkVerdict(NamedTuple):
    """How a program fared; `hidden` is False where a public test failed."""

    public: bool
    hidden: bool


async def judge_all(
    sandbox: Sandbox, candidates: Sequence[Candidate], report: Callable[[str], None] = lambda _: None
) -> list[BulkVerdict]:
    """Judge the programs on the public tests, and those that pass them on the hidden ones.

    Raises:
        SandboxError: the sandbox failed, or a program broke the harness.
    """
    public = await _judge(sandbox, [(c, _io(c.problem.public_tests)) for c in candidates])
    report(f"{sum(public)} of {len(candidates)} different programs pass the public tests")
    passed = [number for number, right in enumerate(public) if right]
    hidden = await _judge(sandbox, [(candidates[n], _io(candidates[n].problem.hidden_tests)) for n in passed])
    report(f"{sum(hidden)} of them pass the hidden tests")
    whole = dict(zip(passed, hidden, strict=True))
    return [BulkVerdict(right, whole.get(number, False)) for number, right in enumerate(public)]


async def _judge(sandbox: Sandbox, work: list[tuple[Candidate, list[IoTest]]]) -> list[bool]:
    gate = asyncio.Semaphore(sandbox.slots)

    async def some(part: list[tuple[Candidate, list[IoTest]]]) -> list[bool]:
        async with gate:
            outputs = await _run(sandbox, [(c.source, [test.stdin for test in tests]) for c, tests in part])
        return [
            all(output is not None and compare(c.problem.checker, test.expected, output).accepted
                for test, output in zip(tests, row, strict=True))
            for (c, tests), row in zip(part, outputs, strict=True)
        ]  # fmt: skip

    parts = [work[start : start + _PROGRAMS_PER_SESSION] for start in range(0, len(work), _PROGRAMS_PER_SESSION)]
    return [verdict for verdicts in await asyncio.gather(*map(some, parts)) for verdict in verdicts]


async def _run(sandbox: Sandbox, programs: list[tuple[str, list[str]]]) -> list[list[str | None]]:
    harness = Program(language="python", source=_HARNESS.read_text())
    async with sandbox.open(memory_mb=1024) as session:
        compiled = await session.compile(harness, time_s=60, memory_mb=1024)
        if not compiled.ok:
            raise SandboxError(f"the harness does not compile in the sandbox: {compiled.log}")
        run = await session.run(limits=_LIMITS, stdin=json.dumps(programs).encode())
    if run.status is not RunStatus.OK:
        raise SandboxError(f"the harness ended with {run.status.value}: {run.stderr[-500:].decode('utf-8', 'replace')}")
    outputs: list[list[str | None]] = json.loads(run.stdout)
    if [len(row) for row in outputs] != [len(inputs) for _, inputs in programs]:
        raise SandboxError("the harness did not answer for every program: one of them broke it")
    return outputs


def _io(tests: Sequence[object]) -> list[IoTest]:
    return [test for test in tests if isinstance(test, IoTest)]
