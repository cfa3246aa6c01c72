"""Grid problems in the manner of ARC: a small grid of colours, transformed step by step."""

from __future__ import annotations

import random
from dataclasses import dataclass
from json import loads

from solvent.training.families.grids_drafting import MAX_DEPTH, GridDraft, draft_problem
from solvent.training.families.grids_operations import OPEN_PHRASES, Grid
from solvent.training.families.sample import Concept, Example, Sample, Split
from solvent.training.families.wording import assemble

MAX_SIDE = 30
_READ = "import sys\ng = [list(map(int, row)) for row in sys.stdin.read().split()]"
_WRITE = 'print("\\n".join("".join(map(str, row)) for row in g))'
OPENINGS = {
    "stdio": (
        "Read a grid of digits, one row on each line.",
        "The input is a grid: each line is a row of colours 0-9.",
        "You are given a grid of colours, a row of digits on each line.",
        "Given rows of digits that make a grid, do the following.",
    ),
    "function": (
        "You are given a grid, a list of rows of colours 0-9.",
        "A grid is a list of rows of digits.",
        "The argument is a grid of colours, given as a list of lists.",
        "Given a grid of colours, do the following.",
    ),
}
CLOSINGS = {
    "stdio": ("Print the grid.", "Print the result in the same form.", "Print the new grid.", "Output the rows."),
    "function": (
        "Write a function `transform(grid)` that returns the new grid.",
        "Write a function `transform(grid)` and return the result.",
        "Write `transform(grid)`, a function that returns the grid that you get.",
    ),
}


@dataclass(frozen=True)
class GridFamily:
    """Problems that tell the transformation of a grid in words."""

    name: str = "grid"
    max_depth: int = MAX_DEPTH

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a grid, as rows of digits or as a list of lists, of at most 30 rows and columns.

        At least one cell must have a colour other than 0.
        """
        return accepts_grid(stdin)

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split. Draws again until the examples pin the program down.

        Raises:
            ValueError: depth outside 1..3.
        """
        while True:
            places = sorted(rng.sample(range(depth), min(open_steps, depth)))
            draft = draft_problem(rng, self.name, depth, split, places, grouped=True)
            if draft is not None:
                return self._word(rng, draft, places)

    def _word(self, rng: random.Random, draft: GridDraft, places: list[int]) -> Sample:
        clauses = [
            rng.choice(OPEN_PHRASES[step.operation.group])
            if place in places
            else step.phrase(rng.randrange(len(step.operation.phrases)))
            for place, step in enumerate(draft.steps)
        ]
        statement = word(rng, draft.kind, clauses, bool(places))
        return to_sample(self.name, draft, statement, len(places))


def word(rng: random.Random, kind: str, clauses: list[str], has_open_steps: bool) -> str:
    """The statement of some clauses."""
    text = assemble(rng, rng.choice(OPENINGS[kind]), clauses, "", has_open_steps)
    closing = rng.choice(CLOSINGS[kind])
    return f"{text}\n{closing}" if "\n" in text else f"{text} {closing}"


def to_sample(
    family: str,
    draft: GridDraft,
    statement: str,
    open_steps: int,
    concepts: tuple[Concept, ...] = (),
    shown: tuple[Concept, ...] = (),
) -> Sample:
    """The draft with its statement, and with the concepts of its hidden steps and those that the prompt shows."""
    is_function = draft.kind == "function"
    show = repr if is_function else show_grid
    lines = "\n".join(step.code for step in draft.steps)
    if is_function:
        inner = "\n    ".join(["g = grid", *lines.split("\n"), "return g"])
        program = f"def transform(grid):\n    {inner}"
    else:
        program = f"{_READ}\n{lines}\n{_WRITE}"
    return Sample(
        family=family,
        kind="function" if is_function else "stdio",
        depth=len(draft.steps),
        composition=draft.composition,
        parameters=tuple(step.parameter for step in draft.steps),
        open_steps=open_steps,
        statement=statement,
        program=program,
        public_tests=tuple(Example(show(grid), show(result)) for grid, result in draft.public),
        hidden_tests=tuple(Example(show(grid), show(result)) for grid, result in draft.hidden),
        entry_point="transform" if is_function else "",
        plan=tuple(step.text for step in draft.steps),
        concepts=concepts,
        shown_concepts=shown,
    )


def show_grid(grid: Grid) -> str:
    """The grid as lines of digits."""
    return "\n".join("".join(map(str, row)) for row in grid)


def accepts_grid(text: str) -> bool:
    """Whether a text is a valid input; see `GridFamily.accepts`."""
    if text.lstrip().startswith("["):
        try:
            grid = loads(text)
        except (ValueError, RecursionError):
            return False
        if repr(grid) != text.strip() or not all(isinstance(row, list) for row in grid):
            return False
    else:
        lines = text.removesuffix("\n").split("\n")
        if not all(line.isascii() and line.isdigit() for line in lines):
            return False
        grid = [list(map(int, line)) for line in lines]
    return (
        1 <= len(grid) <= MAX_SIDE
        and 1 <= len(grid[0]) <= MAX_SIDE
        and all(len(row) == len(grid[0]) and all(type(x) is int and 0 <= x <= 9 for x in row) for row in grid)
        and any(map(any, grid))
    )


GRIDS = GridFamily()
