"""Whether a submission that comes with a problem got what it must get. Pure.

The rules are those of Kattis' problemtools for folders of submissions, and of `submissions.yaml` of the 2025-09 format.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache

from solvent.problems.problem import Expectation, Problem, Solution, TestCase, TimeRule, Verdict
from solvent.sandbox.grouping import Outcome, Scheme
from solvent.sandbox.judgement import Judgement, TestResult

_ROUNDING = 1e-6


def time_limit(rule: TimeRule, slowest_s: float) -> float:
    """Return the time limit in seconds that follows from the slowest time of the solutions that must fit."""
    steps = math.ceil(slowest_s * rule.to_limit / rule.resolution_s - _ROUNDING)
    return max(1, steps) * rule.resolution_s


def at_limit(problem: Problem, tests: Sequence[TestCase], judgement: Judgement, limit_s: float) -> Judgement:
    """Return what a judgement under a wider time limit would have been under `limit_s`.

    Tests that took longer become TLE; in a problem without scores, later ones are taken as they are.
    """
    if all(test.cpu_s <= limit_s for test in judgement.tests):
        return judgement
    late = [_late(test, limit_s) if test.cpu_s > limit_s else test for test in judgement.tests]
    update: dict[str, object] = {"tests": tuple(late)}
    failed = next((test for test in late if test.verdict is not Verdict.AC), None)
    if judgement.groups or judgement.score is not None:
        index = {test.name: number for number, test in enumerate(tests)}
        outcomes = {index[test.name]: Outcome(test.verdict, test.score) for test in late}
        grade = Scheme(problem, tests).grade(outcomes)
        failed = next((test for test in late if test.verdict is grade.verdict), failed)
        update |= {"verdict": grade.verdict, "score": grade.score, "groups": grade.groups}
    elif failed is not None:
        update["verdict"] = failed.verdict
    if failed is not None:
        update["message"] = failed.message
    return judgement.model_copy(update=update)


def _late(test: TestResult, limit_s: float) -> TestResult:
    if test.verdict in (Verdict.IE, Verdict.TLE):
        return test
    message = f"used {test.cpu_s:.2f} s of CPU time, of {limit_s:g} s"
    return test.model_copy(update={"verdict": Verdict.TLE, "message": message, "score": None})


def complaints(problem: Problem, solution: Solution, judgement: Judgement) -> list[str]:
    """Return what is not as it must be, one sentence each; nothing if all is."""
    allowed = solution.allowed_verdicts
    if judgement.verdict not in allowed:
        wanted = " or ".join(verdict.value for verdict in allowed)
        message = judgement.message.strip().split("\n", 1)[0]
        said = f"got {judgement.verdict.value}, must get {wanted}"
        return [f"{said}: {message}" if message else said]
    found = _score_complaints(problem, solution, judgement)
    for expectation in solution.expectations:
        found += _rule_complaints(problem, expectation, judgement)
    return found


def _score_complaints(problem: Problem, solution: Solution, judgement: Judgement) -> list[str]:
    score = judgement.score
    if not problem.scoring or score is None:
        return []
    if solution.score is not None:
        least, greatest = solution.score
        if least - _ROUNDING <= score <= greatest + _ROUNDING:
            return []
        return [f"got the score {score:g}, must get {_range(solution.score)}"]
    best = _best(judgement)
    if best is None or problem.objective == "min" or solution.allowed_verdicts != (Verdict.AC,):
        return []
    if solution.partial:
        return [f"got the full score {score:g}, must get only a part"] if score >= best - _ROUNDING else []
    return [] if score >= best - _ROUNDING else [f"got the score {score:g}, must get the full score {best:g}"]


def _best(judgement: Judgement) -> float | None:
    best = {group.name: group.max_score for group in judgement.groups}
    return best.get("") if best.get("") is not None else best.get("secret")


def _rule_complaints(problem: Problem, rule: Expectation, judgement: Judgement) -> list[str]:
    tests = [test for test in judgement.tests if covers(rule.tests, test.name)]
    where = f" on {rule.tests}" if rule.tests else ""
    found = []
    odd = next((test for test in tests if rule.permitted and test.verdict not in rule.permitted), None)
    if odd is not None:
        found.append(f"got {odd.verdict.value} on {odd.name}, permitted{where}: {_names(rule.permitted)}")
    if rule.required and not any(test.verdict in rule.required for test in tests):
        found.append(f"got none of {_names(rule.required)}{where}, which is required")
    if rule.message and not any(rule.message in test.judge_message for test in tests):
        found.append(f"no judge's message{where} holds {rule.message[:60]!r}")
    if rule.score is not None and problem.scoring:
        scores = [group.score for group in judgement.groups if group.name == rule.tests]
        if not rule.tests:
            scores = [judgement.score]
        least, greatest = rule.score
        for score in scores:
            if score is None or not least - _ROUNDING <= score <= greatest + _ROUNDING:
                got = "none" if score is None else f"{score:g}"
                found.append(f"got the score {got}{where}, must get {_range(rule.score)}")
    return found


def _names(verdicts: Sequence[Verdict]) -> str:
    return ", ".join(verdict.value for verdict in verdicts)


def _range(score: tuple[float, float]) -> str:
    return f"{score[0]:g}" if score[0] == score[1] else f"{score[0]:g} to {score[1]:g}"


def covers(pattern: str, name: str) -> bool:
    """Return whether a pattern names a test or one of the groups that it lies in.

    `*` stands for any characters but `/`, `{a,b}` for one of the words; the empty pattern covers all.
    """
    if not pattern:
        return True
    parts = name.split("/")
    paths = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(_expression(pattern).fullmatch(path) for path in paths)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    out = []
    depth = 0
    for character in pattern.strip("/"):
        match character:
            case "*":
                out.append("[^/]*")
            case "{":
                depth += 1
                out.append("(?:")
            case "}" if depth:
                depth -= 1
                out.append(")")
            case "," if depth:
                out.append("|")
            case _:
                out.append(re.escape(character))
    return re.compile("".join(out) + ")" * depth)
