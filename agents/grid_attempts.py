"""The two attempts at each test input of a problem of kind `grid`: of the selected program, and of the next best. Pure.

A program is a try; programs that make the same grids of the test inputs are one. What a program is worth is said by
the train pairs and by how many others agree with it, never by an output of a test input, which is hidden.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from solvent.agents.job import GridAttempts
from solvent.problems.grids import Grid, grid_from

if TYPE_CHECKING:
    from solvent.agents.outcome import TrajectoryOutcome

MOST_TRIES = 16
"""That are kept while a job runs; the worst of more are let go."""


class GridTry(TypedDict):
    """Programs that make the same grids of the test inputs."""

    outputs: str
    """Artifact id of the grids."""
    passed: int
    """Train pairs that the best of them gets right."""
    repairs: int
    """Fewest repairs of those."""
    votes: int
    """Trajectories that ended with one of them."""


def with_try(tries: Sequence[GridTry], outcome: TrajectoryOutcome) -> list[GridTry]:
    """Return the tries with what a trajectory ended with, best first; equal ones in the order in which they came."""
    if outcome.answer is None:
        return list(tries)
    fresh = GridTry(outputs=outcome.answer, passed=outcome.passed, repairs=outcome.repairs, votes=1)
    known = [one for one in tries if one["outputs"] == outcome.answer]
    for one in known:
        better = min(one, fresh, key=lambda each: (-each["passed"], each["repairs"]))
        fresh = GridTry(
            outputs=one["outputs"], passed=better["passed"], repairs=better["repairs"], votes=one["votes"] + 1
        )
    every = [fresh if one["outputs"] == outcome.answer else one for one in tries] if known else [*tries, fresh]
    return sorted(every, key=lambda one: (-one["passed"], -one["votes"], one["repairs"]))[:MOST_TRIES]


def ordered_outputs(tries: Sequence[GridTry], selected: str | None) -> list[str]:
    """Return the artifact ids of the tries' grids: the selected program's first, then the others, best first."""
    others = [one["outputs"] for one in tries if one["outputs"] != selected]
    return others if selected is None else [selected, *others]


def grids_of(outputs: str) -> list[Grid | None]:
    """Return the grids of a stored text."""
    return [grid_from(text) for text in json.loads(outputs)]


def attempts_of(tried: Sequence[Sequence[Grid | None]], inputs: int) -> tuple[GridAttempts, ...]:
    """Return the attempts at each test input: of the first program, and the next best one's that differs there."""
    attempts = []
    for number in range(inputs):
        grids = [one[number] if number < len(one) else None for one in tried]
        first = grids[0] if grids else None
        second = next((grid for grid in grids[1:] if grid not in (None, first)), None)
        attempts.append(GridAttempts(attempt_1=first, attempt_2=second))
    return tuple(attempts)
