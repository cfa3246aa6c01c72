"""A scripted oracle for ARC: it tries known transformations on the train pairs and says one that fits all of them.

It is no solver and claims nothing beyond its list: it measures whether the way from a problem to its score is right,
and its labels say what a task is about. It reads train pairs and nothing else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

from solvent.benchmarks.arc import steps
from solvent.benchmarks.arc.steps import Rows
from solvent.problems.problem import CallTest, Problem

Pair = tuple[Rows, Rows]
Parameters = tuple[Any, ...]
_HELPERS = (steps.objects_of, steps.halves_of)
_PREFACE = "from __future__ import annotations\n\nfrom collections import Counter\nfrom itertools import pairwise\n"
_FAULTS = (ValueError, IndexError, KeyError, ZeroDivisionError, TypeError)


@dataclass(frozen=True)
class Use:
    """A step with its parameters."""

    step: Callable[..., Rows]
    parameters: Parameters

    def __call__(self, grid: Rows) -> Rows | None:
        """Return what it makes of a grid; None where it does not apply."""
        try:
            made = self.step(grid, *self.parameters)
        except _FAULTS:
            return None
        return made if made and made[0] else None


def pairs_of(problem: Problem) -> list[Pair]:
    """Return the train pairs of a task."""
    return [(test.arguments[0], test.expected) for test in problem.public_tests if isinstance(test, CallTest)]  # type: ignore[misc]  # the reader made sure that these are grids


def find(pairs: Sequence[Pair], inputs: Sequence[Rows]) -> Use | None:
    """Return the transformation that the oracle claims, or None where it covers the task not.

    It claims one that fits all train pairs and applies to the test inputs, unless another does so too and makes
    something else of them.
    """
    claimed: tuple[Use, list[Rows]] | None = None
    for use in uses_for(pairs):
        if any(use(given) != wanted for given, wanted in pairs):
            continue
        made = [grid for given in inputs if (grid := use(given)) is not None]
        if len(made) < len(inputs):
            continue
        if claimed is not None and claimed[1] != made:
            return None
        claimed = claimed or (use, made)
    return claimed[0] if claimed else None


def cover(problem: Problem) -> Use | None:
    """Return what the oracle claims of a task, from what a prompt may show of it."""
    return find(pairs_of(problem), cast("list[Rows]", list(problem.test_inputs)))


def program_of(use: Use) -> str:
    """Return the source of a transformation, with the function `transform`."""
    functions: list[Callable[..., Any]] = list(dict.fromkeys([*_HELPERS, use.step]))
    arguments = ", ".join(["grid", *map(repr, use.parameters)])
    parts = [_PREFACE, *(inspect.getsource(function) for function in functions)]
    return "\n\n".join([*parts, f"def transform(grid):\n    return {use.step.__name__}({arguments})\n"])


def uses_for(pairs: Sequence[Pair]) -> Iterator[Use]:
    """Yield the steps with the parameters that the sizes and colours of the pairs leave possible."""
    same_size = all(_size(given) == _size(wanted) for given, wanted in pairs)
    sizes = {(len(w) / len(g), len(w[0]) / len(g[0])) for g, w in pairs}
    into = sorted({cell for _, wanted in pairs for row in wanted for cell in row})
    out_of = sorted({cell for given, _ in pairs for row in given for cell in row})
    for step, parameters in _candidates(pairs, same_size, sizes, into, out_of):
        yield Use(step, parameters)


def _candidates(
    pairs: Sequence[Pair], same_size: bool, sizes: set[tuple[float, float]], into: list[int], out_of: list[int]
) -> Iterator[tuple[Callable[..., Rows], Parameters]]:
    for plain in (
        steps.mirror_left_right, steps.mirror_up_down, steps.rotate_180, steps.rotate_90, steps.rotate_270,
        steps.transpose, steps.transpose_other,
    ):  # fmt: skip
        yield plain, ()
    [ratio] = sizes if len(sizes) == 1 else [(0.0, 0.0)]
    if same_size:
        yield from _same_size(pairs, into, out_of)
        return
    down, across = int(ratio[0]), int(ratio[1])
    if min(down, across) > 0 and ratio[0] == down and ratio[1] == across:
        yield steps.tile, (down, across)
        yield steps.scale_up, (down, across)
        for start in (0, 1):
            yield steps.tile_mirrored, (down, across, start)
        for where in ("right", "left") if (down, across) == (1, 2) else ("below", "above") if across == 1 else ():
            yield steps.beside_mirror, (where,)
    if all(len(w) == len(g) ** 2 and len(w[0]) == len(g[0]) ** 2 for g, w in pairs):
        yield steps.tile_by_itself, ()
        yield steps.tile_by_most_common, (0,)
        yield steps.tile_by_most_common, (1,)
    if all(len(w) == len(g) + 2 and len(w[0]) == len(g[0]) + 2 for g, w in pairs):
        yield from ((steps.add_frame, (colour,)) for colour in into)
    if all(len(w) <= len(g) and len(w[0]) <= len(g[0]) for g, w in pairs):
        yield from _smaller(ratio, into, out_of)


def _same_size(
    pairs: Sequence[Pair], into: list[int], out_of: list[int]
) -> Iterator[tuple[Callable[..., Rows], Parameters]]:
    mapping = _mapping(zip(_cells(given), _cells(wanted), strict=True) for given, wanted in pairs)
    if mapping is not None:
        yield steps.recolour, (mapping,)
    for way in ("down", "up", "left", "right"):
        yield steps.gravity, (way,)
    for colour in out_of:
        yield steps.remove_colour, (colour,)
        yield steps.keep_colour, (colour,)
        yield steps.complete_symmetry, (colour,)
        yield steps.complete_pattern, (colour,)
    fresh = [colour for colour in into if colour]
    for colour in fresh:
        yield steps.draw_frame, (colour,)
        yield from ((steps.fill_enclosed, (colour, corners)) for corners in (0, 1))
        yield from ((steps.outline, (colour, corners)) for corners in (0, 1))
    for colour in into:
        yield steps.hollow, (colour,)
        yield from ((steps.uniform_rows, (colour, other)) for other in into if other != colour)
    yield from ((steps.connect_cells, (colour,)) for colour in (-1, *fresh))
    yield from ((steps.extend_lines, (way,)) for way in ("rows", "columns", "both", "down"))
    yield steps.fill_with_most_common, ()
    for which, one_colour, corners in product(("largest", "smallest", "no single cells"), (0, 1), (0, 1)):
        yield steps.keep_object, (which, one_colour, corners)
    for which, colour in product(("largest", "smallest", "odd shape"), fresh):
        yield from ((steps.recolour_object, (which, colour, other)) for other in (-1, *fresh) if other != colour)
    by_size = _sizes_to_colours(pairs)
    if by_size is not None:
        yield steps.recolour_by_size, (by_size,)
    for down, across, around in product((-1, 0, 1), (-1, 0, 1), (0, 1)):
        if down or across:
            yield steps.shift, (down, across, around)


def _smaller(
    ratio: tuple[float, float], into: list[int], out_of: list[int]
) -> Iterator[tuple[Callable[..., Rows], Parameters]]:
    yield steps.crop_to_content, ()
    yield steps.drop_repeats, ()
    yield from ((steps.crop_to_colour, (colour, inset)) for colour in out_of for inset in (0, 1))
    kinds = ("largest", "smallest", "most colours", "odd colour", "odd shape", "symmetric")
    yield from ((steps.crop_to_object, choice) for choice in product(kinds, (0, 1), (0, 1)))
    down, across = (round(1 / side) if side else 0 for side in ratio)
    if down and across and down * across > 1 and (1 / down, 1 / across) == ratio:
        yield steps.scale_down, (down, across)
        places = product(range(down), range(across)) if down <= 4 and across <= 4 else ()
        yield from ((steps.take_part, (down, across, row, column)) for row, column in places)
    for way in ("rows", "columns"):
        for how in ("and", "or", "xor", "neither", "only first", "only second"):
            yield from ((steps.combine_halves, (way, how, colour)) for colour in into if colour)
        yield from ((steps.overlay_halves, (way, upper)) for upper in (0, 1))
    yield steps.count_colour_bar, ()
    yield from ((steps.most_common_cell, (rarest,)) for rarest in (0, 1))


def _size(grid: Rows) -> tuple[int, int]:
    return len(grid), len(grid[0])


def _cells(grid: Rows) -> list[int]:
    return [cell for row in grid for cell in row]


def _mapping(changes: Iterable[Iterable[tuple[int, int]]]) -> dict[int, int] | None:
    mapping: dict[int, int] = {}
    for pair in changes:
        for given, wanted in pair:
            if mapping.setdefault(given, wanted) != wanted:
                return None
    return dict(sorted(mapping.items())) if any(given != wanted for given, wanted in mapping.items()) else None


def _sizes_to_colours(pairs: Sequence[Pair]) -> dict[int, int] | None:
    mapping: dict[int, int] = {}
    for given, wanted in pairs:
        for cells in steps.objects_of(given, 1, 0):
            colours = {wanted[top][left] for top, left in cells}
            if len(colours) > 1 or mapping.setdefault(len(cells), min(colours)) != min(colours):
                return None
    return mapping if len(set(mapping.values())) > 1 else None
