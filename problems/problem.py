"""What is solved: the one shape into which every reader turns its format."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProblemKind(StrEnum):
    """What can check an answer."""

    STDIO = "stdio"
    """A program reads standard input and writes standard output."""
    FUNCTION = "function"
    """A function is called and its results are compared, or test code calls it."""
    MATH = "math"
    """A final answer is compared with the gold answer."""
    GRID = "grid"
    """A program turns grids into grids (ARC); has its place, no reader yet."""
    OPTIMIZE = "optimize"
    """An evaluator scores a program; has its place, no reader yet."""


class Verdict(StrEnum):
    """The judge's word on one test, or on all tests of a program (the first that is not AC). A closed set."""

    AC = "AC"
    """accepted"""
    WA = "WA"
    """wrong answer"""
    TLE = "TLE"
    """time limit exceeded (CPU time, or the wall-clock backstop)"""
    MLE = "MLE"
    """memory limit exceeded"""
    OLE = "OLE"
    """output limit exceeded"""
    RE = "RE"
    """run-time error: non-zero exit or signal"""
    CE = "CE"
    """compile error"""
    IE = "IE"
    """the judge's own fault; never counted against the program"""


class Limits(_Frozen):
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


class IoTest(_Frozen):
    """Input and expected output of a program (kind `stdio`)."""

    type: Literal["io"] = "io"
    name: str
    stdin: str
    expected: str


class CallTest(_Frozen):
    """One call of the function and the value that it must return (kind `function`); values are JSON."""

    type: Literal["call"] = "call"
    name: str
    arguments: tuple[JsonValue, ...] = ()
    keywords: dict[str, JsonValue] = Field(default_factory=dict)
    expected: JsonValue = None


class CodeTest(_Frozen):
    """Python test code that raises when the function is wrong (kind `function`), as HumanEval and MBPP have it.

    The code sees the solution's module-level names, and the function also under the name `candidate`.
    """

    type: Literal["code"] = "code"
    name: str
    code: str


TestCase = Annotated[IoTest | CallTest | CodeTest, Field(discriminator="type")]


class FunctionSpec(_Frozen):
    """The function that kind `function` asks for."""

    name: str
    starter_code: str = ""
    """Python text that the solution continues or repeats: imports, helpers, signature, docstring."""


class Solution(_Frozen):
    """A program that comes with a problem, and what it must get."""

    language: str
    source: str
    name: str = ""
    expected: Verdict = Verdict.AC


class Checker(_Frozen):
    """How an output is compared with the expected one.

    `tokens`: white-space separated tokens (ICPC default). `lines`: line by line without trailing space.
    `exact`: byte by byte. `unordered`: the lines in any order. `custom`: a program that comes with the problem decides.
    With a tolerance, tokens that are numbers are accepted if either the absolute or the relative error fits.
    """

    type: Literal["tokens", "lines", "exact", "unordered", "custom"] = "tokens"
    case_sensitive: bool = False
    space_sensitive: bool = False
    absolute_tolerance: float | None = Field(default=None, ge=0)
    relative_tolerance: float | None = Field(default=None, ge=0)
    program: Solution | None = None
    """`custom`: ICPC output validator (arguments: input, answer, feedback directory; exit 42 accept, 43 reject)."""
    files: dict[str, str] = Field(default_factory=dict)
    """`custom`: further source files beside the program (headers), by name."""
    arguments: tuple[str, ...] = ()


class Problem(_Frozen):
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
    """The judge talks with the program; not judged yet, reported as such."""
    tags: tuple[str, ...] = ()
    source: str = ""
    """Where it was read from: file, or file:row."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> Problem:
        if self.kind is ProblemKind.FUNCTION and self.function is None:
            raise ValueError("kind 'function' needs the field 'function' with the function's name")
        wanted = {ProblemKind.STDIO: ("io",), ProblemKind.FUNCTION: ("call", "code")}.get(self.kind, ())
        for test in (*self.public_tests, *self.hidden_tests):
            if test.type not in wanted:
                raise ValueError(
                    f"test {test.name!r} has type {test.type!r}, which kind {self.kind.value!r} does not take"
                )
        return self
