"""What is solved: the one shape into which every reader turns its format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from solvent.problems.grids import as_grid
from solvent.problems.programs import Checker as Checker
from solvent.problems.programs import Expectation as Expectation
from solvent.problems.programs import Frozen
from solvent.problems.programs import Interactor as Interactor
from solvent.problems.programs import Solution as Solution
from solvent.problems.programs import Verdict as Verdict


class ProblemKind(StrEnum):
    """What can check an answer."""

    STDIO = "stdio"
    """A program reads standard input and writes standard output."""
    FUNCTION = "function"
    """A function is called and its results are compared, or test code calls it."""
    MATH = "math"
    """A final answer is compared with the gold answer."""
    GRID = "grid"
    """A function turns a grid into a grid (ARC); each test input has two attempts."""
    OPTIMIZE = "optimize"
    """An evaluator scores a program; has its place, no reader yet."""


CALLED = frozenset({ProblemKind.FUNCTION, ProblemKind.GRID})
"""Kinds whose solution is a function that tests call."""


class Limits(Frozen):
    """Limits of one run of a program, for its whole process tree."""

    cpu_time_s: float = Field(default=2.0, gt=0, le=600)
    wall_time_s: float | None = Field(default=None, gt=0, le=3600)
    """Backstop; default: 2 x cpu_time_s + 1."""
    memory_mb: int = Field(default=256, ge=16, le=16384)
    output_mb: float = Field(default=8.0, gt=0, le=64)
    processes: int = Field(default=32, ge=1, le=256)
    file_size_mb: int = Field(default=64, ge=1, le=1024)
    compile_time_s: float = Field(default=30.0, gt=0, le=600)
    compile_memory_mb: int = Field(default=1024, ge=64, le=16384)

    @property
    def wall_limit_s(self) -> float:
        """The wall-clock backstop in force."""
        return self.wall_time_s if self.wall_time_s is not None else 2 * self.cpu_time_s + 1


class IoTest(Frozen):
    """Input and expected output of a program (kind `stdio`)."""

    type: Literal["io"] = "io"
    name: str
    stdin: str
    expected: str
    group: str = ""
    """Path of its test group, such as `secret/subtask1`."""
    arguments: tuple[str, ...] = ()
    """Arguments that the program is started with."""
    files: dict[str, str] = Field(default_factory=dict)
    """Further files that the program finds in its directory, by plain file name."""
    points: float | None = None
    """Score of this test when accepted; None: its group's `accept_score`."""
    checker: Checker | None = None
    """Instead of the group's and the problem's; see `Problem.checker_for`."""


class TestGroup(Frozen):
    """A folder of tests, its scores and its place in the whole (test groups of ICPC packages, batches, subtasks).

    Tests and groups of a group are taken in the order of `Problem.public_tests`, `hidden_tests` and `groups`.
    """

    __test__ = False  # not a class of tests, whatever its name says to a test collector

    name: str
    """Path, such as `secret/subtask1`; empty: the whole."""
    on_reject: Literal["break", "continue"] = "continue"
    """Whether the rest of the group is left out after a test (or group in it) that is not accepted."""
    aggregation: Literal["sum", "min", "max", "avg", "pass_fail"] = "sum"
    """How the scores of its tests and groups make its own. `pass_fail`: `max_score` if all are accepted, else 0."""
    verdict: Literal["worst_error", "first_error", "always_accept"] = "worst_error"
    accept_if_any_accepted: bool = False
    """Accepted as soon as one test or group in it is."""
    ignore_sample: bool = False
    """The group `sample` counts neither for the verdict nor for the score (the whole only)."""
    accept_score: float = 1.0
    """Score of an accepted test in it that has no `points` and no score from its checker."""
    reject_score: float = 0.0
    """Score of a test in it that is not accepted."""
    max_score: float | None = None
    """Greatest score; None: unbounded."""
    min_score: float | None = None
    requires: tuple[str, ...] = ()
    """Paths of groups (or tests) that must be accepted first; if not, it is left out and scores `reject_score`."""
    checker: Checker | None = None
    """Instead of the problem's; see `Problem.checker_for`."""

    @property
    def parent(self) -> str | None:
        """Path of the group that it lies in; None for the whole."""
        return self.name.rpartition("/")[0] if self.name else None


class TimeRule(Frozen):
    """How the time limit follows from the times of the problem's own solutions, where the package states none.

    The limit is the slowest time of the solutions that bound it from below, times `to_limit`, rounded up to a multiple
    of `resolution_s`; solutions that bound it from above must need more than the limit times `from_limit`.
    """

    limit_given: bool = True
    """The package states the limit that stands in `Problem.limits`."""
    to_limit: float = Field(default=2.0, ge=1)
    from_limit: float = Field(default=1.5, ge=1)
    resolution_s: float = Field(default=1.0, gt=0)


class CallTest(Frozen):
    """One call of the function and the value that it must return (kinds `function` and `grid`); values are JSON.

    Of a hidden test of kind `grid` whose output nobody knows, `expected` is None.
    """

    type: Literal["call"] = "call"
    name: str
    arguments: tuple[JsonValue, ...] = ()
    keywords: dict[str, JsonValue] = Field(default_factory=dict)
    expected: JsonValue = None


