"""Reads the rules of a contest from a TOML file; docs/contests.md has the keys."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from solvent.errors import ConfigError
from solvent.workers.batch_plan import Contest, Team

DURATIONS = ("duration", "freeze", "penalty")
"""Keys that take a duration: seconds, or a text such as 90s, 10m, 2h."""
_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh]?)")


def duration_s(value: object) -> float | None:
    """Return a duration in seconds, or None where the value is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(match[1]) * _UNITS_S[match[2]] if match else None


def read_contest(source: str) -> Contest:
    """Return the contest of a file, or, for a duration such as `30m`, one of that length with the usual rules.

    Raises:
        ConfigError: there is no such file, or something in it is wrong; names the file and the key.
    """
    length = duration_s(source)
    if length is not None:
        return _contest({"duration_s": length}, "--contest")
    path = Path(source)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise ConfigError(
            f"cannot read the contest in {source}: {cause}", remedy="give a TOML file, or a duration such as 30m"
        ) from cause
    return _contest(_in_seconds(table, source), source)


def _in_seconds(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in table.items():
        if key not in DURATIONS:
            fields[key] = value
            continue
        seconds = duration_s(value)
        if seconds is None:
            raise ConfigError(f"{source}: {key}: {value!r} is no duration", remedy="for example 90, 90s, 10m, 2h")
        fields[f"{key}_s"] = seconds
    return fields


def _contest(fields: Mapping[str, Any], source: str) -> Contest:
    try:
        return Contest.model_validate(fields)
    except ValidationError as cause:
        wrong = "; ".join(f"{_key(error['loc'])}: {error['msg']}" for error in cause.errors())
        keys = [*(name.removesuffix("_s") for name in Contest.model_fields)]
        raise ConfigError(
            f"{source}: {wrong}", remedy=f"keys: {', '.join(keys)}; of a team: {', '.join(Team.model_fields)}"
        ) from None


def _key(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part).removesuffix("_s") for part in place) or "contest"
