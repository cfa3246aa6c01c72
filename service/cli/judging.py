"""What `solvent judge` is asked to judge, and the rows that it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from solvent.errors import ConfigError, DataError, SolventError
from solvent.problems.math_equivalence import Unknown, equivalent
from solvent.problems.problem import Problem, ProblemKind, Solution, Verdict
from solvent.problems.validate import reference_checks
from solvent.sandbox.base import Program, Sandbox
from solvent.sandbox.judge import Judgement, OnTest, judge
from solvent.sandbox.languages import find_language, language_of_file
from solvent.sandbox.setters import program_of

AT_ONCE_PER_SLOT = 2


@dataclass(frozen=True)
class Submission:
    """A program or final answer for a problem; `expected` are the verdicts of which it must get one, where known."""

    problem: Problem
    name: str
    language: str | None
    source: str
    expected: tuple[Verdict, ...] = ()
    solution: Solution | None = None
    """Of the problem, where it is one of its own."""


@dataclass(frozen=True)
class Judged:
    """A submission and the judge's word; `judgement` is None where it could not be judged, `reason` says why."""

    submission: Submission
    judgement: Judgement | None
    reason: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict over all tests."""
        return self.judgement.verdict if self.judgement else None

    @property
    def right(self) -> bool | None:
        """Whether it got what it should (AC unless another verdict is expected); None if it was not judged."""
        return None if self.judgement is None else self.verdict in (self.submission.expected or (Verdict.AC,))

    def row(self) -> dict[str, JsonValue]:
        """Return it as JSON values."""
        expected = self.submission.expected
        judgement = self.judgement
        return {
            "problem_id": self.submission.problem.id,
            "submission": self.submission.name,
            "language": self.submission.language,
            "verdict": self.verdict.value if self.verdict else None,
            "expected": "/".join(verdict.value for verdict in expected) or None,
            "right": self.right,
            "score": judgement.score if judgement else None,
            "passed": sum(test.verdict is Verdict.AC for test in judgement.tests) if judgement else 0,
            "cpu_s": round(judgement.cpu_s, 4) if judgement else None,
            "message": judgement.message if judgement else self.reason,
            "tests": [test.model_dump(mode="json") for test in judgement.tests] if judgement else [],
        }


def submission_from(problem: Problem, name: str, text: str, language: str | None) -> Submission:
    """Return the submission in a file's text; its language is by name, else by the file's ending.

    Raises:
        ConfigError: the language is unknown.
    """
    if problem.kind is ProblemKind.MATH:
        return Submission(problem, name, None, text)
    known = find_language(language) if language else language_of_file(name)
    return Submission(problem, name, known.name, text)


def samples_from(problems: Sequence[Problem], path: str, text: str, language: str) -> Iterator[Submission | DataError]:
    """Yield the submissions of a JSONL file of samples: rows {task_id, completion}, as HumanEval's harness reads them.

    `problem_id` and `source` are taken as well. A row that names no problem, or has no text, gives an error.
    """
    by_id = {problem.id: problem for problem in problems}
    for row, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            yield DataError(f"is not JSON: {error}", file=path, row=row)
            continue
        if not isinstance(record, dict):
            yield DataError("is not an object", file=path, row=row)
            continue
        wanted = record.get("task_id", record.get("problem_id"))
        source = record.get("completion", record.get("source"))
        if str(wanted) not in by_id:
            yield DataError(f"no problem has the id {wanted!r}", file=path, row=row, field="task_id")
        elif not isinstance(source, str):
            yield DataError("is missing or no text", file=path, row=row, field="completion")
        else:
            name = f"{Path(path).name}:{row}"
            yield Submission(by_id[str(wanted)], name, str(record.get("language", language)), source)


def references_of(problem: Problem) -> tuple[list[Submission], list[str]]:
    """Return the solutions that come with a problem, and what stands against grading with it.

    Raises:
        DependencyError: the algebra process for gold answers cannot be started.
    """
    report = reference_checks(problem)
    found = [
        Submission(problem, one.name or f"solution {number}", one.language, one.source, one.allowed_verdicts, one)
        for number, one in enumerate(report.solutions, start=1)
    ]
    if problem.kind is ProblemKind.MATH and problem.answer is not None:
        found.append(Submission(problem, "gold answer", None, problem.answer, (Verdict.AC,)))
    return found, list(report.complaints)


async def judge_submission(
    sandbox: Sandbox | None, submission: Submission, *, stop_on_failure: bool, on_test: OnTest | None = None
) -> Judged:
    """Judge one submission on the problem's public and hidden tests, or its gold answer.

    Raises:
        DependencyError: the sandbox or the algebra process is missing.
    """
    problem = submission.problem
    if problem.kind is ProblemKind.MATH:
        return await asyncio.to_thread(_judge_answer, submission)
    assert sandbox is not None
    assert submission.language is not None
    tests = (*problem.public_tests, *problem.hidden_tests)
    try:
        program = Program(language=submission.language, source=submission.source)
        if submission.solution is not None:
            program = program_of(submission.solution, {})
        judgement = await judge(sandbox, problem, program, tests, stop_on_failure=stop_on_failure, on_test=on_test)
    except ConfigError as error:
        return Judged(submission, None, str(error))
    return Judged(submission, judgement)


def _judge_answer(submission: Submission) -> Judged:
    gold = submission.problem.answer
    if gold is None:
        return Judged(submission, None, "the problem has no gold answer")
    same = equivalent(gold, submission.source)
    if isinstance(same, Unknown):
        return Judged(submission, Judgement(verdict=Verdict.IE, message=str(same)))
    message = "" if same else f"not equivalent to the gold answer: {submission.source.strip()[:80]!r}"
    return Judged(submission, Judgement(verdict=Verdict.AC if same else Verdict.WA, message=message))


async def judge_all(
    sandbox: Sandbox | None, submissions: Sequence[Submission], on_end: Callable[[Judged], None]
) -> list[Judged]:
    """Judge many submissions side by side, each up to its first failure, and return them in their order.

    Raises:
        DependencyError: as `judge_submission`; the others are cancelled.
    """
    waiting = asyncio.Semaphore(AT_ONCE_PER_SLOT * (sandbox.slots if sandbox else 1))

    async def one(submission: Submission) -> Judged:
        async with waiting:
            judged = await judge_submission(sandbox, submission, stop_on_failure=True)
        on_end(judged)
        return judged

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(submission)) for submission in submissions]
    except* SolventError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
