"""Known transformations of grids, each a function that stands alone, so that a program can be made of its source.

A step gets a list of rows and returns another; it raises where it does not apply. What differs from task to task comes
in as further arguments.
"""

# ruff: noqa: D103 - a step says by its name what it does; its source becomes part of small programs

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

Rows = list[list[int]]


def rotate_90(grid: Rows) -> Rows:
    return [list(row) for row in zip(*grid[::-1], strict=True)]


def rotate_180(grid: Rows) -> Rows:
    return [row[::-1] for row in grid[::-1]]


def rotate_270(grid: Rows) -> Rows:
    return [list(row) for row in zip(*grid, strict=True)][::-1]


def mirror_left_right(grid: Rows) -> Rows:
    return [row[::-1] for row in grid]


def mirror_up_down(grid: Rows) -> Rows:
    return [row[:] for row in grid[::-1]]


def transpose(grid: Rows) -> Rows:
    return [list(row) for row in zip(*grid, strict=True)]


def transpose_other(grid: Rows) -> Rows:
    return [list(row) for row in zip(*(row[::-1] for row in grid[::-1]), strict=True)]


def recolour(grid: Rows, colours: dict[int, int]) -> Rows:
    return [[colours[cell] for cell in row] for row in grid]


def scale_up(grid: Rows, rows: int, columns: int) -> Rows:
    return [[cell for cell in row for _ in range(columns)] for row in grid for _ in range(rows)]


def scale_down(grid: Rows, rows: int, columns: int) -> Rows:
    return [row[::columns] for row in grid[::rows]]


def tile(grid: Rows, rows: int, columns: int) -> Rows:
    return [row * columns for _ in range(rows) for row in grid]


def tile_mirrored(grid: Rows, rows: int, columns: int, start: int) -> Rows:
    tall = []
    for down in range(rows):
        for row in grid if (down + start) % 2 == 0 else grid[::-1]:
            wide = []
            for across in range(columns):
                wide += row if (across + start) % 2 == 0 else row[::-1]
            tall.append(wide)
    return tall


def beside_mirror(grid: Rows, where: str) -> Rows:
    if where == "right":
        return [row + row[::-1] for row in grid]
    if where == "left":
        return [row[::-1] + row for row in grid]
    if where == "below":
        return [row[:] for row in grid] + [row[:] for row in grid[::-1]]
    return [row[:] for row in grid[::-1]] + [row[:] for row in grid]


def tile_by_itself(grid: Rows) -> Rows:
    return [[cell if mark else 0 for mark in pattern for cell in row] for pattern in grid for row in grid]


def tile_by_most_common(grid: Rows, rarest: int) -> Rows:
    counts = Counter(cell for row in grid for cell in row)
    chosen = (min if rarest else max)(counts, key=lambda colour: (counts[colour], colour))
    return [[cell if mark == chosen else 0 for mark in pattern for cell in row] for pattern in grid for row in grid]


def crop_to_content(grid: Rows) -> Rows:
    background = Counter(cell for row in grid for cell in row).most_common(1)[0][0]
    down = [number for number, row in enumerate(grid) if any(cell != background for cell in row)]
    across = [number for number in range(len(grid[0])) if any(row[number] != background for row in grid)]
    return [row[across[0] : across[-1] + 1] for row in grid[down[0] : down[-1] + 1]]


def crop_to_colour(grid: Rows, colour: int, inset: int) -> Rows:
    down = [number for number, row in enumerate(grid) if colour in row]
    across = [number for number in range(len(grid[0])) if any(row[number] == colour for row in grid)]
    top, bottom, left, right = down[0] + inset, down[-1] + 1 - inset, across[0] + inset, across[-1] + 1 - inset
    if top >= bottom or left >= right:
        raise ValueError("nothing is left")
    return [row[left:right] for row in grid[top:bottom]]


