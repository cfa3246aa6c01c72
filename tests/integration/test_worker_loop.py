"""The sandbox on the event loop of a worker, which is not asyncio's own and runs in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sandboxes import make_sandbox

from solvent.agents.judged import printed_from
from solvent.problems.problem import Problem, ProblemKind
from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.base import Program
from solvent.workers.loop import LoopThread

BACKENDS = [pytest.param("local", marks=pytest.mark.bubblewrap), pytest.param("docker", marks=pytest.mark.docker)]


@asynccontextmanager
async def _started(sandbox: BoxSandbox) -> AsyncIterator[None]:
    await sandbox.start()
    try:
        yield
    finally:
        await sandbox.aclose()


@pytest.mark.parametrize("backend", BACKENDS)
def test_programs_run(backend: str, request: pytest.FixtureRequest) -> None:
    problem = Problem(id="sum", kind=ProblemKind.MATH, statement="What is 2 + 2?", answer="4")

    async def work() -> str | None:
        sandbox = make_sandbox(backend, request, slots=1)
        async with _started(sandbox):
            printed = await printed_from(sandbox, problem, Program(language="python", source="print(2 + 2)"), job="job")
        return printed.text

    loop = LoopThread()
    loop.start()
    try:
        assert loop.run(work()) == "4"
    finally:
        loop.stop()
