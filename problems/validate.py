"""Whether a problem can grade: what it has to grade with, and whether its gold answer passes its own check."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from solvent.problems.answers import normalise
from solvent.problems.math_equivalence import Unknown, equivalent
from solvent.problems.problem import IoTest, Problem, ProblemKind, Solution, Verdict


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
    complaints.extend(_program_complaints(problem))
    complaints.extend(_group_complaints(problem))
    if problem.solutions and not any(Verdict.AC in solution.allowed_verdicts for solution in problem.solutions):
        notes.append("none of its solutions is meant to be accepted")
    return ReferenceReport(
        solutions=problem.solutions,
        gold_checked=problem.kind is ProblemKind.MATH and problem.answer is not None,
        complaints=tuple(complaints),
        notes=tuple(notes),
    )


def _program_complaints(problem: Problem) -> list[str]:
    complaints = []
    if problem.interactive and problem.interactor is None:
        complaints.append("its interactor is missing: programs cannot be judged")
    tests = [test for test in (*problem.public_tests, *problem.hidden_tests) if isinstance(test, IoTest)]
    checkers = [problem.checker, *(problem.checker_for(test) for test in tests)]
    if any(checker.type == "custom" and checker.program is None for checker in checkers):
        complaints.append("its output validator is missing: outputs cannot be judged")
    elif problem.passes > 1 and any(one.type != "custom" or one.style != "icpc" for one in checkers):
        complaints.append("it has several passes, but no output validator that makes the next pass's input")
    return complaints


def _group_complaints(problem: Problem) -> list[str]:
    names = [group.name for group in problem.groups]
    known = {*names, *(test.name for test in (*problem.public_tests, *problem.hidden_tests))}
    complaints = [f"two test groups have the name {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1]
    for group in problem.groups:
        complaints.extend(
            f"the test group {group.name!r} requires {name!r}, which is no group and no test"
            for name in group.requires
            if name not in known
        )
        if group.min_score is not None and group.max_score is not None and group.min_score > group.max_score:
            complaints.append(f"the test group {group.name!r} has a least score above its greatest")
    return complaints


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
