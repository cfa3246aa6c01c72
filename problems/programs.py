"""The programs that come with a problem: its solutions, and those that decide about an output."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Frozen(BaseModel):
    """Base of what a problem is made of: it does not change, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Expectation(Frozen):
    """What a program must get on some tests, or on all (`submissions.yaml` of ICPC 2025-09)."""

    tests: str = ""
    """Path of a test or of a test group (`secret/subtask1`), or a glob pattern of them; empty: all tests."""
    permitted: tuple[Verdict, ...] = ()
    """Each of the tests must get one of these; empty: any."""
    required: tuple[Verdict, ...] = ()
    """At least one of the tests must get one of these; empty: nothing is asked for."""
    score: tuple[float, float] | None = None
    """Least and greatest score of the tests' group."""
    message: str = ""
    """A text that must stand in the judge's message of at least one of the tests."""


class Solution(Frozen):
    """A program that comes with a problem, and what it must get."""

    language: str
    source: str
    name: str = ""
    expected: Verdict = Verdict.AC
    files: dict[str, str] = Field(default_factory=dict)
    """Further source files beside the main one, by plain file name."""
    file_name: str = ""
    """Name of the main source's file, where it matters (a module that others import); empty: the language's own."""
    entry_point: str = ""
    """Where the program starts, where the package says so (class, file); empty: the language's rule."""
    verdicts: tuple[Verdict, ...] = ()
    """All verdicts that it may get on the whole, `expected` among them; empty: only `expected`."""
    partial: bool = False
    """Accepted, but not with the best score (scoring problems)."""
    score: tuple[float, float] | None = None
    """Least and greatest score that it may get (scoring problems)."""
    expectations: tuple[Expectation, ...] = ()
    """Finer rules, over single tests and groups; they hold beside `verdicts`."""
    time_limit_use: Literal["lower", "upper"] | None = None
    """Whether its times bound the time limit from below (must fit) or from above (must not fit)."""

    @property
    def allowed_verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of which it must get one on the whole."""
        return self.verdicts or (self.expected,)


class Checker(Frozen):
    """How an output is compared with the expected one.

    `tokens`: white-space separated tokens (ICPC default). `lines`: line by line without trailing space.
    `line_tokens`: the tokens of each line; empty lines do not count. `exact`: byte by byte.
    `unordered`: the lines in any order. `unordered_line_tokens`: the same, where the amount of space and empty lines do
    not count. `unordered_tokens`: the tokens in any order.
    `line_count`: the share of right lines is the score. `characters`: the same characters in any order, without space.
    `custom`: a program that comes with the problem decides.
    With a tolerance, tokens that are numbers are accepted if either the absolute or the relative error fits.
    """

    type: Literal[
        "tokens",
        "lines",
        "line_tokens",
        "exact",
        "unordered",
        "unordered_line_tokens",
        "unordered_tokens",
        "line_count",
        "characters",
        "custom",
    ] = "tokens"
    case_sensitive: bool = False
    space_sensitive: bool = False
    absolute_tolerance: float | None = Field(default=None, ge=0)
    relative_tolerance: float | None = Field(default=None, ge=0)
    style: Literal["icpc", "testlib", "python"] = "icpc"
    """`custom`: how the program is called.

    `icpc`: an output validator; arguments: input, answer, feedback directory; the output on standard input; exit 42
    accept, 43 reject. `testlib`: arguments: input, output, answer; exit 0 right, 1 wrong, 2 and 8 badly formed output,
    3 the checker's own failure, 4 unexpected end, 5 dirt, 7 points, 16 to 116 partly right. `python`: a module with
    `check(process_output, judge_output, **kwargs)` as the DMOJ judge calls it.
    """
    program: Solution | None = None
    files: dict[str, str] = Field(default_factory=dict)
    """`custom`: further source files beside the program (headers), by name."""
    arguments: tuple[str, ...] = ()
    call: tuple[str, ...] = ()
    """`custom`: arguments in place of the style's own, with {input}, {output}, {answer}; empty: the style's own."""
    keywords: dict[str, JsonValue] = Field(default_factory=dict)
    """`custom` with style `python`: further keyword arguments of `check`."""


class Interactor(Frozen):
    """The program that talks with the solution; its standard streams are connected with the solution's.

    `icpc`: an output validator (arguments: input, answer, feedback directory; exit 42, 43), which alone decides.
    `testlib`: arguments: input, output file that it writes, answer; its exit code as a testlib checker's; if that is 0
    and the problem's checker is `custom`, the checker decides on what it wrote.
    """

    program: Solution
    files: dict[str, str] = Field(default_factory=dict)
    """Further source files beside it, by name."""
    arguments: tuple[str, ...] = ()
    style: Literal["icpc", "testlib"] = "icpc"
    call: tuple[str, ...] = ()
    """Arguments in place of the style's own, with {input}, {output}, {answer}; empty: the style's own."""