def objects_of(grid: Rows, one_colour: int, corners: int) -> list[list[tuple[int, int]]]:
    background = 0 if any(0 in row for row in grid) else Counter(c for row in grid for c in row).most_common(1)[0][0]
    seen = set()
    found = []
    for top in range(len(grid)):
        for left in range(len(grid[0])):
            if (top, left) in seen or grid[top][left] == background:
                continue
            seen.add((top, left))
            waiting, cells = [(top, left)], []
            while waiting:
                row, column = waiting.pop()
                cells.append((row, column))
                for down in (-1, 0, 1):
                    for across in (-1, 0, 1):
                        place = (row + down, column + across)
                        if (not corners and down and across) or place in seen:
                            continue
                        if not (0 <= place[0] < len(grid) and 0 <= place[1] < len(grid[0])):
                            continue
                        colour = grid[place[0]][place[1]]
                        if colour == background or (one_colour and colour != grid[top][left]):
                            continue
                        seen.add(place)
                        waiting.append(place)
            found.append(cells)
    return found


def crop_to_object(grid: Rows, which: str, one_colour: int, corners: int) -> Rows:
    found = objects_of(grid, one_colour, corners)
    if len(found) < 2:
        raise ValueError("there is no choice")

    def box(cells: list[tuple[int, int]]) -> Rows:
        tops, lefts = [cell[0] for cell in cells], [cell[1] for cell in cells]
        return [row[min(lefts) : max(lefts) + 1] for row in grid[min(tops) : max(tops) + 1]]

    def worth(cells: list[tuple[int, int]]) -> int:
        if which in ("largest", "smallest"):
            return len(cells) if which == "largest" else -len(cells)
        if which == "most colours":
            return len({grid[row][column] for row, column in cells})
        if which == "odd colour":
            colours = Counter(grid[other[0][0]][other[0][1]] for other in found)
            return -colours[grid[cells[0][0]][cells[0][1]]]
        if which == "odd shape":
            shapes = [sorted((r - min(o)[0], c - min(x[1] for x in o)) for r, c in o) for o in found]
            return -shapes.count(shapes[found.index(cells)])
        picture = box(cells)
        return int(picture == [row[::-1] for row in picture]) + int(picture == picture[::-1])

    ranked = sorted(found, key=worth, reverse=True)
    if worth(ranked[0]) == worth(ranked[1]):
        raise ValueError("two are alike")
    return box(ranked[0])


def keep_object(grid: Rows, which: str, one_colour: int, corners: int) -> Rows:
    found = objects_of(grid, one_colour, corners)
    sizes = [len(cells) for cells in found]
    wanted = max(sizes) if which == "largest" else min(sizes)
    kept = {cell for cells in found if len(cells) == wanted for cell in cells}
    if which == "no single cells":
        kept = {cell for cells in found if len(cells) > 1 for cell in cells}
    return [[cell if (top, left) in kept else 0 for left, cell in enumerate(row)] for top, row in enumerate(grid)]


def recolour_object(grid: Rows, which: str, colour: int, other: int) -> Rows:
    found = objects_of(grid, 1, 0)
    shapes = [sorted((r - min(o)[0], c - min(x[1] for x in o)) for r, c in o) for o in found]
    worth: dict[str, Callable[[list[tuple[int, int]]], int]] = {
        "largest": len,
        "smallest": lambda shape: -len(shape),
        "odd shape": lambda shape: -shapes.count(shape),
    }
    best = max(worth[which](shape) for shape in shapes)
    made = [row[:] for row in grid]
    for cells, shape in zip(found, shapes, strict=True):
        for top, left in cells:
            if worth[which](shape) == best:
                made[top][left] = colour
            elif other >= 0:
                made[top][left] = other
    return made


def recolour_by_size(grid: Rows, colours: dict[int, int]) -> Rows:
    made = [row[:] for row in grid]
    for cells in objects_of(grid, 1, 0):
        for top, left in cells:
            made[top][left] = colours[len(cells)]
    return made


def gravity(grid: Rows, way: str) -> Rows:
    turned = [list(row) for row in zip(*grid, strict=True)] if way in ("down", "up") else [row[:] for row in grid]
    made = []
    for line in turned:
        full = [cell for cell in line if cell]
        empty = [0] * (len(line) - len(full))
        made.append(empty + full if way in ("down", "right") else full + empty)
    return [list(row) for row in zip(*made, strict=True)] if way in ("down", "up") else made


def remove_colour(grid: Rows, colour: int) -> Rows:
    return [[0 if cell == colour else cell for cell in row] for row in grid]


