"""Runs the submissions that come with a problem and checks that each gets what it must get."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from solvent.errors import ConfigError, SolventError
from solvent.problems.problem import Problem, ProblemKind, Solution, Verdict
from solvent.sandbox.base import Sandbox
from solvent.sandbox.expectations import at_limit, complaints, time_limit
from solvent.sandbox.judge import judge
from solvent.sandbox.judgement import Judgement
from solvent.sandbox.languages import find_language
from solvent.sandbox.setters import program_of

UNKNOWN_LIMIT_S = 60.0
"""For solutions that must fit, where the time limit follows from their times."""
AT_ONCE_PER_SLOT = 2
_PYPY = "pypy"


@dataclass(frozen=True)
class Checked:
    """A submission and what became of it."""

    solution: Solution
    judgement: Judgement | None = None
    """Under the time limit of the problem; None: it was not judged, `exception` says why."""
    complaints: tuple[str, ...] = ()
    exception: str = ""
    """Why it was not judged, or why another verdict is no complaint."""
    note: str = ""
    """What is worth knowing, and no complaint."""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to complain about."""
        return not self.complaints

    def to_dict(self) -> dict[str, JsonValue]:
        """Return it as JSON values, without the source."""
        judgement = self.judgement
        return {
            "name": self.solution.name,
            "language": self.solution.language,
            "expected": [verdict.value for verdict in self.solution.allowed_verdicts],
            "verdict": judgement.verdict.value if judgement else None,
            "score": judgement.score if judgement else None,
            "slowest_s": round(judgement.slowest_s, 4) if judgement else None,
            "tests": len(judgement.tests) if judgement else 0,
            "message": judgement.message if judgement else "",
            "ok": self.ok,
            "complaints": list(self.complaints),
            "exception": self.exception,
            "note": self.note,
        }


@dataclass
class Report:
    """What came of all submissions of a problem."""

    problem: Problem
    limit_s: float
    """The time limit in force."""
    limit_found: bool = False
    """It follows from the times of the solutions, since the package states none."""
    rows: list[Checked] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Of the problem as a whole."""
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every submission that was judged got what it must get."""
        return not self.complaints and all(row.ok for row in self.rows)

    def to_dict(self) -> dict[str, JsonValue]:
        """Return it as JSON values."""
        return {
            "problem_id": self.problem.id,
            "source": self.problem.source,
            "time_limit_s": self.limit_s,
            "time_limit_found": self.limit_found,
            "ok": self.ok,
            "complaints": list(self.complaints),
            "notes": list(self.notes),
            "submissions": [row.to_dict() for row in self.rows],
        }


OnChecked = Callable[[Problem, Checked], None]


async def verify(
    sandbox: Sandbox,
    problem: Problem,
    *,
    margin: bool = True,
    time_scale: float = 1.0,
    on_checked: OnChecked | None = None,
    job: str = "",
) -> Report:
    """Judge every submission of a problem, and check each against what it must get.

    Where the package states no time limit it follows from the solutions that must fit (problem.time_rule). Submissions
    whose language is not there are exceptions and no complaints; so are those that pass though they must not, where
    the package lacks some of its tests.

    Args:
        sandbox: a started sandbox.
        problem: with its solutions.
        margin: run the others under the wider limit that `time_rule.from_limit` asks for, and note those whose verdict
            hangs on the time limit.
        time_scale: every time limit is multiplied by it, above 0: how much slower this machine is than the one that
            the limits were made for.
        on_checked: called after each, in the order in which they end.
        job: who asks.

    Raises:
        ConfigError: `time_scale` is not above 0.
        SandboxUnavailable: no sandbox can run here.
    """
    if not 0 < time_scale < math.inf:
        raise ConfigError(f"time_scale must be above 0, not {time_scale:g}")
    report = Report(problem, problem.limits.cpu_time_s * time_scale)
    unfit = _unfit(problem)
    if unfit:
        report.notes.append(unfit)
        report.rows = [Checked(solution, exception=unfit) for solution in problem.solutions]
        return report
    verifying = _Verifying(sandbox, problem, report, on_checked, job)
    fitting = [number for number, one in enumerate(problem.solutions) if _bounds_below(one)]
    rest = [number for number in range(len(problem.solutions)) if number not in set(fitting)]
    rule = problem.time_rule
    if time_scale != 1.0:
        report.notes.append(f"time limits are {time_scale:g} times those of the package")
    if rule.limit_given:
        await verifying.check(fitting, report.limit_s)
        slowest_s = verifying.slowest_s(fitting)
        if slowest_s * rule.to_limit > report.limit_s:
            report.notes.append(
                f"the time limit of {report.limit_s:g} s is tight here: the slowest solution that must fit needs "
                f"{slowest_s:.2f} s, and {rule.to_limit:g} times that was meant"
            )
    else:
        await verifying.check(fitting, max(UNKNOWN_LIMIT_S * time_scale, report.limit_s))
        if verifying.slowest_s(fitting):
            report.limit_found = True
            report.limit_s = time_limit(rule, verifying.slowest_s(fitting)) * time_scale
        else:
            report.notes.append(f"no solution tells the time limit: {report.limit_s:g} s is taken")
    await verifying.check(rest, report.limit_s * (rule.from_limit if margin else 1.0))
    report.rows = [verifying.rows[number] for number in sorted(verifying.rows)]
    if not any(solution.allowed_verdicts == (Verdict.AC,) for solution in problem.solutions):
        report.notes.append("no submission is meant to be accepted")
    return report


