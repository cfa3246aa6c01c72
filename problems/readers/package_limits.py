"""Limits of problem packages: `limits` of problem.yaml, time limit files, and the rule where no time limit is given."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Limits, TimeRule
from solvent.problems.readers.package_tree import Tree
from solvent.problems.readers.place import Place
from solvent.problems.readers.text import decode

DEFAULT_CPU_TIME_S = 10.0
"""Packages may leave the limit to be set from the jury's times; a generous one rejects no right program."""
DEFAULT_LIMITS = {"memory": 1024.0, "output": 8.0, "compilation_time": 60.0, "compilation_memory": 1024.0}
DEFAULT_VALIDATION = {"validation_time": 60.0, "validation_memory": 2048.0, "validation_output": 8.0}
LIMIT_KEYS = frozenset({
    "time_multipliers", "time_limit", "time_resolution", "memory", "output", "code", "compilation_time",
    "compilation_memory", "validation_time", "validation_memory", "validation_output", "validation_passes",
})  # fmt: skip
_TIME_FILES = (".timelimit", "timelimit")


def read_limits(
    tree: Tree, names: list[str], given: Mapping[str, JsonValue], place: Place, warnings: list[str], *, legacy: bool
) -> tuple[Limits, TimeRule]:
    """Return the limits of a program, and how its time limit follows from the jury's times.

    Args:
        tree: the package.
        names: its files.
        given: `limits` of problem.yaml.
        place: problem.yaml, for errors.
        warnings: what was assumed is appended.
        legacy: the package is in the legacy format, whose multipliers have other names and defaults.

    Raises:
        DataError: a value is wrong.
    """
    time_s = _positive(given, "time_limit", place)
    if time_s is None:
        time_s = _time_from_file(tree, names, place)
    rule = _time_rule(given, place, limit_given=time_s is not None, legacy=legacy)
    if time_s is None:
        time_s = DEFAULT_CPU_TIME_S
        warnings.append(f"the package states no time limit: {DEFAULT_CPU_TIME_S:g} s taken")
    amounts = {key: _positive(given, key, place) or default for key, default in DEFAULT_LIMITS.items()}
    limits = Limits(
        cpu_time_s=clip("limits.time_limit", time_s, 0.001, 600, warnings),
        memory_mb=int(clip("limits.memory", amounts["memory"], 16, 16384, warnings)),
        output_mb=clip("limits.output", amounts["output"], 0.001, 64, warnings),
        compile_time_s=clip("limits.compilation_time", amounts["compilation_time"], 0.001, 600, warnings),
        compile_memory_mb=int(clip("limits.compilation_memory", amounts["compilation_memory"], 64, 16384, warnings)),
    )
    return limits, rule


def read_validation_limits(given: Mapping[str, JsonValue], place: Place, warnings: list[str]) -> Limits | None:
    """Return the limits of output validators, or None if the package sets none.

    Raises:
        DataError: a value is wrong.
    """
    own = {key: _positive(given, key, place) for key in DEFAULT_VALIDATION}
    if all(value is None for value in own.values()):
        return None
    amounts = {key: own[key] or default for key, default in DEFAULT_VALIDATION.items()}
    return Limits(
        cpu_time_s=clip("limits.validation_time", amounts["validation_time"], 0.001, 600, warnings),
        memory_mb=int(clip("limits.validation_memory", amounts["validation_memory"], 16, 16384, warnings)),
        output_mb=clip("limits.validation_output", amounts["validation_output"], 0.001, 64, warnings),
    )


def read_passes(given: Mapping[str, JsonValue], place: Place) -> int:
    """Return the most passes of a multi-pass problem.

    Raises:
        DataError: it is no whole number from 2 to 100.
    """
    value = given.get("validation_passes")
    if value is None:
        return 2
    if isinstance(value, bool) or not isinstance(value, int) or not 2 <= value <= 100:
        raise place.error("must be a whole number from 2 to 100", field="limits.validation_passes")
    return value


def clip(name: str, value: float, low: float, high: float, warnings: list[str]) -> float:
    """Return the value within our range; that it was outside is appended to `warnings`."""
    clipped = min(max(value, low), high)
    if clipped != value:
        warnings.append(f"{name} {value:g} is out of our range: {clipped:g} taken")
    return clipped


def _time_rule(given: Mapping[str, JsonValue], place: Place, *, limit_given: bool, legacy: bool) -> TimeRule:
    multipliers = given.get("time_multipliers") or {}
    if not isinstance(multipliers, dict):
        raise place.error("must be a mapping", field="limits.time_multipliers")
    values = {**multipliers, **given}
    to_limit = _positive(values, "ac_to_time_limit", place) or _positive(values, "time_multiplier", place)
    from_limit = _positive(values, "time_limit_to_tle", place) or _positive(values, "time_safety_margin", place)
    return TimeRule(
        limit_given=limit_given,
        to_limit=max(1.0, to_limit or (5.0 if legacy else 2.0)),
        from_limit=max(1.0, from_limit or (2.0 if legacy else 1.5)),
        resolution_s=_positive(given, "time_resolution", place) or 1.0,
    )


def _positive(values: Mapping[str, JsonValue], name: str, place: Place) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0 or not math.isfinite(value):
        raise place.error("must be a positive number", field=f"limits.{name}")
    return float(value)


def _time_from_file(tree: Tree, names: list[str], place: Place) -> float | None:
    present = set(names)
    for name in _TIME_FILES:
        if name in present:
            return _seconds(decode(tree.read(name), Place(f"{place.file}/{name}")), name)
    if "domjudge-problem.ini" in present:
        text = decode(tree.read("domjudge-problem.ini"), place)
        match = re.search(r"^\s*timelimit\s*=\s*['\"]?([^'\"\s]+)", text, re.MULTILINE)
        if match:
            return _seconds(match[1], "domjudge-problem.ini")
    return None


def _seconds(text: str, name: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*s?", text.strip())
    if not match or not 0 < float(match[1]) < math.inf:
        raise DataError(f"{text.strip()[:40]!r} is no number of seconds", field=name)
    return float(match[1])
