"""Made-up pairs of each transformation: what its tasks look like, without looking at any task."""

from __future__ import annotations

import random
from collections.abc import Callable

from solvent.benchmarks.arc import steps
from solvent.benchmarks.arc.oracle import Parameters, Use
from solvent.benchmarks.arc.steps import Rows
from solvent.problems.problem import CallTest, FunctionSpec, Problem, ProblemKind
from solvent.problems.view import public_view

PAIRS = 3
_TRIES = 60
Draw = Callable[[random.Random], Rows]


def scattered(rng: random.Random) -> Rows:
    """Return single cells of few colours on an empty background."""
    colours = rng.sample(range(1, 10), 3)
    height, width = rng.randint(4, 10), rng.randint(4, 10)
    return [[rng.choice(colours) if rng.random() < 0.25 else 0 for _ in range(width)] for _ in range(height)]


def small(rng: random.Random) -> Rows:
    """Return a small square grid."""
    side, colours = rng.choice((2, 3)), [0, *rng.sample(range(1, 10), 2)]
    return [[rng.choice(colours) for _ in range(side)] for _ in range(side)]


def shapes(rng: random.Random) -> Rows:
    """Return filled and hollow rectangles on an empty background."""
    side = rng.randint(10, 14)
    grid = [[0] * side for _ in range(side)]
    for _ in range(rng.randint(3, 5)):
        colour, hollow = rng.randint(1, 9), rng.random() < 0.5
        high, wide = rng.randint(2, 5), rng.randint(2, 5)
        top, left = rng.randrange(side - high), rng.randrange(side - wide)
        for row in range(top, top + high):
            for column in range(left, left + wide):
                edge = row in (top, top + high - 1) or column in (left, left + wide - 1)
                grid[row][column] = colour if edge or not hollow else 0
    return grid


def one_colour(rng: random.Random) -> Rows:
    """Return shapes of one colour."""
    colour = rng.randint(1, 9)
    return [[colour if cell else 0 for cell in row] for row in shapes(rng)]


def full(rng: random.Random) -> Rows:
    """Return a grid without background."""
    side, colours = rng.randint(3, 6), rng.sample(range(1, 10), 3)
    return [[rng.choice(colours) for _ in range(side)] for _ in range(side)]


def divided(rng: random.Random) -> Rows:
    """Return two halves of one colour each, side by side, with a line between them."""
    side, line, colours = rng.randint(3, 5), rng.randint(1, 9), rng.sample(range(1, 10), 2)

    def half(colour: int) -> Rows:
        return [[colour if rng.random() < 0.5 else 0 for _ in range(side)] for _ in range(side)]

    first, second = half(colours[0]), half(colours[1])
    return [[*one, line, *other] for one, other in zip(first, second, strict=True)]


def masked_pattern(rng: random.Random) -> Rows:
    """Return a repeating pattern of which some blocks are hidden by background."""
    down, across, side = rng.randint(2, 4), rng.randint(2, 4), rng.randint(10, 14)
    cells = [[rng.randint(1, 9) for _ in range(across)] for _ in range(down)]
    grid = [[cells[row % down][column % across] for column in range(side)] for row in range(side)]
    return _masked(rng, grid)


def masked_symmetry(rng: random.Random) -> Rows:
    """Return a symmetric picture of which some blocks are hidden by background."""
    side = rng.randint(5, 7)
    quarter = [[rng.randint(1, 9) for _ in range(side)] for _ in range(side)]
    top = [row + row[::-1] for row in quarter]
    return _masked(rng, top + top[::-1])


def _masked(rng: random.Random, grid: Rows) -> Rows:
    for _ in range(2):
        top, left = rng.randrange(len(grid) - 3), rng.randrange(len(grid[0]) - 3)
        for row in range(top, top + 3):
            for column in range(left, left + 3):
                grid[row][column] = 0
    return grid


def stripes(rng: random.Random) -> Rows:
    """Return a grid whose rows and columns repeat their neighbours."""
    return steps.scale_up(full(rng), rng.randint(2, 3), rng.randint(2, 3))


