"""What a prompt may see of a problem. Prompts are rendered from this type, so that nothing hidden can reach them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from solvent.problems.problem import FunctionSpec, IoTest, Limits, Problem, ProblemKind, TestCase


class PublicProblem(BaseModel):
    """The public part of a problem.

    No hidden test, gold answer, solution, checker, interactor, test group or metadata; the public tests come without
    checkers of their own. Of the hidden tests of kind `grid` the inputs are public.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: ProblemKind
    title: str
    statement: str
    limits: Limits
    public_tests: tuple[TestCase, ...]
    function: FunctionSpec | None
    languages: tuple[str, ...]
    interactive: bool = False
    passes: int = 1
    input_file: str | None = None
    output_file: str | None = None
    scoring: bool = False
    objective: Literal["max", "min"] = "max"
    test_inputs: tuple[JsonValue, ...] = ()
    """Kind `grid`: inputs whose outputs are asked for. Never an output of theirs."""

    @property
    def judging_notes(self) -> tuple[str, ...]:
        """How judging departs from one run from standard input to standard output; whole sentences for a solver."""
        notes = []
        if self.interactive:
            notes.append(
                "The problem is interactive: answer each message of the judge, and flush the output each time."
            )
        if self.passes > 1:
            notes.append(
                f"The program is run up to {self.passes} times on a test; each run gets what the judge passes on."
            )
        if self.input_file:
            notes.append(f"Read the input from the file {self.input_file} in the working directory.")
        if self.output_file:
            notes.append(f"Write the output to the file {self.output_file} in the working directory.")
        if self.scoring:
            better = "greater" if self.objective == "max" else "smaller"
            notes.append(f"The solution gets a score; a {better} one is better.")
        return tuple(notes)


def public_view(problem: Problem) -> PublicProblem:
    """Return what a prompt may see of `problem`."""
    fields = {name: getattr(problem, name) for name in PublicProblem.model_fields}
    fields["public_tests"] = tuple(_public_test(test) for test in problem.public_tests)
    return PublicProblem(**fields)


def _public_test(test: TestCase) -> TestCase:
    if isinstance(test, IoTest) and test.checker is not None:
        return test.model_copy(update={"checker": None})
    return test
