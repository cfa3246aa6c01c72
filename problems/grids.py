"""Grids of kind `grid` (the Abstraction and Reasoning Corpus): what one is, how attempts are scored. Pure.

Rules of https://github.com/fchollet/ARC-AGI: a grid has 1 to 30 rows and columns of colours 0 to 9, an output is right
if all cells and both sizes are, and a test input may be attempted twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

ATTEMPTS = 2
"""Outputs that count for a test input."""
LARGEST_SIDE = 30
COLOURS = 10
ENTRY_POINT = "transform"
"""Name of the function that a solution defines."""
PLACEHOLDER = ((0, 0), (0, 0))
"""Stands in a submission where there is no attempt, as in the official example of one."""

Grid = tuple[tuple[int, ...], ...]


def as_grid(value: Any) -> Grid | None:
    """Return a value as a grid, or None if it is none: rows of equal length, of whole numbers from 0 to 9."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LARGEST_SIDE:
        return None
    rows = []
    width: int | None = None
    for row in value:
        if not isinstance(row, list | tuple) or not 1 <= len(row) <= LARGEST_SIDE:
            return None
        if width is not None and len(row) != width:
            return None
        width = len(row)
        if any(type(cell) is not int or not 0 <= cell < COLOURS for cell in row):
            return None
        rows.append(tuple(row))
    return tuple(rows)


def grid_text(grid: Grid) -> str:
    """Return a grid as JSON without spaces."""
    return json.dumps(grid, separators=(",", ":"))


def grid_from(text: str | None) -> Grid | None:
    """Return the grid of a JSON text; None where it holds none."""
    if not text:
        return None
    try:
        return as_grid(json.loads(text))
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True)
class GridScore:
    """How many test inputs of a task are right."""

    right: int
    total: int

    @property
    def share(self) -> float:
        """The task's official score."""
        return self.right / self.total if self.total else 0.0


def score_attempts(attempts: Sequence[Sequence[Grid | None]], gold: Sequence[Grid]) -> GridScore:
    """Return how many test inputs have a right output among their first two attempts."""
    right = sum(
        any(attempt is not None and attempt == wanted for attempt in tried[:ATTEMPTS])
        for tried, wanted in zip(attempts, gold, strict=False)
    )
    return GridScore(right, len(gold))


def official_score(shares: Iterable[float]) -> float:
    """Return the mean of the tasks' scores (each the share of its test inputs that are right); 0 without a task."""
    listed = list(shares)
    return sum(listed) / len(listed) if listed else 0.0


def submission_entry(attempts: Sequence[Sequence[Grid | None]], inputs: int) -> list[dict[str, list[list[int]]]]:
    """Return one task of a submission: `attempt_1` and `attempt_2` for each test input.

    A second attempt that is missing repeats the first; where there is none at all, a placeholder stands for it.
    """
    entry = []
    for number in range(inputs):
        tried = [grid for grid in (attempts[number] if number < len(attempts) else ()) if grid is not None]
        first = tried[0] if tried else PLACEHOLDER
        second = tried[1] if len(tried) > 1 else first
        entry.append({"attempt_1": [list(row) for row in first], "attempt_2": [list(row) for row in second]})
    return entry