def keep_colour(grid: Rows, colour: int) -> Rows:
    return [[cell if cell == colour else 0 for cell in row] for row in grid]


def halves_of(grid: Rows, way: str) -> tuple[Rows, Rows]:
    turned = grid if way == "rows" else [list(row) for row in zip(*grid, strict=True)]
    half = len(turned) // 2
    second = turned[half + len(turned) % 2 :]
    if not half or (len(turned) % 2 and len(set(turned[half])) > 1):
        raise ValueError("there are no halves")
    first = turned[:half]
    if way == "rows":
        return first, second
    return [list(row) for row in zip(*first, strict=True)], [list(row) for row in zip(*second, strict=True)]


def combine_halves(grid: Rows, way: str, how: str, colour: int) -> Rows:
    first, second = halves_of(grid, way)
    rules: dict[str, Callable[[int, int], object]] = {
        "and": lambda one, other: one and other,
        "or": lambda one, other: one or other,
        "xor": lambda one, other: bool(one) != bool(other),
        "neither": lambda one, other: not one and not other,
        "only first": lambda one, other: one and not other,
        "only second": lambda one, other: other and not one,
    }
    rule = rules[how]
    return [
        [colour if rule(one, other) else 0 for one, other in zip(above, below, strict=True)]
        for above, below in zip(first, second, strict=True)
    ]


def overlay_halves(grid: Rows, way: str, upper: int) -> Rows:
    first, second = halves_of(grid, way)
    if upper:
        first, second = second, first
    return [[one or other for one, other in zip(a, b, strict=True)] for a, b in zip(first, second, strict=True)]


def take_part(grid: Rows, down: int, across: int, row: int, column: int) -> Rows:
    high, wide = len(grid) // down, len(grid[0]) // across
    if not high or not wide:
        raise ValueError("it is too small")
    return [line[column * wide : (column + 1) * wide] for line in grid[row * high : (row + 1) * high]]


def drop_repeats(grid: Rows) -> Rows:
    rows = [row for number, row in enumerate(grid) if not number or row != grid[number - 1]]
    turned = [list(row) for row in zip(*rows, strict=True)]
    columns = [row for number, row in enumerate(turned) if not number or row != turned[number - 1]]
    return [list(row) for row in zip(*columns, strict=True)]


def fill_enclosed(grid: Rows, colour: int, corners: int) -> Rows:
    height, width = len(grid), len(grid[0])
    waiting = [(r, c) for r in range(height) for c in range(width) if r in (0, height - 1) or c in (0, width - 1)]
    outside = {place for place in waiting if not grid[place[0]][place[1]]}
    waiting = list(outside)
    while waiting:
        row, column = waiting.pop()
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                place = (row + down, column + across)
                if (down and across and not corners) or place in outside:
                    continue
                if 0 <= place[0] < height and 0 <= place[1] < width and not grid[place[0]][place[1]]:
                    outside.add(place)
                    waiting.append(place)
    return [
        [colour if not cell and (top, left) not in outside else cell for left, cell in enumerate(row)]
        for top, row in enumerate(grid)
    ]


def draw_frame(grid: Rows, colour: int) -> Rows:
    height, width = len(grid), len(grid[0])
    return [
        [colour if top in (0, height - 1) or left in (0, width - 1) else cell for left, cell in enumerate(row)]
        for top, row in enumerate(grid)
    ]


def add_frame(grid: Rows, colour: int) -> Rows:
    width = len(grid[0]) + 2
    return [[colour] * width, *([colour, *row, colour] for row in grid), [colour] * width]


def connect_cells(grid: Rows, colour: int) -> Rows:
    made = [row[:] for row in grid]
    for top, row in enumerate(grid):
        places = [left for left, cell in enumerate(row) if cell]
        for one, other in pairwise(places):
            if row[one] == row[other]:
                for left in range(one + 1, other):
                    made[top][left] = colour if colour >= 0 else row[one]
    for left in range(len(grid[0])):
        places = [top for top in range(len(grid)) if grid[top][left]]
        for one, other in pairwise(places):
            if grid[one][left] == grid[other][left]:
                for top in range(one + 1, other):
                    made[top][left] = colour if colour >= 0 else grid[one][left]
    return made


