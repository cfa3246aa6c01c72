"""Matrices: rows of integers, changed part by part, and what is counted or summed in them."""

from __future__ import annotations

import random
from typing import Any

from solvent.training.families.composed import ComposedFamily
from solvent.training.families.inputs import Input, integers_of
from solvent.training.families.matrix_parts import LIST, MATRIX, NUMBER, PARTS
from solvent.training.families.parts import Ending, OpenWording, is_list_of_integers, show_list, show_rows
from solvent.training.families.scenes import Scene, typed_chain

_OPEN_WORDINGS = (
    OpenWording(("turn the matrix by a quarter", "rotate the matrix"), (("rotate_right", ""), ("rotate_left", ""))),
    OpenWording(("mirror the matrix", "flip the matrix"), (("flip_across", ""), ("flip_down", ""), ("transpose", ""))),
    OpenWording(
        ("add the same number to every cell", "increase all entries by a fixed number"),
        (("add", 1), ("add", 2), ("add", 3), ("add", 5)),
    ),
    OpenWording(
        ("set some cells to zero", "clear some of the cells"),
        (("zero_odd", ""), ("zero_even", ""), ("zero_above", 3), ("zero_above", 5)),
    ),
    OpenWording(
        ("remove one line from the edge", "cut off one edge"),
        (("drop_top", ""), ("drop_bottom", ""), ("drop_left", ""), ("drop_right", "")),
    ),
    OpenWording(
        ("order every row up or down", "order the cells of each row"), (("sort_rows", ""), ("sort_rows_down", ""))
    ),
    OpenWording(
        ("take one number from each row", "find the right number for every row"),
        (("row_sums", ""), ("row_maxima", ""), ("row_minima", ""), ("even_counts", "")),
    ),
    OpenWording(("read a diagonal", "take one of the diagonals"), (("diagonal", ""), ("anti_diagonal", ""))),
    OpenWording(
        ("put these numbers in some order", "reorder the list"), (("sort", ""), ("sort_down", ""), ("reverse", ""))
    ),
    OpenWording(
        ("{out} one number about them", "{out} what describes the list best"),
        (("sum", ""), ("maximum", ""), ("minimum", ""), ("range", "")),
    ),
    OpenWording(
        ("{out} the sum of some of the cells", "{out} the sum of certain cells"),
        (("trace", ""), ("corners", ""), ("border_sum", ""), ("checkered_sum", "")),
    ),
    OpenWording(
        ("{out} how many cells are special", "{out} the number of remarkable cells"),
        (("count_row_maxima", ""), ("count_column_maxima", ""), ("count_right", ""), ("count_below", "")),
    ),
)


def _draw(rng: random.Random, large: bool) -> tuple[Any, ...]:
    """One argument: a matrix of 2 or 3 rows and columns, or of up to 5 where it is large."""
    low, high = (3, 5) if large else (2, 3)
    height = rng.randint(low, high)
    width = height if rng.random() < 0.4 else rng.randint(low, high)
    least, most = (-20, 40) if large else (-3, 9)
    return ([[rng.randint(least, most) for _ in range(width)] for _ in range(height)],)


def _parse(lines: list[str]) -> tuple[Any, ...]:
    """The matrix of a line "R C" and its R rows; ValueError or IndexError for other texts."""
    height, width = map(int, lines[0].split())
    rows = [integers_of(line) for line in lines[1:]]
    if len(rows) != height or any(len(row) != width for row in rows):
        raise ValueError("not as many rows and columns as announced")
    return (rows,)


def _valid(arguments: tuple[Any, ...]) -> bool:
    """Whether the one argument is a matrix of integers with a row and a column at least."""
    (rows,) = arguments
    return (
        type(rows) is list
        and bool(rows)
        and all(is_list_of_integers(row) for row in rows)
        and len({len(row) for row in rows}) == 1
    )


MATRIX_INPUT = Input(
    ("rows",),
    ("r, c = map(int, input().split())", "rows = [list(map(int, input().split())) for _ in range(r)]"),
    _draw,
    lambda arguments: f"{len(arguments[0])} {len(arguments[0][0])}\n{show_rows(arguments[0])}",
    _parse,
    _valid,
)
"""A line with the size R C and R rows of C integers, rows."""

_CHOOSE, _BODY = typed_chain(PARTS, MATRIX)

MATRICES = ComposedFamily(
    "matrix",
    (
        Scene(
            name="matrix",
            inputs=MATRIX_INPUT,
            stdio_openings=(
                "The first line has R and C, then come R rows of C integers.",
                "Read a matrix: a line with R and C, then R lines with C integers each.",
                "You are given the size R C of a grid of integers on one line, and its R rows on the next lines.",
            ),
            function_openings=(
                "You are given a matrix of integers as a list of rows.",
                "The rows of a matrix of integers are given.",
                "Given a grid of integers as a list of lists, do the following.",
            ),
            endings={
                MATRIX: Ending("rows", ("for row in rows:", "    print(*row)"), show_rows, "the matrix"),
                LIST: Ending("xs", ("print(*xs)",), show_list, "the numbers"),
                NUMBER: Ending("answer", ("print(answer)",), str),
            },
            parts=PARTS,
            choose=_CHOOSE,
            body=_BODY,
            open_wordings=_OPEN_WORDINGS,
        ),
    ),
)
