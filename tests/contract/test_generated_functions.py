"""The judge accepts the references of generated function problems, and tells wrong ones."""

from __future__ import annotations

import pytest

from solvent.problems.problem import Problem, ProblemKind, Verdict
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import judge
from solvent.training.families import FAMILIES, generate

pytestmark = [pytest.mark.bubblewrap, pytest.mark.usefixtures("require_bubblewrap")]


def function_problems(family: str) -> list[Problem]:
    depth = min(2, FAMILIES[family].max_depth)
    return [p for p in generate("held-out", family, depth, 12, seed=1) if p.kind is ProblemKind.FUNCTION][:2]


async def verdict(local_sandbox: Sandbox, problem: Problem, source: str) -> Verdict:
    tests = (*problem.public_tests, *problem.hidden_tests)
    judgement = await judge(local_sandbox, problem, Program(language="python", source=source), tests)
    return judgement.verdict


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "word"])
async def test_references_are_accepted_and_others_are_not(local_sandbox: Sandbox, family: str) -> None:
    problems = function_problems(family)
    assert problems
    for problem in problems:
        assert await verdict(local_sandbox, problem, problem.solutions[0].source) is Verdict.AC
    (problem, *_) = problems
    assert problem.function is not None
    wrong = f"def {problem.function.name}(*arguments):\n    return None\n"
    assert await verdict(local_sandbox, problem, wrong) is Verdict.WA
