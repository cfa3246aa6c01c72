"""Verdicts for thousands of short programs: many runs in one sandbox session, compared outside of it.

`solvent.sandbox.judge` takes a session for each program, which is right for answers and slow for a corpus. Here a
harness in the sandbox runs each program on each input in a process of its own; a test keeps both in agreement.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from solvent.errors import SandboxError
from solvent.problems.checkers import compare, compare_values
from solvent.problems.problem import CallTest, CodeTest, IoTest, Problem
from solvent.sandbox.base import Program, RunLimits, RunStatus, Sandbox

_HARNESS = Path(__file__).with_name("harness.py").read_text()
_PROGRAMS_PER_SESSION = 150
_LIMITS = RunLimits(cpu_time_s=300, wall_time_s=580, memory_mb=512, output_bytes=32 << 20, processes=16)


class Candidate(NamedTuple):
    """A Python program for a problem of kind `stdio`, or of kind `function` with call tests without keywords."""

    problem: Problem
    source: str


class BulkVerdict(NamedTuple):
    """How a program fared; `hidden` is False where a public test failed, and `failed` is that test's place."""

    public: bool
    hidden: bool
    failed: int | None = None


async def judge_all(
    sandbox: Sandbox, candidates: Sequence[Candidate], report: Callable[[str], None] = lambda _: None
) -> list[BulkVerdict]:
    """Judge the programs on the public tests, and those that pass them on the hidden ones.

    Raises:
        SandboxError: the sandbox failed, or a program broke the harness.
    """
    public = await _judge(sandbox, [(c, _plain(c.problem.public_tests)) for c in candidates])
    passed = [number for number, failed in enumerate(public) if failed is None]
    report(f"{len(passed)} of {len(candidates)} different programs pass the public tests")
    hidden = await _judge(sandbox, [(candidates[n], _plain(candidates[n].problem.hidden_tests)) for n in passed])
    report(f"{hidden.count(None)} of them pass the hidden tests")
    whole = {number: failed is None for number, failed in zip(passed, hidden, strict=True)}
    return [BulkVerdict(failed is None, whole.get(number, False), failed) for number, failed in enumerate(public)]


PlainTest = IoTest | CallTest


async def _judge(sandbox: Sandbox, work: list[tuple[Candidate, list[PlainTest]]]) -> list[int | None]:
    """The place of the first test that each program does not pass; None where it passes all."""
    gate = asyncio.Semaphore(sandbox.slots)

    async def some(part: list[tuple[Candidate, list[PlainTest]]]) -> list[int | None]:
        async with gate:
            programs = [(c.source, entry_point(c.problem), [input_text(test) for test in tests]) for c, tests in part]
            outputs = await _run(sandbox, programs)
        return [_first_failed(c.problem, tests, row) for (c, tests), row in zip(part, outputs, strict=True)]

    parts = [work[start : start + _PROGRAMS_PER_SESSION] for start in range(0, len(work), _PROGRAMS_PER_SESSION)]
    return [verdict for verdicts in await asyncio.gather(*map(some, parts)) for verdict in verdicts]


def _first_failed(problem: Problem, tests: Sequence[PlainTest], outputs: Sequence[str | None]) -> int | None:
    places = enumerate(zip(tests, outputs, strict=True))
    return next((place for place, (test, output) in places if not _accepts(problem, test, output)), None)


def _accepts(problem: Problem, test: PlainTest, output: str | None) -> bool:
    if output is None:
        return False
    if isinstance(test, IoTest):
        return compare(problem.checker, test.expected, output).accepted
    try:
        return compare_values(test.expected, ast.literal_eval(output)).accepted
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def entry_point(problem: Problem) -> str:
    """The name of the function, or "" where a whole program is asked for."""
    return problem.function.name if problem.function is not None else ""


def input_text(test: PlainTest) -> str:
    """What the harness gives the program: standard input, or a call's arguments.

    Raises:
        ValueError: the call has keywords.
    """
    if isinstance(test, IoTest):
        return test.stdin
    if test.keywords:
        raise ValueError(f"test {test.name!r} calls with keywords, which the harness for many programs does not know")
    return ", ".join(map(repr, test.arguments))


def _plain(tests: Sequence[PlainTest | CodeTest]) -> list[PlainTest]:
    return [test for test in tests if not isinstance(test, CodeTest)]


async def _run(sandbox: Sandbox, programs: list[tuple[str, str, list[str]]]) -> list[list[str | None]]:
    outputs: list[list[str | None]] = await run_harness(sandbox, _HARNESS, programs)
    if [len(row) for row in outputs] != [len(inputs) for _, _, inputs in programs]:
        raise SandboxError("the harness did not answer for every program: one of them broke it")
    return outputs


async def run_harness(sandbox: Sandbox, harness: str, request: object) -> Any:
    """Run a harness, given as its source, in a session of its own: JSON in, JSON out.

    Raises:
        SandboxError: the sandbox failed, or a program broke the harness.
    """
    program = Program(language="python", source=harness)
    async with sandbox.open(memory_mb=1024) as session:
        compiled = await session.compile(program, time_s=60, memory_mb=1024)
        if not compiled.ok:
            raise SandboxError(f"the harness does not compile in the sandbox: {compiled.log}")
        run = await session.run(limits=_LIMITS, stdin=json.dumps(request).encode())
    if run.status is not RunStatus.OK:
        raise SandboxError(f"the harness ended with {run.status.value}: {run.stderr[-500:].decode('utf-8', 'replace')}")
    return json.loads(run.stdout)
