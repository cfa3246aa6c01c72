"""The scripted oracle claims what fits all pairs, and nothing that two known transformations read differently."""

from __future__ import annotations

from typing import Any

from solvent.benchmarks.arc.oracle import find, program_of
from solvent.benchmarks.arc.steps import Rows


def run(program: str, grid: Rows) -> Any:
    names: dict[str, Any] = {"__name__": "solution"}
    exec(program, names)  # its own source
    return names["transform"](grid)


def test_a_transformation_is_found_and_its_program_stands_alone() -> None:
    pairs = [([[1, 2], [0, 3]], [[0, 1], [3, 2]]), ([[4, 0], [5, 6]], [[5, 4], [6, 0]])]
    use = find(pairs, [[[7, 8], [9, 1]]])
    assert use is not None
    assert use.step.__name__ == "rotate_90"
    assert run(program_of(use), [[7, 8], [9, 1]]) == [[9, 7], [1, 8]]


def test_colours_that_no_pair_shows_are_not_guessed() -> None:
    pairs: list[tuple[Rows, Rows]] = [([[1, 0, 3], [3, 1, 0]], [[2, 0, 4], [4, 2, 0]])]
    assert find(pairs, [[[0, 1, 1]]]) is not None
    assert find(pairs, [[[0, 5, 1]]]) is None


def test_what_can_be_read_in_two_ways_is_not_claimed() -> None:
    # Mirrored and turned by half look the same on one row, and differ on two.
    pairs: list[tuple[Rows, Rows]] = [([[1, 2, 3]], [[3, 2, 1]])]
    assert find(pairs, [[[4, 5, 6], [7, 8, 9]]]) is None
