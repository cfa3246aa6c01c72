"""The making of a grid problem: steps that all matter, and examples that leave one reading of what is not told."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from types import MappingProxyType
from typing import NamedTuple

from solvent.training.families.grids_operations import OPERATIONS, Grid, GridOperation
from solvent.training.families.grids_steps import GridStep, candidates, run
from solvent.training.families.sample import Split, split_of

PUBLIC_TESTS = 3
HIDDEN_TESTS = 12
MAX_DEPTH = 3
_POOL = 7
_TRIES = 3
_MAX_GROWTH = 5.5
_PUBLIC_CELLS = {"stdio": 50, "function": 30}
"""Most cells of an example, input and output together: what a prompt has room for."""
_MAX_CODE = 460
"""Most characters that the steps' code may have: what a completion has room for."""
_HIDDEN_CELLS = 400
_WEIGHTS = [operation.weight for operation in OPERATIONS]


class GridDraft(NamedTuple):
    """A grid problem before it is worded: steps, style and tests."""

    steps: tuple[GridStep, ...]
    kind: str
    public: tuple[tuple[Grid, Grid], ...]
    hidden: tuple[tuple[Grid, Grid], ...]

    @property
    def composition(self) -> tuple[str, ...]:
        """The names of the operations."""
        return tuple(step.operation.name for step in self.steps)


def draft_problem(
    rng: random.Random,
    family: str,
    depth: int,
    split: Split,
    open_places: Sequence[int],
    *,
    grouped: bool,
    fixed: Mapping[int, GridStep] = MappingProxyType({}),
) -> GridDraft | None:
    """Draw steps of the split and tests; None where the examples do not pin the steps down.

    At `open_places` the statement does not tell the step, so no other step of the catalogue may fit there; where it is
    `grouped`, the statement tells the group of operations, and only others of that may not fit. `fixed` holds steps
    that are given.

    Raises:
        ValueError: depth outside 1..3.
    """
    if not 1 <= depth <= MAX_DEPTH:
        raise ValueError(f"depth {depth} is outside 1..{MAX_DEPTH}")
    operations = rng.choices(OPERATIONS, _WEIGHTS, k=depth)
    if grouped:
        for place in open_places:
            while not operations[place].group:
                operations[place] = rng.choice(OPERATIONS)
    for place, step in fixed.items():
        operations[place] = step.operation
    if any(first is second for first, second in pairwise(operations)):
        return None
    if split_of(family, tuple(operation.name for operation in operations)) != split:
        return None
    growth = 1.0
    for operation in operations:
        growth *= operation.growth
    if growth > _MAX_GROWTH or sum(len(operation.code) for operation in operations) > _MAX_CODE:
        return None
    palette = rng.sample(range(1, 10), rng.choice((2, 3, 3, 4)))
    steps = _choose_colours(rng, operations, palette, fixed)
    kind = rng.choice(("stdio", "function"))
    names = [_group_names(steps[place].operation.group) if grouped else None for place in open_places]
    source = _Source(palette, "fill_enclosed" in {operation.name for operation in operations}, growth)
    for _ in range(_TRIES):
        public = _draw_public(rng, steps, source, kind)
        if public is None:
            continue
        if all(singles_out(steps, place, public, wanted) for place, wanted in zip(open_places, names, strict=True)):
            hidden = _draw_hidden(rng, steps, source, [grid for grid, _ in public])
            return None if hidden is None else GridDraft(steps, kind, public, hidden)
    return None


@lru_cache(maxsize=32)
def _group_names(group: str) -> frozenset[str]:
    return frozenset(operation.name for operation in OPERATIONS if operation.group == group)


@lru_cache(maxsize=4096)
def _candidates(colours: frozenset[int], names: frozenset[str] | None) -> list[GridStep]:
    return candidates(set(colours), names)


def _choose_colours(
    rng: random.Random, operations: Sequence[GridOperation], palette: list[int], fixed: Mapping[int, GridStep]
) -> tuple[GridStep, ...]:
    """Colours for the operations: one that is looked for is one that may be there. Fixed steps add to the palette."""
    for step in fixed.values():
        palette += [c for c in (step.a, step.b) if step.operation.looks_for and c not in (0, *palette)]
    present = list(palette)
    steps = []
    for place, operation in enumerate(operations):
        if place in fixed:
            steps.append(fixed[place])
            continue
        a = b = 0
        if operation.colours:
            a = rng.choice(present) if operation.looks_for or rng.random() < 0.3 else rng.randint(1, 9)
        if operation.colours == 2:
            b = rng.choice([c for c in (present if operation.name == "swap_colours" else range(1, 10)) if c != a])
            if operation.name == "swap_colours":
                a, b = min(a, b), max(a, b)
        steps.append(GridStep(operation, a, b))
        painted = b if operation.name == "recolour" else a
        if painted and painted not in present:
            present.append(painted)
    return tuple(steps)


