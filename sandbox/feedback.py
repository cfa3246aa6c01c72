"""What a checker or interactor says, from how it ended and the files that it left. Pure.

ICPC output validators: https://icpc.io/problem-package-format/spec/2025-09.html#output-validator. Checkers and
interactors with testlib: exit codes of testlib.h. Python checkers: the answer of checkers/python_driver.py.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from solvent.problems.problem import Verdict
from solvent.sandbox.base import RunResult, RunStatus

FEEDBACK = "feedback/"
MESSAGE_BYTES = 128 << 10
FEEDBACK_FILES: Mapping[str, int] = {
    f"{FEEDBACK}judgemessage.txt": MESSAGE_BYTES,
    f"{FEEDBACK}teammessage.txt": MESSAGE_BYTES,
    f"{FEEDBACK}score.txt": 4096,
    f"{FEEDBACK}score_multiplier.txt": 4096,
}
"""Files that an output validator may leave, with the most bytes that are read of each."""
NEXT_INPUT = f"{FEEDBACK}nextpass.in"
_ACCEPT, _REJECT = 42, 43
_SHOWN = 500

_TESTLIB_WRONG = {1: "wrong answer", 2: "wrong output format", 4: "unexpected end of file", 5: "wrong output format"}
_TESTLIB_WRONG[8] = "unexpected end of file"
_TESTLIB_FAIL, _TESTLIB_POINTS = 3, 7
_TESTLIB_PARTLY = range(16, 117)
_POINTS = re.compile(r"\s*(?:points|partial)\s+([-+0-9.eE]+)(?:/([0-9.]+))?")
"""`points X` of testlib, `partial X/Y` of checkers for the DMOJ judge."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker came to on one output; IE where it failed itself."""

    verdict: Verdict
    message: str = ""
    """One short line; empty if accepted."""
    score: float | None = None
    """Points that it gave."""
    share: float | None = None
    """Share of the test's points that it gave, 0 to 1."""
    judge_message: str = ""
    team_message: str = ""
    next_input: bytes | None = None
    """The program is to be run again on this."""
    state: Mapping[str, bytes] = field(default_factory=dict)
    """Files of the feedback directory, by path, for the next pass."""
    cpu_s: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether it is AC."""
        return self.verdict is Verdict.AC


def failed(what: str, run: RunResult, said: str = "") -> Checked:
    """Return IE: the problem's own program failed."""
    how = run.fault or f"{run.status.value}, exit code {run.exit_code}, signal {run.signal}"
    return Checked(Verdict.IE, f"the problem's {what} failed ({how})" + (f": {said}" if said else ""), cpu_s=run.cpu_s)


def from_validator(run: RunResult, *, scoring: bool, sample: bool = False, what: str = "output validator") -> Checked:
    """Return what an ICPC output validator says.

    Args:
        run: its run; `files` by their paths, those of the feedback directory below `feedback/`.
        scoring: whether it may give a score.
        sample: it ran on a sample, where a score is passed over.
        what: its name in messages.
    """
    judge_message = _text(run.files.get(f"{FEEDBACK}judgemessage.txt"))
    team_message = _text(run.files.get(f"{FEEDBACK}teammessage.txt"))
    said = _line(judge_message) or _line(_text(run.stdout) + " " + _text(run.stderr))
    if run.exit_code not in (_ACCEPT, _REJECT):
        return replace(failed(what, run, said), judge_message=judge_message, team_message=team_message)
    checked = Checked(Verdict.AC, judge_message=judge_message, team_message=team_message, cpu_s=run.cpu_s)
    if run.exit_code == _REJECT:
        message = _line(team_message) or said or f"the {what} rejects it"
        checked = replace(checked, verdict=Verdict.WA, message=message)
    next_input = run.files.get(NEXT_INPUT)
    if next_input is not None:
        if not checked.accepted:
            return _setter(checked, f"the {what} rejects and asks for another pass")
        checked = replace(checked, next_input=next_input)
    score, share = (run.files.get(f"{FEEDBACK}{name}.txt") for name in ("score", "score_multiplier"))
    if sample or (score is None and share is None):
        return checked
    if not checked.accepted:
        return _setter(checked, f"the {what} rejects and gives a score")
    if not scoring:
        return _setter(checked, f"the {what} gives a score, but this is no scoring problem")
    if score is not None and share is not None:
        return _setter(checked, f"the {what} gives both a score and a multiplier")
    number = _number(score if score is not None else share)
    if number is None:
        return _setter(checked, f"the {what}'s score is no number")
    if score is not None:
        return replace(checked, score=number)
    if not 0 <= number <= 1:
        return _setter(checked, f"the {what}'s multiplier {number:g} is not between 0 and 1")
    return replace(checked, share=number)