def _unfit(problem: Problem) -> str:
    """Return why nothing can be judged, if so."""
    if problem.kind not in (ProblemKind.STDIO, ProblemKind.FUNCTION):
        return f"problems of kind {problem.kind.value!r} have no tests to run"
    if not problem.public_tests and not problem.hidden_tests:
        return "the package has no tests"
    if problem.interactive and problem.interactor is None:
        return "the interactor is not in the package"
    if not problem.interactive and problem.checker.type == "custom" and problem.checker.program is None:
        return "the output validator is not in the package"
    return ""


def _bounds_below(solution: Solution) -> bool:
    return solution.time_limit_use == "lower" or (
        solution.time_limit_use is None and solution.allowed_verdicts == (Verdict.AC,) and not solution.partial
    )


class _Verifying:
    def __init__(
        self, sandbox: Sandbox, problem: Problem, report: Report, on_checked: OnChecked | None, job: str
    ) -> None:
        self._sandbox = sandbox
        self._problem = problem
        self._report = report
        self._on_checked = on_checked
        self._job = job
        self._tests = (*problem.public_tests, *problem.hidden_tests)
        self._lacks_tests = bool(problem.metadata.get("omitted_tests"))
        self.rows: dict[int, Checked] = {}

    async def check(self, numbers: Sequence[int], limit_s: float) -> None:
        """Judge some of the solutions, each under `limit_s`, and look at what they got under the problem's limit."""
        waiting = asyncio.Semaphore(AT_ONCE_PER_SLOT * self._sandbox.slots)
        limits = self._problem.limits.model_copy(update={"cpu_time_s": min(limit_s, 600.0), "wall_time_s": None})
        problem = self._problem.model_copy(update={"limits": limits})

        async def one(number: int) -> None:
            async with waiting:
                row = await self._checked(problem, self._problem.solutions[number])
            self.rows[number] = row
            if self._on_checked is not None:
                self._on_checked(self._problem, row)

        try:
            async with asyncio.TaskGroup() as group:
                for number in numbers:
                    group.create_task(one(number))
        except* SolventError as errors:
            raise errors.exceptions[0] from None

    def slowest_s(self, numbers: Sequence[int]) -> float:
        """Return the CPU seconds of the slowest run of some of the solutions."""
        judgements = [self.rows[number].judgement for number in numbers]
        return max((one.slowest_s for one in judgements if one is not None), default=0.0)

    async def _checked(self, problem: Problem, solution: Solution) -> Checked:
        try:
            find_language(solution.language)
            row = await self._judged(problem, solution)
            if row.complaints and _is_for_pypy(self._problem, row):
                row = await self._with_pypy(problem, row)
        except ConfigError as error:
            return Checked(solution, exception=error.message)
        return row

    async def _with_pypy(self, problem: Problem, row: Checked) -> Checked:
        """Judge a Python program again as Kattis runs it."""
        try:
            again = await self._judged(problem, row.solution.model_copy(update={"language": _PYPY}))
        except ConfigError:
            why = f"{row.complaints[0]}; Kattis runs it with PyPy, which is not installed here"
            return replace(row, complaints=(), exception=why)
        if again.complaints:
            return row
        return replace(again, note="; ".join(filter(None, ["with PyPy, as Kattis runs it", again.note])))

    async def _judged(self, problem: Problem, solution: Solution) -> Checked:
        every = problem.scoring or bool(solution.expectations)
        program = program_of(solution, {})
        judgement = await judge(self._sandbox, problem, program, self._tests, stop_on_failure=not every, job=self._job)
        nominal = judgement
        if self._problem.time_rule.limit_given or not _bounds_below(solution):
            nominal = at_limit(self._problem, self._tests, judgement, self._report.limit_s)
        found = complaints(self._problem, solution, nominal)
        note = ""
        if nominal.verdict is not judgement.verdict:
            limit_s = problem.limits.cpu_time_s
            note = f"hangs on the time limit: {judgement.verdict.value} with {limit_s:g} s"
        if found and nominal.verdict is Verdict.AC and self._lacks_tests:
            return Checked(solution, nominal, exception=f"the package lacks some of its tests ({found[0]})", note=note)
        return Checked(solution, nominal, tuple(found), note=note)


def _is_for_pypy(problem: Problem, row: Checked) -> bool:
    """Return whether a Python program is too slow, and the package's times are those of PyPy.

    Kattis' problemtools and Kattis itself run `.py` with PyPy (config/languages.yaml).
    """
    return (
        problem.metadata.get("format") == "package"
        and row.solution.language == "python"
        and row.judgement is not None
        and row.judgement.verdict is Verdict.TLE
    )
