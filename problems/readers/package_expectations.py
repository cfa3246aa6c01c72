"""What the submissions of a package must get: by their folder, by `submissions.yaml`, by annotations in the source."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Expectation, Verdict
from solvent.problems.readers.package_config import mapping
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode, parse_yaml

CRASH = (Verdict.RE, Verdict.MLE, Verdict.OLE)
"""What packages call a run-time error: they know no verdicts for memory and output."""
FAILURES = (Verdict.WA, Verdict.TLE, *CRASH)
FOLDERS: Mapping[str, tuple[Verdict, ...]] = {
    "accepted": (Verdict.AC,),
    "partially_accepted": (Verdict.AC,),
    "slow_accepted": (Verdict.AC, Verdict.TLE),
    "wrong_answer": (Verdict.WA,),
    "time_limit_exceeded": (Verdict.TLE,),
    "run_time_error": CRASH,
    "memory_limit_exceeded": (Verdict.MLE, Verdict.RE),
    "output_limit_exceeded": (Verdict.OLE, Verdict.RE),
    "compile_error": (Verdict.CE,),
    "compiler_error": (Verdict.CE,),
    "no_output": (Verdict.WA,),
    "rejected": FAILURES,
    "brute_force": (Verdict.TLE, *CRASH),
}
"""Folder below `submissions/` and the verdicts of which its programs must get one; the first is the usual one."""

_RULES: Mapping[str, dict[str, JsonValue]] = {
    "accepted": {"permitted": ["AC"]},
    "rejected": {"required": ["RTE", "TLE", "WA"]},
    "wrong_answer": {"permitted": ["AC", "WA"], "required": ["WA"]},
    "time_limit_exceeded": {"permitted": ["AC", "TLE"], "required": ["TLE"]},
    "run_time_error": {"permitted": ["AC", "RTE"], "required": ["RTE"]},
    "brute_force": {"permitted": ["AC", "RTE", "TLE"], "required": ["RTE", "TLE"]},
}
_NAMES: Mapping[str, tuple[Verdict, ...]] = {
    "AC": (Verdict.AC,), "WA": (Verdict.WA,), "TLE": (Verdict.TLE,), "RTE": CRASH,
}  # fmt: skip
_ANNOTATED: Mapping[str, tuple[Verdict, ...]] = {
    "ACCEPTED": (Verdict.AC,), "CORRECT": (Verdict.AC,), "WRONG-ANSWER": (Verdict.WA,), "NO-OUTPUT": (Verdict.WA,),
    "PRESENTATION-ERROR": (Verdict.WA,), "TIMELIMIT": (Verdict.TLE,), "TIME-LIMIT-EXCEEDED": (Verdict.TLE,),
    "RUN-ERROR": CRASH, "RUN-TIME-ERROR": CRASH, "MEMORY-LIMIT": (Verdict.MLE, Verdict.RE),
    "MEMORY-LIMIT-EXCEEDED": (Verdict.MLE, Verdict.RE), "OUTPUT-LIMIT": (Verdict.OLE, Verdict.RE),
    "OUTPUT-LIMIT-EXCEEDED": (Verdict.OLE, Verdict.RE), "COMPILER-ERROR": (Verdict.CE,), "COMPILE-ERROR": (Verdict.CE,),
}  # fmt: skip
_ANNOTATION = re.compile(r"@EXPECTED_RESULTS@[ \t]*:?[ \t]*([A-Za-z_, \t-]+)")
_SCORE = re.compile(r"@EXPECTED_SCORE@[ \t]*:?[ \t]*(-?[0-9]+(?:\.[0-9]+)?)(?:[ \t]+(-?[0-9]+(?:\.[0-9]+)?))?")
_RULE_KEYS = frozenset({"permitted", "required", "score", "message", "use_for_time_limit"})
_PROGRAM_KEYS = frozenset({"language", "entrypoint", "authors", "model_solution"})


@dataclass(frozen=True, slots=True)
class Expected:
    """What one submission must get."""

    verdicts: tuple[Verdict, ...]
    partial: bool = False
    score: tuple[float, float] | None = None
    expectations: tuple[Expectation, ...] = ()
    time_limit_use: Literal["lower", "upper"] | None = None
    language: str = ""
    entry_point: str = ""


class SubmissionRules:
    """The rules of `submissions/submissions.yaml` over the default ones (2025-09 and its drafts).

    Raises:
        DataError: the file is wrong.
    """

    def __init__(self, tree: Tree, names: list[str], place: Place) -> None:
        self._place = Place(f"{place.file}/submissions/submissions.yaml")
        given: dict[str, JsonValue] = {}
        if "submissions/submissions.yaml" in names:
            text = decode(tree.read("submissions/submissions.yaml"), self._place)
            given = mapping(parse_yaml(text, self._place), self._place, None)
        self._rules: dict[str, dict[str, JsonValue]] = {}
        for glob in {**_RULES, **given}:
            own = mapping(given.get(glob), self._place, glob)
            rule = self._rules[glob.rstrip("/")] = {**_RULES.get(glob, {}), **own}
            _matches(glob, "")
            self._collect_all(rule, [], [])

    def expected(self, unit: str) -> Expected | None:
        """Return what the submission `FOLDER/NAME` must get, or None if no rule says anything of it."""
        parts = unit.split("/")
        paths = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        matched = [rule for glob, rule in self._rules.items() if any(_matches(glob, path) for path in paths)]
        if not matched:
            return None
        expectations: list[Expectation] = []
        uses: list[str] = []
        score = None
        language = entry_point = ""
        for rule in matched:
            language = str(rule.get("language") or language)
            entry_point = str(rule.get("entrypoint") or entry_point)
            score = self._score(rule.get("score")) or score
            self._collect_all(rule, expectations, uses)
        return Expected(
            verdicts=_overall(expectations),
            score=score,
            expectations=tuple(expectations),
            time_limit_use="upper" if "upper" in uses else "lower" if "lower" in uses else None,
            language=language,
            entry_point=entry_point,
        )

    def _collect_all(self, rule: Mapping[str, JsonValue], expectations: list[Expectation], uses: list[str]) -> None:
        """Append what a rule says of all tests, and what it says of those that its other keys name."""
        self._collect("", rule, expectations, uses)
        for tests, inner in rule.items():
            if tests not in _RULE_KEYS | _PROGRAM_KEYS:
                self._collect(tests, mapping(inner, self._place, tests), expectations, uses)

    def _collect(
        self, tests: str, rule: Mapping[str, JsonValue], expectations: list[Expectation], uses: list[str]
    ) -> None:
        permitted, required = self._verdicts(rule, "permitted"), self._verdicts(rule, "required")
        score = self._score(rule.get("score"))
        message = str(rule.get("message") or "")
        if permitted or required or score or message:
            expectations.append(
                Expectation(tests=tests, permitted=permitted, required=required, score=score, message=message)
            )
        use = rule.get("use_for_time_limit")
        if use in ("lower", "upper"):
            uses.append(str(use))
        elif use is not False:
            if required == (Verdict.TLE,):
                uses.append("upper")
            elif permitted and Verdict.TLE not in permitted:
                uses.append("lower")

    def _verdicts(self, rule: Mapping[str, JsonValue], key: str) -> tuple[Verdict, ...]:
        value = rule.get(key)
        if value is None:
            return ()
        names = value if isinstance(value, list) else [value]
        if any(str(name) not in _NAMES for name in names):
            raise self._place.error(f"must be a list of {', '.join(_NAMES)}", field=key)
        return tuple(dict.fromkeys(verdict for name in names for verdict in _NAMES[str(name)]))

    def _score(self, value: JsonValue) -> tuple[float, float] | None:
        if value is None:
            return None
        numbers = value if isinstance(value, list) else [value, value]
        if len(numbers) != 2 or any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
            raise self._place.error("must be a number or two numbers", field="score")
        low, high = (float(one) for one in numbers if isinstance(one, int | float))
        return low, high


def by_folder(folder: str) -> Expected | None:
    """Return what the programs of a legacy folder below `submissions/` must get, or None if it is unknown."""
    if folder not in FOLDERS:
        return None
    uses: dict[str, Literal["lower", "upper"]] = {"accepted": "lower", "time_limit_exceeded": "upper"}
    return Expected(FOLDERS[folder], partial=folder == "partially_accepted", time_limit_use=uses.get(folder))


def with_annotations(expected: Expected | None, source: str) -> Expected | None:
    """Return the expectation with what `@EXPECTED_RESULTS@` and `@EXPECTED_SCORE@` in a source say (DOMjudge)."""
    score = None
    if (match := _SCORE.search(source)) is not None:
        low = float(match[1])
        score = (low, float(match[2]) if match[2] else low)
    if (match := _ANNOTATION.search(source)) is not None:
        words = [word.strip().upper().replace("_", "-") for word in match[1].split(",")]
        words = [word for word in words if word in _ANNOTATED]
        verdicts = tuple(dict.fromkeys(verdict for word in words for verdict in _ANNOTATED[word]))
        if verdicts and expected is None:
            expected = Expected(verdicts)
        elif verdicts and expected is not None and set(verdicts) != set(expected.verdicts):
            # What it may get on single tests is the folder's rule, which the annotation takes the place of.
            kept = tuple(one for one in expected.expectations if one.tests)
            expected = replace(expected, verdicts=verdicts, expectations=kept, time_limit_use=None)
    if expected is None or score is None or not all(math.isfinite(value) for value in score):
        return expected
    return replace(expected, score=score)


def _overall(expectations: list[Expectation]) -> tuple[Verdict, ...]:
    """Return the verdicts that a program may get on the whole without breaking a rule over all tests."""
    allowed = list(FAILURES)
    accepted = True
    needed: list[Verdict] = []
    for one in expectations:
        if one.required and Verdict.AC not in one.required:
            accepted = False
            needed.extend(one.required)
        if one.permitted and not one.tests:
            allowed = [verdict for verdict in allowed if verdict in one.permitted]
    ordered = [verdict for verdict in allowed if verdict in needed] + [one for one in allowed if one not in needed]
    return ((Verdict.AC,) if accepted else ()) + tuple(ordered) or (Verdict.AC,)


def _matches(glob: str, path: str) -> bool:
    return any(_pattern(one).fullmatch(path) is not None for one in _braces(glob))


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    if len(glob) > 200 or glob.count("*") > 8:
        raise DataError(f"the pattern {glob[:40]!r} is too long", field="submissions/submissions.yaml")
    wild = {"*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(character, re.escape(character)) for character in glob))


def _braces(glob: str) -> list[str]:
    """Return the patterns that a pattern with `{a,b}` stands for; braces in braces are not taken apart."""
    results = [glob]
    for _ in range(4):
        expanded: list[str] = []
        for one in results:
            match = re.search(r"\{([^{}]*)\}", one)
            if match is None:
                expanded.append(one)
            else:
                expanded.extend(one[: match.start()] + choice + one[match.end() :] for choice in match[1].split(","))
        if expanded == results or len(expanded) > 200:
            return results
        results = expanded
    return results
