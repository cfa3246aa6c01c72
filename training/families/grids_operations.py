"""The operations of grid problems: transformations of a small grid of colours, in the manner of ARC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Grid = list[list[int]]


@dataclass(frozen=True)
class GridOperation:
    """One kind of step.

    Attributes:
        code: Lines of Python that assign to the grid `g`, a list of rows; `{a}` and `{b}` mark colours.
        phrases: Imperative wordings without capital or full stop. The first is the shortest, and serves as the plan's
            line and as the concept's text.
        group: Operations of one group share an open wording.
        growth: By how much it multiplies the number of cells, about.
        weight: How often it is drawn, against 1.
    """

    name: str
    code: str
    phrases: tuple[str, ...]
    group: str = ""
    growth: float = 1.0
    weight: float = 1.0

    @property
    def colours(self) -> int:
        """How many colours it names: 0, 1 or 2. A first of two is looked for; all others are painted."""
        return ("{a}" in self.code) + ("{b}" in self.code)

    @property
    def looks_for(self) -> bool:
        """Whether its first colour is one that the grid has before the step."""
        return "== {a}" in self.code

    @cached_property
    def apply(self) -> Callable[[Grid, int, int], Grid]:
        """The step as a function of the grid and its colours."""
        body = "\n".join(f"    {line}" for line in self.code.format(a="a", b="b").split("\n"))
        namespace: dict[str, Any] = {}
        exec(f"def apply(g, a, b):\n{body}\n    return g\n", namespace)  # noqa: S102 - our own table
        return namespace["apply"]  # type: ignore[no-any-return]  # exec leaves no type behind


_TRANSPOSED = "[list(col) for col in zip(*g)]"

OPERATIONS = (
    GridOperation(
        "recolour",
        "g = [[{b} if x == {a} else x for x in row] for row in g]",
        (
            "recolour {a} to {b}",
            "replace every {a} by {b}",
            "turn every {a} into {b}",
            "paint the cells of colour {a} in colour {b}",
        ),
        "recolour",
        weight=3,
    ),
    GridOperation(
        "swap_colours",
        "g = [[{b} if x == {a} else {a} if x == {b} else x for x in row] for row in g]",
        ("swap colours {a} and {b}", "exchange {a} and {b}", "turn every {a} into {b} and every {b} into {a}"),
        "recolour",
        weight=2,
    ),
    GridOperation(
        "remove_colour",
        "g = [[0 if x == {a} else x for x in row] for row in g]",
        ("remove colour {a}", "replace every {a} by 0", "erase the cells of colour {a}"),
        weight=1.5,
    ),
    GridOperation(
        "keep_colour",
        "g = [[x if x == {a} else 0 for x in row] for row in g]",
        ("keep only colour {a}", "set every cell that is not {a} to 0", "erase all colours but {a}"),
        weight=1.5,
    ),
    GridOperation(
        "fill_empty",
        "g = [[x or {a} for x in row] for row in g]",
        ("fill the empty cells with {a}", "replace every 0 by {a}", "paint all cells that are 0 in colour {a}"),
        "fill",
        weight=1.5,
    ),
    GridOperation(
        "paint_all",
        "g = [[{a} if x else 0 for x in row] for row in g]",
        ("paint all colours {a}", "replace every non-zero cell by {a}", "turn every colour but 0 into {a}"),
        "fill",
        weight=1.5,
    ),
    GridOperation(
        "invert",
        "g = [[0 if x else {a} for x in row] for row in g]",
        ("invert with {a}", "replace every 0 by {a} and every other colour by 0"),
        "fill",
    ),
    GridOperation(
        "flip_h",
        "g = [row[::-1] for row in g]",
        ("flip left to right", "mirror the grid from left to right", "reverse every row", "flip the grid horizontally"),
        "turn",
    ),
    GridOperation(
        "flip_v",
        "g = g[::-1]",
        (
            "flip top to bottom",
            "mirror the grid from top to bottom",
            "reverse the order of the rows",
            "flip the grid vertically",
        ),
        "turn",
    ),
    GridOperation(
        "rotate_right",
        "g = [list(col) for col in zip(*g[::-1])]",
        ("rotate right", "rotate the grid by 90 degrees clockwise", "turn the grid a quarter to the right"),
        "turn",
    ),
    GridOperation(
        "rotate_left",
        f"g = {_TRANSPOSED}[::-1]",
        ("rotate left", "rotate the grid by 90 degrees counterclockwise", "turn the grid a quarter to the left"),
        "turn",
    ),
    GridOperation(
        "rotate_half",
        "g = [row[::-1] for row in g[::-1]]",
        ("rotate by half", "rotate the grid by 180 degrees", "turn the grid upside down by rotating it"),
        "turn",
    ),
    GridOperation(
        "transpose",
        f"g = {_TRANSPOSED}",
        ("transpose", "swap rows and columns", "transpose the grid", "mirror the grid at its main diagonal"),
        "turn",
    ),
    GridOperation(
        "crop",
        "rows = [i for i, row in enumerate(g) if any(row)]\n"
        "cols = [j for j, col in enumerate(zip(*g)) if any(col)]\n"
        "g = [row[cols[0]:cols[-1] + 1] for row in g[rows[0]:rows[-1] + 1]]",
        (
            "crop to the non-zero cells",
            "cut out the smallest rectangle that holds all non-zero cells",
            "crop the grid to the bounding box of what is not 0",
        ),
        weight=1.5,
    ),
    GridOperation(
        "drop_rows",
        "g = [row for row in g if any(row)]",
        ("drop the empty rows", "remove all rows that are only 0", "delete every row without a colour"),
        "drop",
    ),
    GridOperation(
        "drop_cols",
        "g = [list(r) for r in zip(*[col for col in zip(*g) if any(col)])]",
        ("drop the empty columns", "remove all columns that are only 0", "delete every column without a colour"),
        "drop",
    ),
    GridOperation(
        "top_half",
        "g = g[:(len(g) + 1) // 2]",
        ("keep the top half", "keep the upper half of the rows, with the middle row", "cut off the lower half"),
        "half",
    ),
    GridOperation(
        "left_half",
        "g = [row[:(len(row) + 1) // 2] for row in g]",
        ("keep the left half", "keep the left half of the columns, with the middle column", "cut off the right half"),
        "half",
    ),
    GridOperation(
        "tile",
        "g = [row * 2 for row in g] * 2",
        ("tile 2 by 2", "repeat the grid twice across and twice down", "put 2 x 2 copies of the grid together"),
        "copy",
        4.0,
    ),
    GridOperation(
        "tile_h",
        "g = [row * 2 for row in g]",
        ("copy to the right", "put a copy of the grid to its right", "repeat every row twice along"),
        "copy",
        2.0,
    ),
    GridOperation(
        "tile_v",
        "g = g * 2",
        ("copy below", "put a copy of the grid below it", "repeat the whole grid once more downwards"),
        "copy",
        2.0,
    ),
    GridOperation(
        "scale",
        "g = [[x for x in row for _ in range(2)] for row in g for _ in range(2)]",
        ("scale up by 2", "make every cell a block of 2 x 2 cells", "enlarge the grid by the factor 2"),
        "copy",
        4.0,
    ),
    GridOperation(
        "mirror_right",
        "g = [row + row[::-1] for row in g]",
        (
            "append the mirror image to the right",
            "put the mirrored grid to its right",
            "continue every row with its reverse",
        ),
        "copy",
        2.0,
    ),
    GridOperation(
        "mirror_down",
        "g = g + g[::-1]",
        ("append the mirror image below", "put the mirrored grid below it", "continue with the rows in reverse order"),
        "copy",
        2.0,
    ),
    GridOperation(
        "fall_left",
        "g = [[x for x in row if x] + [0] * row.count(0) for row in g]",
        ("let the colours fall left", "move all non-zero cells to the left", "gravity pulls the colours to the left"),
        "fall",
    ),
    GridOperation(
        "fall_right",
        "g = [[0] * row.count(0) + [x for x in row if x] for row in g]",
        (
            "let the colours fall right",
            "move all non-zero cells to the right",
            "gravity pulls the colours to the right",
        ),
        "fall",
    ),
    GridOperation(
        "fall_down",
        "cols = [[0] * col.count(0) + [x for x in col if x] for col in zip(*g)]\ng = [list(row) for row in zip(*cols)]",
        ("let the colours fall down", "move all non-zero cells to the bottom", "gravity pulls the colours down"),
        "fall",
        weight=1.5,
    ),
    GridOperation(
        "fall_up",
        "cols = [[x for x in col if x] + [0] * col.count(0) for col in zip(*g)]\ng = [list(row) for row in zip(*cols)]",
        ("let the colours rise", "move all non-zero cells to the top", "gravity pulls the colours up"),
        "fall",
    ),
    GridOperation(
        "fill_enclosed",
        "free = {{(i, j) for i, row in enumerate(g) for j, x in enumerate(row) if x == 0}}\n"
        "todo = [(i, j) for i, j in free if i in (0, len(g) - 1) or j in (0, len(g[0]) - 1)]\n"
        "while todo:\n"
        "    i, j = todo.pop()\n"
        "    free.discard((i, j))\n"
        "    todo += [c for c in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)) if c in free]\n"
        "g = [[{a} if (i, j) in free else x for j, x in enumerate(row)] for i, row in enumerate(g)]",
        (
            "fill the enclosed cells with {a}",
            "paint every 0 that has no way to the edge in colour {a}",
            "fill the holes with {a}",
        ),
        weight=0.7,
    ),
    GridOperation(
        "border",
        "g = [[{a}] + row + [{a}] for row in g]\ng = [[{a}] * len(g[0])] + g + [[{a}] * len(g[0])]",
        ("put a border of {a} around", "surround the grid with a ring of {a}", "add a frame of colour {a} outside"),
        growth=2.6,
        weight=1.5,
    ),
    GridOperation(
        "frame",
        "h, w = len(g), len(g[0])\n"
        "g = [[{a} if i in (0, h - 1) or j in (0, w - 1) else x for j, x in enumerate(row)] "
        "for i, row in enumerate(g)]",
        ("paint the edge {a}", "paint the outermost cells of the grid {a}", "recolour the edge cells to {a}"),
    ),
    GridOperation(
        "outline",
        "near = {{(i + p, j + q) for i, row in enumerate(g) for j, x in enumerate(row) if x "
        "for p, q in ((0, 1), (1, 0), (0, -1), (-1, 0))}}\n"
        "g = [[x or ({a} if (i, j) in near else 0) for j, x in enumerate(row)] for i, row in enumerate(g)]",
        (
            "outline the colours with {a}",
            "paint every 0 beside a non-zero cell in colour {a}",
            "draw an outline of {a} around the coloured cells",
        ),
    ),
    GridOperation(
        "keep_common",
        "cells = [x for row in g for x in row if x]\n"
        "top = max(sorted(set(cells)), key=cells.count)\n"
        "g = [[x if x == top else 0 for x in row] for row in g]",
        (
            "keep only the most common colour",
            "erase all but the most common non-zero colour (the smaller one of equals)",
        ),
        "common",
    ),
    GridOperation(
        "remove_common",
        "cells = [x for row in g for x in row if x]\n"
        "top = max(sorted(set(cells)), key=cells.count)\n"
        "g = [[0 if x == top else x for x in row] for row in g]",
        (
            "remove the most common colour",
            "set the most common non-zero colour (the smaller one of equals) to 0",
        ),
        "common",
    ),
    GridOperation(
        "shift_right",
        "g = [[0] + row[:-1] for row in g]",
        ("shift right", "move the grid one cell to the right and fill with 0", "shift every row right by one cell"),
        "shift",
    ),
    GridOperation(
        "shift_left",
        "g = [row[1:] + [0] for row in g]",
        ("shift left", "move the grid one cell to the left and fill with 0", "shift every row left by one cell"),
        "shift",
    ),
    GridOperation(
        "shift_down",
        "g = [[0] * len(g[0])] + g[:-1]",
        ("shift down", "move the grid one cell down and fill with 0", "shift all rows down by one cell"),
        "shift",
    ),
    GridOperation(
        "shift_up",
        "g = g[1:] + [[0] * len(g[0])]",
        ("shift up", "move the grid one cell up and fill with 0", "shift all rows up by one cell"),
        "shift",
    ),
    GridOperation(
        "roll_right",
        "g = [row[-1:] + row[:-1] for row in g]",
        ("roll right", "move the last column to the front", "shift right by one cell and wrap around"),
        "shift",
    ),
    GridOperation(
        "roll_down",
        "g = g[-1:] + g[:-1]",
        ("roll down", "move the last row to the top", "shift down by one cell and wrap around"),
        "shift",
    ),
    GridOperation(
        "sort_rows",
        "g = [sorted(row) for row in g]",
        ("sort every row", "sort the cells of every row in ascending order"),
    ),
)

OPEN_PHRASES = {
    "recolour": ("change some colours", "replace some colour by another"),
    "fill": ("paint some cells", "paint cells in one colour"),
    "turn": ("turn or flip the grid", "turn the grid round in some way"),
    "drop": ("drop what is empty", "remove the empty lines"),
    "half": ("keep one half", "cut the grid in half"),
    "copy": ("make the grid larger", "enlarge the grid"),
    "fall": ("let the colours fall to one side", "gravity pulls the colours to one side"),
    "common": ("do something about the most common colour",),
    "shift": ("move the grid by one cell", "shift the grid"),
}
