"""Bulk verdicts for the training room agree with the judge, and no program disturbs another."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from solvent.problems.problem import Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import judge
from solvent.sandbox.local import LocalSandbox
from solvent.training.bulk import Candidate, judge_all
from solvent.training.families import generate

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("require_bubblewrap")]

ODD = (
    "import sys\nsys.exit(3)",
    "print(open('/etc/passwd').read() * 100)",
    "while True: pass",
    "def broken(:",
    "import os\nos._exit(0)",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "print('x' * 10**7)",
    "",
    "null = chr(0)\nprint(null)",
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    backend = LocalSandbox(2)
    await backend.start()
    yield backend
    await backend.aclose()


async def test_right_wrong_and_odd_programs_get_the_judges_verdict(sandbox: Sandbox) -> None:
    problems = [problem for family in ("list", "number", "string") for problem in generate("held-out", family, 2, 2, 1)]
    candidates = [
        Candidate(problem, other.solutions[0].source) for problem in problems for other in (problem, problems[0])
    ]
    candidates += [Candidate(problems[0], source) for source in ODD]
    verdicts = await judge_all(sandbox, candidates)
    assert len(verdicts) == len(candidates)
    for candidate, verdict in zip(candidates, verdicts, strict=True):
        program = Program(language="python", source=candidate.source)
        tests = (*candidate.problem.public_tests, *candidate.problem.hidden_tests)
        judgement = await judge(sandbox, candidate.problem, program, tests, stop_on_failure=True)
        assert (verdict.public and verdict.hidden) == (judgement.verdict is Verdict.AC), candidate.source
    assert sum(verdict.public and verdict.hidden for verdict in verdicts) >= len(problems)
