"""The steps of grid problems: operations with their colours chosen, and what some of them do to a grid."""

from __future__ import annotations

from typing import NamedTuple

from solvent.training.families.grids_operations import OPERATIONS, Grid, GridOperation

_BY_NAME = {operation.name: operation for operation in OPERATIONS}


class GridStep(NamedTuple):
    """An operation with its colours chosen (0 where it has none)."""

    operation: GridOperation
    a: int = 0
    b: int = 0

    @property
    def code(self) -> str:
        """The step's lines of Python."""
        return self.operation.code.format(a=self.a, b=self.b)

    @property
    def parameter(self) -> str:
        """The colours as text."""
        return " ".join(map(str, (self.a, self.b)[: self.operation.colours]))

    @property
    def text(self) -> str:
        """What the step does, in its shortest wording."""
        return self.phrase(0)

    def phrase(self, index: int) -> str:
        """One of the wordings."""
        return self.operation.phrases[index].format(a=self.a, b=self.b)


def run(steps: tuple[GridStep, ...], grid: Grid) -> Grid | None:
    """Apply the steps; None where a grid on the way has no colour or more than 900 cells, or a step is undefined."""
    for operation, a, b in steps:
        try:
            grid = operation.apply(grid, a, b)
        except (ValueError, IndexError):
            return None
        if not any(map(any, grid)) or len(grid) * len(grid[0]) > 900:
            return None
    return grid


def candidates(colours: set[int], names: frozenset[str] | None = None) -> list[GridStep]:
    """All steps with these colours, or those of some names."""
    palette = sorted(colours - {0})
    steps = []
    for operation in OPERATIONS:
        if names is not None and operation.name not in names:
            continue
        if operation.colours == 0:
            steps.append(GridStep(operation))
        elif operation.colours == 1:
            steps.extend(GridStep(operation, a) for a in palette)
        else:
            ordered = operation.name == "recolour"
            steps.extend(GridStep(operation, a, b) for a in palette for b in palette if (a != b if ordered else a < b))
    return steps


def step_of(name: str, parameter: str) -> GridStep:
    """The step of an operation's name and its colours as text."""
    return GridStep(_BY_NAME[name], *map(int, parameter.split()))
