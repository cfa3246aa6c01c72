"""What a prompt may see of a problem. Prompts are rendered from this type, so that nothing hidden can reach them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from solvent.problems.problem import FunctionSpec, Limits, Problem, ProblemKind, TestCase


class PublicProblem(BaseModel):
    """The public part of a problem: no hidden test, no gold answer, no solution, no checker, no metadata."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: ProblemKind
    title: str
    statement: str
    limits: Limits
    public_tests: tuple[TestCase, ...]
    function: FunctionSpec | None
    languages: tuple[str, ...]


def public_view(problem: Problem) -> PublicProblem:
    """Return what a prompt may see of `problem`."""
    return PublicProblem(**{name: getattr(problem, name) for name in PublicProblem.model_fields})