def from_testlib(run: RunResult, *, scoring: bool, what: str = "checker") -> Checked:
    """Return what a program with testlib says by its exit code; its message is its standard error."""
    said = _text(run.stderr).strip()
    code = run.exit_code
    checked = Checked(Verdict.AC, judge_message=said, cpu_s=run.cpu_s)
    if code == 0 and run.status is RunStatus.OK:
        return checked
    if code in _TESTLIB_WRONG:
        return replace(checked, verdict=Verdict.WA, message=_line(said) or _TESTLIB_WRONG[code])
    if code == _TESTLIB_POINTS:
        found = _POINTS.match(said)
        number = _number(found[1].encode()) if found else None
        whole = _number(found[2].encode()) if found and found[2] else None
        if number is None or whole == 0:
            return _setter(checked, f"the {what} gives points, but says no number: {_line(said)}")
        if whole is not None:
            return _pointed(checked, share=min(1.0, max(0.0, number / whole)), scoring=scoring, said=said)
        return _pointed(checked, score=number, scoring=scoring, said=said)
    if code is not None and code in _TESTLIB_PARTLY:
        return _pointed(checked, share=(code - _TESTLIB_PARTLY.start) / 100, scoring=scoring, said=said)
    if code == _TESTLIB_FAIL:
        return _setter(checked, f"the {what} says that the jury is wrong: {_line(said)}")
    return replace(failed(what, run, _line(said)), judge_message=said)


def _pointed(
    checked: Checked, *, scoring: bool, said: str, score: float | None = None, share: float | None = None
) -> Checked:
    """Return a part of the points: accepted in a scoring problem, else only if it is the whole."""
    amount = score if share is None else share
    if scoring and amount:
        return replace(checked, score=score, share=share, message=_line(said))
    if not scoring and share == 1:
        return checked
    return replace(checked, verdict=Verdict.WA, message=_line(said) or "partly right")


def from_python(run: RunResult, answer: bytes | None, token: str, *, scoring: bool) -> Checked:
    """Return what a Python checker says.

    Args:
        run: of the driver.
        answer: the driver's file, if it left one.
        token: that the answer must hold.
        scoring: whether its points count.
    """
    said = _read_answer(answer)
    if said.get("token") != token:
        return failed("checker", run, _line(_text(run.stderr)[-_SHOWN:]))
    if "error" in said:
        last = str(said["error"]).strip().rpartition("\n")[2]
        checked = Checked(Verdict.IE, f"the problem's checker failed: {last[:_SHOWN]}", cpu_s=run.cpu_s)
        return replace(checked, judge_message=str(said["error"]))
    feedback = str(said.get("feedback", ""))
    checked = Checked(Verdict.AC, judge_message=feedback, team_message=feedback, cpu_s=run.cpu_s)
    if said.get("passed") is not True:
        return replace(checked, verdict=Verdict.WA, message=_line(feedback) or "the checker rejects it")
    points = said.get("points")
    if scoring and isinstance(points, int | float):
        if not math.isfinite(points):
            return _setter(checked, f"the checker's points are no number: {points}")
        return replace(checked, score=float(points))
    return checked


def _read_answer(answer: bytes | None) -> dict[str, Any]:
    try:
        said = json.loads(answer or b"")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _setter(checked: Checked, message: str) -> Checked:
    return replace(checked, verdict=Verdict.IE, message=message, next_input=None)


def _number(text: bytes | None) -> float | None:
    try:
        number = float(text or b"")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", errors="replace")


def _line(text: str) -> str:
    return " ".join(text[: 4 * _SHOWN].split())[:_SHOWN]