_ANY: tuple[Draw, ...] = (scattered, small, full, shapes)
_SOURCES: dict[str, tuple[tuple[Draw, ...], tuple[Parameters, ...]]] = {
    "recolour": ((full, shapes), (({**{n: n for n in range(10)}, **{n: n % 9 + 1 for n in range(1, 10)}},),)),
    "scale_up": ((small,), ((2, 2), (3, 3))),
    "scale_down": ((stripes,), ((2, 2), (3, 3))),
    "tile": ((small,), ((3, 3), (2, 2), (1, 2))),
    "tile_mirrored": ((small, full), ((2, 2, 0), (3, 3, 0), (3, 1, 0))),
    "beside_mirror": ((small, full), (("right",), ("below",))),
    "tile_by_itself": ((small,), ((),)),
    "tile_by_most_common": ((small, full), ((0,), (1,))),
    "crop_to_content": ((one_colour, scattered), ((),)),
    "crop_to_colour": ((shapes,), tuple((colour, inset) for colour in (1, 2, 3, 8) for inset in (0, 1))),
    "crop_to_object": ((shapes,), (("largest", 1, 0), ("smallest", 1, 0), ("odd colour", 1, 0))),
    "keep_object": ((shapes, scattered), (("largest", 1, 0), ("no single cells", 1, 0))),
    "recolour_object": ((one_colour, shapes), (("largest", 1, -1), ("smallest", 2, -1), ("largest", 1, 2))),
    "recolour_by_size": ((one_colour,), (({size: size % 4 + 1 for size in range(1, 150)},),)),
    "gravity": ((scattered,), (("down",), ("left",))),
    "remove_colour": ((shapes, scattered), tuple((colour,) for colour in range(1, 10))),
    "keep_colour": ((shapes, scattered), tuple((colour,) for colour in range(1, 10))),
    "combine_halves": ((divided,), (("columns", "and", 2), ("columns", "xor", 3), ("columns", "neither", 8))),
    "overlay_halves": ((divided,), (("columns", 0),)),
    "take_part": ((full, masked_symmetry), ((2, 1, 0, 0), (1, 2, 0, 0), (2, 2, 0, 0), (3, 3, 1, 1))),
    "drop_repeats": ((stripes,), ((),)),
    "fill_enclosed": ((one_colour, shapes), ((4, 0), (3, 0))),
    "draw_frame": ((scattered, full), ((8,), (3,))),
    "add_frame": ((small, full), ((8,), (3,))),
    "connect_cells": ((scattered,), ((-1,), (8,))),
    "extend_lines": ((scattered,), (("rows",), ("columns",), ("both",))),
    "complete_symmetry": ((masked_symmetry,), ((0,),)),
    "complete_pattern": ((masked_pattern,), ((0,),)),
    "uniform_rows": ((small,), ((5, 0),)),
    "count_colour_bar": ((shapes,), ((),)),
    "most_common_cell": ((shapes, full), ((0,), (1,))),
    "shift": ((scattered, shapes), ((1, 0, 0), (0, 1, 1))),
    "outline": ((scattered, one_colour), ((8, 1), (3, 0))),
    "hollow": ((one_colour, shapes), ((0,), (8,))),
}


def example_problems(label: str, count: int) -> list[Problem]:
    """Return made-up tasks of a transformation, of three pairs each; fewer where grids at random seldom suit it."""
    draws, parameters = _SOURCES.get(label, (_ANY, ((),)))
    found = []
    for number in range(count * 3):
        rng = random.Random(f"{label} {number}")
        made = _pairs(rng, Use(getattr(steps, label), rng.choice(parameters)), rng.choice(draws))
        if len(made) == PAIRS:
            tests = tuple(
                CallTest(name=f"train {place}", arguments=(given,), expected=wanted)
                for place, (given, wanted) in enumerate(made, start=1)
            )
            found.append(
                Problem(
                    id=f"{label}-{number}",
                    kind=ProblemKind.GRID,
                    statement="A made-up task.",
                    function=FunctionSpec(name="transform"),
                    public_tests=tests,
                )
            )
        if len(found) == count:
            break
    return found


def example_words(label: str, count: int) -> list[str]:
    """Return what made-up tasks of a transformation look like, in words."""
    from solvent.problems.grid_features import grid_words

    return [grid_words(public_view(problem)) for problem in example_problems(label, count)]


def _pairs(rng: random.Random, use: Use, draw: Draw) -> list[tuple[Rows, Rows]]:
    made: list[tuple[Rows, Rows]] = []
    for _ in range(_TRIES):
        given = draw(rng)
        wanted = use(given)
        if wanted is not None and wanted != given and len(wanted) <= 30 and len(wanted[0]) <= 30:
            made.append((given, wanted))
        if len(made) == PAIRS:
            break
    return made