def extend_lines(grid: Rows, way: str) -> Rows:
    made = [row[:] for row in grid]
    for top, row in enumerate(grid):
        for left, cell in enumerate(row):
            if not cell:
                continue
            if way in ("rows", "both"):
                for across in range(len(row)):
                    made[top][across] = made[top][across] or cell
            if way in ("columns", "both"):
                for down in range(len(grid)):
                    made[down][left] = made[down][left] or cell
            if way == "down":
                for down in range(top, len(grid)):
                    made[down][left] = grid[down][left] or cell
    return made


def complete_symmetry(grid: Rows, colour: int) -> Rows:
    height, width = len(grid), len(grid[0])
    made = [row[:] for row in grid]
    for _ in range(3):
        for top in range(height):
            for left in range(width):
                if made[top][left] != colour:
                    continue
                places = [(top, width - 1 - left), (height - 1 - top, left), (height - 1 - top, width - 1 - left)]
                if height == width:
                    places.append((left, top))
                for row, column in places:
                    if made[row][column] != colour:
                        made[top][left] = made[row][column]
                        break
    return made


def complete_pattern(grid: Rows, colour: int) -> Rows:
    height, width = len(grid), len(grid[0])
    for size in range(1, height * width + 1):
        for down in range(1, height + 1):
            if size % down or size // down > width:
                continue
            across = size // down
            cells: dict[tuple[int, int], int] = {}
            if (
                all(
                    cells.setdefault((top % down, left % across), cell) == cell
                    for top, row in enumerate(grid)
                    for left, cell in enumerate(row)
                    if cell != colour
                )
                and len(cells) == size
            ):
                return [[cells[top % down, left % across] for left in range(width)] for top in range(height)]
    raise ValueError("it repeats nothing")


def fill_with_most_common(grid: Rows) -> Rows:
    colour = Counter(cell for row in grid for cell in row).most_common(1)[0][0]
    return [[colour] * len(row) for row in grid]


def uniform_rows(grid: Rows, colour: int, other: int) -> Rows:
    return [[colour if len(set(row)) == 1 else other] * len(row) for row in grid]


def count_colour_bar(grid: Rows) -> Rows:
    counts = Counter(cell for row in grid for cell in row if cell)
    return [[colour] for colour, _ in counts.most_common()]


def most_common_cell(grid: Rows, rarest: int) -> Rows:
    counts = Counter(cell for row in grid for cell in row if cell)
    ranked = counts.most_common()
    if len(ranked) > 1 and ranked[0 if not rarest else -1][1] == ranked[1 if not rarest else -2][1]:
        raise ValueError("two are alike")
    return [[ranked[-1 if rarest else 0][0]]]


def shift(grid: Rows, down: int, across: int, around: int) -> Rows:
    height, width = len(grid), len(grid[0])
    made = [[0] * width for _ in range(height)]
    for top in range(height):
        for left in range(width):
            row, column = top + down, left + across
            if around:
                made[row % height][column % width] = grid[top][left]
            elif 0 <= row < height and 0 <= column < width:
                made[row][column] = grid[top][left]
    return made


def outline(grid: Rows, colour: int, corners: int) -> Rows:
    made = [row[:] for row in grid]
    for top, row in enumerate(grid):
        for left, cell in enumerate(row):
            if not cell:
                continue
            for down in (-1, 0, 1):
                for across in (-1, 0, 1):
                    place = (top + down, left + across)
                    if (down and across and not corners) or not (
                        0 <= place[0] < len(grid) and 0 <= place[1] < len(row)
                    ):
                        continue
                    if not grid[place[0]][place[1]]:
                        made[place[0]][place[1]] = colour
    return made


def hollow(grid: Rows, colour: int) -> Rows:
    made = [row[:] for row in grid]
    for top in range(1, len(grid) - 1):
        for left in range(1, len(grid[0]) - 1):
            around = [grid[top + d][left + a] for d in (-1, 0, 1) for a in (-1, 0, 1)]
            if all(cell == grid[top][left] and cell for cell in around):
                made[top][left] = colour
    return made