class _Source(NamedTuple):
    """What the grids of one problem are drawn from."""

    palette: list[int]
    has_holes: bool
    growth: float

    def draw(self, rng: random.Random, sides: tuple[int, int], cells: float) -> Grid:
        """A grid with sides in a range and, with its output, at most so many cells (or of the smallest sides)."""
        low, high = sides
        rows, columns = rng.randint(low, high), rng.randint(low, high)
        while rows * columns * (1 + self.growth) > cells and max(rows, columns) > 2:
            rows, columns = max(2, rows - (rows >= columns)), max(2, columns - (columns > rows))
        empty = rng.choice((0.2, 0.4, 0.6))
        palette = self.palette
        grid = [[0 if rng.random() < empty else rng.choice(palette) for _ in range(columns)] for _ in range(rows)]
        if self.has_holes and rows > 2 and columns > 2 and rng.random() < 0.8:
            i, j = rng.randint(1, rows - 2), rng.randint(1, columns - 2)
            grid[i][j] = 0
            for p, q in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                grid[p][q] = grid[p][q] or rng.choice(palette)
        return grid


def _draw_public(
    rng: random.Random, steps: tuple[GridStep, ...], source: _Source, kind: str
) -> tuple[tuple[Grid, Grid], ...] | None:
    """Examples on which no step is idle, nor any few of them together; None if none are found."""
    sides = (3, 4) if source.has_holes else (2, 4) if kind == "function" else (2, 5)
    pairs: list[tuple[Grid, Grid]] = []
    for _ in range(_POOL):
        grid = source.draw(rng, sides, _PUBLIC_CELLS[kind])
        result = run(steps, grid) if any(map(any, grid)) else None
        if result is not None and result != grid and all(grid != known for known, _ in pairs):
            pairs.append((grid, result))
            if len(pairs) == PUBLIC_TESTS:
                break
    if len(pairs) < PUBLIC_TESTS or all(result == pairs[0][1] for _, result in pairs):
        return None
    for count in range(1, len(steps)):
        for kept in combinations(steps, count):
            if all(run(kept, grid) == result for grid, result in pairs):
                return None
    return tuple(pairs)


def _draw_hidden(
    rng: random.Random, steps: tuple[GridStep, ...], source: _Source, seen: list[Grid]
) -> tuple[tuple[Grid, Grid], ...] | None:
    tests: list[tuple[Grid, Grid]] = []
    seen = list(seen)
    for _ in range(3 * HIDDEN_TESTS):
        grid = source.draw(rng, (3, 7), _HIDDEN_CELLS)
        result = run(steps, grid) if any(map(any, grid)) and grid not in seen else None
        if result is not None:
            seen.append(grid)
            tests.append((grid, result))
            if len(tests) == HIDDEN_TESTS:
                return tuple(tests)
    return None


def singles_out(
    steps: tuple[GridStep, ...],
    place: int,
    pairs: Sequence[tuple[Grid, Grid]],
    names: frozenset[str] | None = None,
) -> bool:
    """Whether no other step in this place - of all, or of some names - gives the same on all these pairs.

    Of the colours that a step may name, those are tried that the pairs have before the step and at the end, those that
    the steps after it name, and one more that stands for all others.
    """
    before = [run(steps[:place], grid) or [] for grid, _ in pairs]
    present = {x for grid in before for row in grid for x in row}
    colours = present | {x for _, result in pairs for row in result for x in row}
    colours |= {colour for step in steps[place:] for colour in (step.a, step.b)}
    colours.add(next((c for c in range(1, 10) if c not in colours), 0))
    after = steps[place + 1 :]
    own, own_a, own_b = steps[place]
    tests = sorted(zip(before, (result for _, result in pairs), strict=True), key=lambda test: len(test[0]))
    for operation, a, b in _candidates(frozenset(colours), names):
        if operation is own and a == own_a and b == own_b:
            continue
        if operation.looks_for and a not in present and b not in present:
            continue
        if _fits(operation, a, b, after, tests):
            return False
    return True


def _fits(
    operation: GridOperation, a: int, b: int, after: tuple[GridStep, ...], tests: Sequence[tuple[Grid, Grid]]
) -> bool:
    for grid, result in tests:
        try:
            got: Grid | None = operation.apply(grid, a, b)
        except (ValueError, IndexError):
            return False
        if after:
            got = run(after, got) if got and any(map(any, got)) else None
        if got != result:
            return False
    return True


def explains(pairs: Sequence[tuple[Grid, Grid]]) -> Iterator[GridStep]:
    """The single steps that give the right result on all these pairs."""
    colours = {x for pair in pairs for grid in pair for row in grid for x in row}
    for step in _candidates(frozenset(colours), None):
        if all(run((step,), grid) == result for grid, result in pairs):
            yield step
