"""Tasks of the Abstraction and Reasoning Corpus: `train` and `test`, lists of `input` and `output` (https://github.com/fchollet/ARC-AGI).

One task a file, as the repository has it (its id is the file's name), or one a row with `id` or `task_id`. Train pairs
become public tests; test inputs are shown, and their outputs, where they are known, are the hidden tests' and grade.
"""

from __future__ import annotations

from pydantic import JsonValue

from solvent.problems.grids import ENTRY_POINT, as_grid
from solvent.problems.problem import CallTest, FunctionSpec, Limits, Problem, ProblemKind
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.place import Place, Row, build

_KNOWN = frozenset({"id", "task_id", "train", "test", "split"})
STATEMENT = (
    "Each pair shows an input grid and the output grid that one rule makes of it. Find the rule, and write a function "
    "that applies it to any such input. A grid is a list of rows of whole numbers from 0 to 9, the colours of its "
    "cells; 0 is the background in most tasks."
)
LIMITS = Limits(cpu_time_s=2.0, memory_mb=256)


def _matches(row: Row) -> bool:
    return isinstance(row.get("train"), list) and isinstance(row.get("test"), list) and "statement" not in row


def _read(row: Row, place: Place) -> Problem:
    name = row.get("id", row.get("task_id"))
    problem_id = str(name) if isinstance(name, str | int) and str(name) else place.default_id
    split = row.get("split")
    return build(
        place,
        {
            "id": problem_id,
            "kind": ProblemKind.GRID,
            "statement": STATEMENT,
            "limits": LIMITS,
            "function": FunctionSpec(name=ENTRY_POINT),
            "public_tests": tuple(_pairs(row["train"], "train", place)),
            "hidden_tests": tuple(_pairs(row["test"], "test", place)),
            "languages": ("python",),
            "tags": ("arc", split) if isinstance(split, str) and split else ("arc",),
            "source": place.source,
            "metadata": {"format": "arc", **{key: value for key, value in row.items() if key not in _KNOWN}},
        },
    )


def _pairs(pairs: JsonValue, field: str, place: Place) -> list[CallTest]:
    if not isinstance(pairs, list) or not pairs:
        raise place.error("has no pair", field=field)
    tests = []
    for number, pair in enumerate(pairs):
        if not isinstance(pair, dict):
            raise place.error("must be an object with input and output", field=f"{field}.{number}")
        sides: dict[str, JsonValue] = {}
        for side in ("input", "output"):
            if side == "output" and field == "test" and pair.get(side) is None:
                sides[side] = None
                continue
            grid = as_grid(pair.get(side))
            if grid is None:
                raise place.error(
                    "is no grid: 1 to 30 rows of equal length, of whole numbers from 0 to 9",
                    field=f"{field}.{number}.{side}",
                )
            sides[side] = [list(line) for line in grid]
        tests.append(CallTest(name=f"{field} {number + 1}", arguments=(sides["input"],), expected=sides["output"]))
    return tests


ROW_FORMAT = RowFormat("ARC", "train, test", _matches, _read, order=20)
