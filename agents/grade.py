"""Grades a selected answer on hidden tests or the gold answer. Runs after the selection and feeds nothing back."""

from __future__ import annotations

import asyncio

from solvent.agents.job import Answer, Grade
from solvent.errors import SandboxError
from solvent.problems.math_equivalence import Unknown, equivalent
from solvent.problems.problem import Problem, ProblemKind, Verdict
from solvent.sandbox.base import Program, Sandbox


async def grade(problem: Problem, answer: Answer, sandbox: Sandbox, *, every_test: bool = False) -> Grade | None:
    """Return what hidden tests or the gold answer say, or None if the problem has neither.

    Tests run up to the first failure, and `passed` counts those before it; with `every_test` all are run. A comparison
    or sandbox that fails gives IE: the answer is kept either way. Nothing of this is charged to the job's budget.
    """
    if problem.kind is ProblemKind.MATH:
        if problem.answer is None:
            return None
        same = await asyncio.to_thread(equivalent, problem.answer, answer.text)
        if isinstance(same, Unknown):
            return Grade(verdict=Verdict.IE, total=1)
        return Grade(verdict=Verdict.AC if same else Verdict.WA, passed=int(same), total=1)
    if not problem.hidden_tests or answer.language is None or (problem.interactive and problem.interactor is None):
        return None
    from solvent.sandbox.judge import judge

    program = Program(language=answer.language, source=answer.text)
    try:
        judged = await judge(sandbox, problem, program, problem.hidden_tests, stop_on_failure=not every_test)
    except SandboxError:
        return Grade(verdict=Verdict.IE, total=len(problem.hidden_tests))
    passed = sum(test.verdict is Verdict.AC for test in judged.tests)
    return Grade(verdict=judged.verdict, passed=passed, total=len(problem.hidden_tests))
