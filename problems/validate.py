"""Whether a problem can grade: what it has to grade with, and whether its gold answer passes its own check."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from solvent.problems.answers import normalise
from solvent.problems.math_equivalence import Unknown, equivalent
from solvent.problems.problem import Problem, ProblemKind, Solution, Verdict


@dataclass(frozen=True, slots=True)
class ReferenceReport:
    """What `solvent judge` can check a problem with.

    `solutions` must be run and must get their `expected` verdict; `complaints` say what
    stands against grading with this problem, `notes` what weakens it.
    """

    solutions: tuple[Solution, ...]
    gold_checked: bool
    complaints: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def can_grade(self) -> bool:
        """Whether nothing stands against grading answers with this problem."""
        return not self.complaints

    def to_dict(self) -> dict[str, JsonValue]:
        """Return JSON values, without the sources."""
        return {
            "solutions": [
                {"name": one.name, "language": one.language, "expected": one.expected.value} for one in self.solutions
            ],
            "gold_checked": self.gold_checked,
            "complaints": list(self.complaints),
            "notes": list(self.notes),
        }


def reference_checks(problem: Problem, timeout_s: float = 5.0) -> ReferenceReport:
    """Return what can be checked of `problem` without running a program.

    A gold answer of mathematics must be equivalent to itself, also inside a box; an empty answer must not be.

    Raises:
        DependencyError: the algebra process cannot be started.
    """
    complaints: list[str] = []
    notes: list[str] = []
    if problem.kind is ProblemKind.MATH:
        complaints.extend(_gold_complaints(problem.answer, timeout_s))
    elif not problem.public_tests and not problem.hidden_tests:
        complaints.append("it has no tests: an answer cannot be judged")
    elif not problem.hidden_tests:
        notes.append("it has no hidden tests: an answer that passes the examples is all that can be said")
    if problem.interactive and problem.interactor is None:
        complaints.append("its interactor is missing: programs cannot be judged")
    if problem.checker.type == "custom" and problem.checker.program is None:
        complaints.append("its output validator is missing: outputs cannot be judged")
    if problem.solutions and all(solution.expected is not Verdict.AC for solution in problem.solutions):
        notes.append("none of its solutions is meant to be accepted")
    return ReferenceReport(
        solutions=problem.solutions,
        gold_checked=problem.kind is ProblemKind.MATH and problem.answer is not None,
        complaints=tuple(complaints),
        notes=tuple(notes),
    )


def _gold_complaints(gold: str | None, timeout_s: float) -> list[str]:
    if gold is None:
        return ["it has no gold answer"]
    if not normalise(gold):
        return ["its gold answer is empty"]
    complaints = []
    same = equivalent(gold, f"\\boxed{{{normalise(gold)}}}", timeout_s)
    if same is not True:
        why = f": {same.reason}" if isinstance(same, Unknown) else ""
        complaints.append(f"its gold answer {gold[:60]!r} is not equivalent to itself{why}")
    if equivalent(gold, "", timeout_s):
        complaints.append(f"its gold answer {gold[:60]!r} is equivalent to an empty one")
    return complaints
