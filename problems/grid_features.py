"""What can be seen of a grid problem in words: a task shows grids only, and concepts are found by words. Pure.

Everything is read from the train pairs and the test inputs, which a prompt shows too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from solvent.problems.grids import Grid, as_grid
from solvent.problems.problem import CallTest, ProblemKind
from solvent.problems.view import PublicProblem

Pair = tuple[Grid, Grid]


def grid_words(problem: PublicProblem) -> str:
    """Return sentences on the sizes, colours, shapes and symmetries of a problem of kind `grid`; else an empty text."""
    if problem.kind is not ProblemKind.GRID:
        return ""
    pairs = []
    for test in problem.public_tests:
        if isinstance(test, CallTest) and test.arguments:
            given, wanted = as_grid(test.arguments[0]), as_grid(test.expected)
            if given is not None and wanted is not None:
                pairs.append((given, wanted))
    return ". ".join(words for words in _sentences(pairs) if words) + "." if pairs else ""


def _sentences(pairs: Sequence[Pair]) -> Iterable[str]:
    yield from _sizes(pairs)
    yield from (words for words, holds in _RELATIONS if _always(pairs, holds))
    if all(_size(given) == _size(wanted) for given, wanted in pairs):
        yield from _changes(pairs)
    yield from _colours(pairs)


def _sizes(pairs: Sequence[Pair]) -> Iterable[str]:
    if all(_size(given) == _size(wanted) for given, wanted in pairs):
        yield "the output has the same size as the input"
        return
    ratios = {(len(w) / len(g), len(w[0]) / len(g[0])) for g, w in pairs}
    if all(down >= 1 and across >= 1 for down, across in ratios):
        yield "the output is larger than the input"
    if all(down <= 1 and across <= 1 for down, across in ratios):
        yield "the output is smaller than the input"
        if len(ratios) > 1:
            yield "a part of the input is cut out, cropped: the size of the output differs"
    if len(ratios) == 1:
        [(down, across)] = ratios
        for factor, way in ((down, "tall"), (across, "wide")):
            if factor == int(factor) and factor > 1:
                yield f"{int(factor)} times as {way}"
            elif 1 / factor == int(1 / factor) and factor < 1:
                yield f"one of {int(1 / factor)} parts as {way}: divided"
            elif 0.3 < factor < 0.5:
                yield f"nearly half as {way}: two halves with a line between them"
        if down == across == int(down) and down > 1:
            yield "enlarged, scaled or tiled"
    if len({_size(wanted) for _, wanted in pairs}) == 1:
        high, wide = _size(pairs[0][1])
        yield f"each output has {high} rows of {wide}" if high * wide > 1 else "the output is a single cell"
    if all(len(w) == len(g) ** 2 and len(w[0]) == len(g[0]) ** 2 for g, w in pairs):
        yield "each cell of the input becomes a block of the size of the input: squared size, fractal"
    if all(len(w) == len(g) + 2 and len(w[0]) == len(g[0]) + 2 for g, w in pairs):
        yield "two rows and columns are added around it: a frame, border"


def _changes(pairs: Sequence[Pair]) -> Iterable[str]:
    changed = [
        (old, new)
        for given, wanted in pairs
        for before, after in zip(given, wanted, strict=True)
        for old, new in zip(before, after, strict=True)
        if old != new
    ]
    cells = sum(len(given) * len(given[0]) for given, _ in pairs)
    if not changed:
        return
    olds, news = {old for old, _ in changed}, {new for _, new in changed}
    if olds == {0}:
        yield "only empty background cells change: something is drawn, filled, added"
    elif 0 not in olds and 0 not in news:
        yield "coloured cells change their colour: recoloured, replaced"
    if news == {0}:
        yield "coloured cells are removed, erased, become background"
    elif len(olds) == 1 and olds != {0}:
        yield "the cells of one colour are replaced, repaired, covered"
    if len(news) == 1:
        yield "everything new has one colour"
        if not any(cell == next(iter(news)) for given, _ in pairs for row in given for cell in row):
            yield "that colour is new: it is in no input"
    yield "few cells change" if len(changed) * 5 < cells else "many cells change"
    yield from _moves(pairs)


def _moves(pairs: Sequence[Pair]) -> Iterable[str]:
    mapping: dict[int, set[int]] = {}
    for given, wanted in pairs:
        for old, new in zip(_cells(given), _cells(wanted), strict=True):
            mapping.setdefault(old, set()).add(new)
    if all(len(into) == 1 for into in mapping.values()):
        yield "each colour becomes always the same colour: colour map, swap of colours"
    if all(Counter(_cells(given)) == Counter(_cells(wanted)) for given, wanted in pairs):
        yield "the cells are moved, the count of each colour stays: moved, shifted, mirrored, turned, falling"
    if all(_shape(given) == _shape(wanted) for given, wanted in pairs):
        yield "shapes stay where they are"
    if all(_encloses(given) for given, _ in pairs):
        yield "shapes enclose holes, rooms, closed areas"
    if all(_new_at_edge(given, wanted) for given, wanted in pairs):
        yield "the edge of the grid is drawn: frame, border"


def _colours(pairs: Sequence[Pair]) -> Iterable[str]:
    inside = {cell for given, _ in pairs for cell in _cells(given)}
    outside = {cell for _, wanted in pairs for cell in _cells(wanted)}
    most = max(len(set(_cells(given))) for given, _ in pairs)
    if all(0 not in _cells(given) for given, _ in pairs):
        yield "no background cells: a full pattern"
    yield "two colours in each input" if most == 2 else f"up to {most} colours in an input"
    if outside - inside:
        yield "the outputs have colours that no input has"
    if all(len(set(_cells(wanted))) == 1 for _, wanted in pairs):
        yield "each output has one colour only: the most or least common"
    if all(any(len(set(row)) == 1 and row[0] for row in given) for given, _ in pairs):
        yield "a full line of one colour divides the input: separator"
    elif all(any(len(set(column)) == 1 and column[0] for column in zip(*given, strict=True)) for given, _ in pairs):
        yield "a full column of one colour divides the input: separator"


def _always(pairs: Sequence[Pair], holds: Callable[[Grid, Grid], bool]) -> bool:
    return all(holds(given, wanted) for given, wanted in pairs)


def _size(grid: Grid) -> tuple[int, int]:
    return len(grid), len(grid[0])


def _cells(grid: Grid) -> list[int]:
    return [cell for row in grid for cell in row]


def _shape(grid: Grid) -> list[bool]:
    return [bool(cell) for cell in _cells(grid)]


def _mirrored(grid: Grid) -> Grid:
    return tuple(row[::-1] for row in grid)


def _turned(grid: Grid) -> Grid:
    return tuple(zip(*grid[::-1], strict=True))


def _lies_in(part: Grid, whole: Grid) -> bool:
    height, width = _size(part)
    return any(
        all(whole[top + row][left : left + width] == part[row] for row in range(height))
        for top in range(len(whole) - height + 1)
        for left in range(len(whole[0]) - width + 1)
    )


def _encloses(grid: Grid) -> bool:
    height, width = _size(grid)
    reached = {
        (top, left)
        for top in range(height)
        for left in range(width)
        if not grid[top][left] and (top in (0, height - 1) or left in (0, width - 1))
    }
    waiting = list(reached)
    while waiting:
        top, left = waiting.pop()
        for place in ((top + 1, left), (top - 1, left), (top, left + 1), (top, left - 1)):
            inside = 0 <= place[0] < height and 0 <= place[1] < width
            if inside and place not in reached and not grid[place[0]][place[1]]:
                reached.add(place)
                waiting.append(place)
    return any(not cell and (top, left) not in reached for top, row in enumerate(grid) for left, cell in enumerate(row))


def _new_at_edge(given: Grid, wanted: Grid) -> bool:
    height, width = _size(given)
    changed = [(r, c) for r in range(height) for c in range(width) if given[r][c] != wanted[r][c]]
    return bool(changed) and all(r in (0, height - 1) or c in (0, width - 1) for r, c in changed)


def _falls(given: Grid, wanted: Grid, turns: int) -> bool:
    for _ in range(turns):
        given, wanted = _turned(given), _turned(wanted)
    if _size(given) != _size(wanted):
        return False
    columns = zip(zip(*given, strict=True), zip(*wanted, strict=True), strict=True)
    return given != wanted and all(
        [cell for cell in before if cell] == [cell for cell in after if cell]
        and all(not above or below for above, below in pairwise(after))
        for before, after in columns
    )


def _blocks(given: Grid, wanted: Grid) -> bool:
    down, across = len(wanted) // len(given), len(wanted[0]) // len(given[0])
    if down * across < 2 or len(wanted) % len(given) or len(wanted[0]) % len(given[0]):
        return False
    return all(
        wanted[top][left] == given[top // down][left // across]
        for top in range(len(wanted))
        for left in range(len(wanted[0]))
    )


def _repeats(given: Grid, wanted: Grid) -> bool:
    if len(wanted) % len(given) or len(wanted[0]) % len(given[0]) or wanted == given:
        return False
    return all(
        cell == given[top % len(given)][left % len(given[0])]
        for top, row in enumerate(wanted)
        for left, cell in enumerate(row)
    )


def _without_repeats(given: Grid, wanted: Grid) -> bool:
    def single(grid: Grid) -> Grid:
        rows = [row for number, row in enumerate(grid) if not number or row != grid[number - 1]]
        return tuple(rows)

    return given != wanted and tuple(zip(*single(tuple(zip(*single(given), strict=True))), strict=True)) == wanted


_RELATIONS: tuple[tuple[str, Callable[[Grid, Grid], bool]], ...] = (
    ("the output is the input mirrored left to right, flipped, reflected", lambda g, w: _mirrored(g) == w),
    ("the output is the input flipped upside down, mirrored", lambda g, w: g[::-1] == w),
    ("the output is the input turned, rotated by half, 180 degrees", lambda g, w: _mirrored(g[::-1]) == w),
    ("the output is the input turned, rotated clockwise by 90 degrees", lambda g, w: _turned(g) == w),
    ("the output is the input turned counterclockwise, rotated by 270 degrees", lambda g, w: _turned(w) == g),
    ("rows become columns: transposed, mirrored at the diagonal", lambda g, w: tuple(zip(*g, strict=True)) == w),
    ("each cell becomes a block: scaled up, enlarged", _blocks),
    ("the input is repeated: tiled", _repeats),
    ("repeated rows and columns are dropped, merged", _without_repeats),
    ("the output is symmetric left to right: mirrored", lambda g, w: _mirrored(w) == w and _mirrored(g) != g),
    ("the output is symmetric top to bottom: mirrored", lambda g, w: w[::-1] == w and g[::-1] != g),
    ("coloured cells fall down: gravity", lambda g, w: _falls(g, w, 0)),
    ("coloured cells fall up or to a side: gravity", lambda g, w: any(_falls(g, w, turns) for turns in (1, 2, 3))),
    ("the output lies in the input as it is: a cut-out, cropped", lambda g, w: g != w and _lies_in(w, g)),
    ("the input lies in the output as it is", lambda g, w: g != w and _lies_in(g, w)),
)
