"""What a job that ended has to teach, and to whom: its verified solution or its failure, and nothing of its grade."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solvent.agents.concept_replies import cut
from solvent.agents.job import JobResult, JobStatus, Outcome
from solvent.memory.concept import Content
from solvent.memory.merging import fitting
from solvent.memory.screening import passes
from solvent.memory.writer import WriteRules
from solvent.problems.problem import ProblemKind, Verdict

if TYPE_CHECKING:
    from solvent.memory.store import ConceptStore
    from solvent.problems.view import PublicProblem


@dataclass(frozen=True)
class LearnRules:
    """How jobs learn."""

    share: float = 0.15
    """Of the job's cap of tokens, where it has one, that writing may take."""
    reserve: float = 0.0
    """Of the job's cap of tokens, where it has one, what its search leaves for writing, as well as it can be told."""
    pitfalls: bool = False
    """Jobs that ended unsolved write what to avoid, too."""
    familiar_trajectories: int = 0
    """A job that had concepts and was solved within so many trajectories taught nothing new, and writes nothing."""
    replays: int = 0
    """Attempts at the solved problem with the concepts that its solution taught, which are not written where none
    passes the public tests; 0: they are not tried. See `replaying`."""
    readings: int = 1
    """Readings of a solution, of which the one that makes it likeliest is written; 1: the first is. See `comparing`."""
    write: WriteRules = field(default_factory=WriteRules)


@dataclass(frozen=True)
class Learner:
    """The memory that jobs write to, and how."""

    store: ConceptStore
    rules: LearnRules = field(default_factory=LearnRules)


@dataclass(frozen=True)
class Lesson:
    """A solution, or a failure, that something may be learned from: all that is known of it, and no grade."""

    program: str
    language: str
    trajectory: str
    evidence: str
    strength: int
    """See `Proposal.strength`."""
    failed: bool = False
    failures: int = 0
    """Programs of the job that did not pass the public tests."""


def lesson_of(result: JobResult, rules: LearnRules) -> Lesson | str:
    """Return what a result teaches, or why nothing. Pure; the grade is not read."""
    if result.status is not JobStatus.COMPLETED:
        return f"the job ended as {result.status.value}"
    answer, evidence = result.answer, result.evidence
    program = None if answer is None else answer.program if answer.language is None else answer.text
    passed = sum(case.verdict is Verdict.AC for case in evidence.public_tests)
    failing = [case for case in evidence.public_tests if case.verdict is not Verdict.AC]
    if result.outcome is Outcome.SOLVED:
        if answer is None or program is None:
            return "the answer has no program"
        if failing:
            return "the answer does not pass the public tests"
        if passed:
            said = f"it passes {passed} of {passed} public tests"
        elif evidence.agreement > 1:
            said = f"{evidence.agreement} of {evidence.votes} independent attempts agree"
        else:
            return "no evidence verifies the answer"
        had = result.memory is not None and result.memory.chosen and not result.memory.held_out
        if had and result.usage.trajectories <= rules.familiar_trajectories:
            return "it was solved at once with what the memory has"
        if evidence.repairs:
            said += f" after {evidence.repairs} repairs"
        strength, failures = passed or evidence.agreement, result.usage.sandbox_runs - 1 if passed else 0
        return Lesson(
            program, answer.language or "python", answer.trajectory, said, strength, failures=max(0, failures)
        )
    if result.outcome is not Outcome.UNSOLVED or not rules.pitfalls:
        return "the job was not solved"
    if answer is None or program is None or not failing:
        return "the job was not solved, and no public test says why"
    said = "; ".join(f"{case.name}: {case.verdict.value}" for case in failing[:3])
    return Lesson(program, answer.language or "python", answer.trajectory, f"fails ({said})", 0, failed=True)


def opening_of(view: PublicProblem) -> str:
    """Return what a problem's concepts are found by beside what they say: how its statement begins, on one line. Pure.

    Of kind `grid`, where statements say nothing, words for what its pairs show.
    """
    if view.kind is ProblemKind.GRID:
        from solvent.problems.grid_features import grid_words

        return cut(grid_words(view), 400)
    return cut(view.statement, 400)


def with_opening(content: Content, opening: str) -> Content:
    """Return a content that knows how the statement of its problem begins, unless that may not be kept."""
    known = fitting({**content.model_dump(), "statements": [opening] if opening else []})
    return known if passes(known) else content
