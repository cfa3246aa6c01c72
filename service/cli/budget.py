"""Budgets as people type them: `tokens=20000,time=90s,calls=50`."""

from __future__ import annotations

import re
from typing import Any

import click
from pydantic import ValidationError

from solvent.usage import Budget

_FIELDS = {
    "tokens": "tokens",
    "completion": "completion_tokens",
    "calls": "model_calls",
    "trajectories": "trajectories",
    "sandbox": "sandbox_cpu_s",
    "time": "deadline_s",
    "cost": "cost",
}
_DURATIONS = {"time", "sandbox"}
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000}
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_budget(text: str) -> Budget:
    """Return the budget that `text` writes down.

    Counts take k and m (`tokens=20k`), durations take s, m and h (`time=10m`, plain numbers are seconds).

    Raises:
        click.BadParameter: an unknown name, a repeated name or a value that is no amount.
    """
    amounts: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, separator, value = (piece.strip() for piece in part.partition("="))
        if name not in _FIELDS or not separator:
            raise click.BadParameter(f"{part!r} is not NAME=AMOUNT with NAME one of {', '.join(_FIELDS)}")
        if _FIELDS[name] in amounts:
            raise click.BadParameter(f"{name!r} is given twice")
        amounts[_FIELDS[name]] = _duration(part, value) if name in _DURATIONS else _amount(part, value)
    try:
        return Budget(**amounts)
    except ValidationError as error:
        first = error.errors()[0]
        raise click.BadParameter(f"{first['loc'][0]}: {first['msg']}") from error


def _amount(part: str, value: str) -> float | int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kKmM]?)", value)
    if not match:
        raise click.BadParameter(f"{part!r}: {value!r} is no amount (for example 500, 20k, 1.5m)")
    number = float(match[1]) * _SCALES[match[2].lower()]
    return int(number) if number == int(number) else number


def _duration(part: str, value: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value)
    if not match:
        raise click.BadParameter(f"{part!r}: {value!r} is no duration (for example 90, 90s, 10m, 2h)")
    return float(match[1]) * _UNITS_S[match[2] or "s"]


class BudgetType(click.ParamType[Budget]):
    """Click type of `--budget`."""

    name = "budget"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        """Parse; see `parse_budget`."""
        return value if isinstance(value, Budget) else parse_budget(str(value))


BUDGET_HELP = (
    "Hard caps, NAME=AMOUNT with commas: tokens, completion (tokens), calls, trajectories, time, sandbox (CPU time), "
    "cost. For example tokens=20k,time=90s."
)
