"""Grades a selected answer on hidden tests or the gold answer. Runs after the selection and feeds nothing back."""

from __future__ import annotations

import asyncio

from solvent.agents.job import Answer, Grade, JobResult
from solvent.errors import SandboxError
from solvent.problems.grids import as_grid, score_attempts
from solvent.problems.math_equivalence import Unknown, equivalent
from solvent.problems.problem import CallTest, Problem, ProblemKind, Verdict
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


def grade_grids(problem: Problem, result: JobResult) -> Grade | None:
    """Return what the outputs of the test inputs say of both attempts, or None where not all of them are known. Pure.

    `passed` counts the test inputs of which any attempt is right (the official score is their share), and `strict`
    asks for one program that is right on all train pairs and all test inputs.
    """
    gold = [as_grid(test.expected) for test in problem.hidden_tests if isinstance(test, CallTest)]
    known = [grid for grid in gold if grid is not None]
    if not known or len(known) < len(gold):
        return None
    score = score_attempts([(one.attempt_1, one.attempt_2) for one in result.attempts], known)
    firsts = score_attempts([(one.attempt_1,) for one in result.attempts], known)
    train = result.evidence.public_tests
    trained = len(train) == len(problem.public_tests) and all(case.verdict is Verdict.AC for case in train)
    return Grade(
        verdict=Verdict.AC if score.right == score.total else Verdict.WA,
        passed=score.right,
        total=score.total,
        strict=trained and firsts.right == firsts.total,
    )