class CodeTest(Frozen):
    """Python test code that raises when the function is wrong (kind `function`), as HumanEval and MBPP have it.

    The code sees the solution's module-level names, and the function also under the name `candidate`.
    """

    type: Literal["code"] = "code"
    name: str
    code: str


TestCase = Annotated[IoTest | CallTest | CodeTest, Field(discriminator="type")]


_TESTS_OF = {ProblemKind.STDIO: ("io",), ProblemKind.FUNCTION: ("call", "code"), ProblemKind.GRID: ("call",)}


class FunctionSpec(Frozen):
    """The function that the kinds `function` and `grid` ask for."""

    name: str
    starter_code: str = ""
    """Python text that the solution continues or repeats: imports, helpers, signature, docstring."""


class Problem(Frozen):
    """One problem.

    Hidden tests, gold answer and solutions grade only: they never reach a prompt, a selection or the memory.
    """

    id: str = Field(min_length=1)
    kind: ProblemKind
    title: str = ""
    statement: str
    limits: Limits = Limits()
    checker: Checker = Checker()
    public_tests: tuple[TestCase, ...] = ()
    hidden_tests: tuple[TestCase, ...] = ()
    function: FunctionSpec | None = None
    answer: str | None = None
    """Gold answer (kind `math`)."""
    solutions: tuple[Solution, ...] = ()
    languages: tuple[str, ...] = ()
    """Languages that a solution may use; empty: any."""
    interactive: bool = False
    """The judge talks with the program."""
    interactor: Interactor | None = None
    """Who talks with it; None in an interactive problem: the package lacks it, so that it cannot be judged."""
    passes: int = Field(default=1, ge=1, le=100)
    """Most runs of the program on one test (multi-pass); more than one: the validator writes the next pass's input."""
    input_file: str | None = None
    """Name of the file from which the program reads, instead of standard input."""
    output_file: str | None = None
    """Name of the file to which the program writes, instead of standard output."""
    scoring: bool = False
    """The result is a score, not only a verdict."""
    objective: Literal["max", "min"] = "max"
    """Whether a greater or a smaller score is better."""
    groups: tuple[TestGroup, ...] = ()
    """Parents before their children; a group that tests name but that is not here has the defaults of `TestGroup`."""
    validation_limits: Limits | None = None
    """Limits of checker and interactor; None: the judge's own."""
    time_rule: TimeRule = TimeRule()
    included_files: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Files that are built with every submission: by language (or `default`: all that are not named), then by name."""
    tags: tuple[str, ...] = ()
    source: str = ""
    """Where it was read from: file, or file:row."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def lacks_programs(self) -> bool:
        """Whether a checker or interactor that decides about its outputs did not come with it: nothing can judge it."""
        custom = self.checker.type == "custom" and self.checker.program is None
        return custom or (self.interactive and self.interactor is None)

    def checker_for(self, test: IoTest) -> Checker:
        """Return the checker of a test: its own, else that of the nearest group that has one, else the problem's.

        A custom one without a program runs the problem's program with its own arguments.
        """
        own = test.checker
        name = test.group
        while own is None:
            group = next((group for group in self.groups if group.name == name), None)
            own = group.checker if group is not None else None
            if not name:
                break
            name = name.rpartition("/")[0]
        if own is None:
            return self.checker
        if own.type != "custom" or own.program is not None or self.checker.type != "custom":
            return own
        update = {"arguments": own.arguments, "keywords": own.keywords}
        return self.checker.model_copy(update=update)

    def files_for(self, language: str) -> dict[str, str]:
        """Return the files that are built with a submission in `language`, by name."""
        return self.included_files.get(language, self.included_files.get("default", {}))

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> Problem:
        if self.kind in CALLED and self.function is None:
            raise ValueError(f"kind {self.kind.value!r} needs the field 'function' with the function's name")
        wanted = _TESTS_OF.get(self.kind, ())
        for test in (*self.public_tests, *self.hidden_tests):
            if test.type not in wanted:
                raise ValueError(
                    f"test {test.name!r} has type {test.type!r}, which kind {self.kind.value!r} does not take"
                )
        if self.kind is ProblemKind.GRID:
            self._tests_are_grids()
        return self

    def _tests_are_grids(self) -> None:
        for test in (*self.public_tests, *self.hidden_tests):
            if not isinstance(test, CallTest):
                continue
            if test.keywords or len(test.arguments) != 1 or as_grid(test.arguments[0]) is None:
                raise ValueError(f"test {test.name!r} has another argument than one grid")
            unknown = test.expected is None and test in self.hidden_tests
            if not unknown and as_grid(test.expected) is None:
                raise ValueError(f"test {test.name!r} expects no grid")

    @property
    def test_inputs(self) -> tuple[JsonValue, ...]:
        """Inputs of kind `grid` whose outputs are asked for, which may be shown; their outputs may not."""
        if self.kind is not ProblemKind.GRID:
            return ()
        return tuple(test.arguments[0] for test in self.hidden_tests if isinstance(test, CallTest))
