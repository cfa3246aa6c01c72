"""Grids in words: what is said of them, and that nothing hidden is."""

from __future__ import annotations

import pytest

from solvent.problems.grid_features import grid_words
from solvent.problems.problem import CallTest, FunctionSpec, Problem, ProblemKind
from solvent.problems.view import public_view

Rows = list[list[int]]


def words_of(*pairs: tuple[Rows, Rows], hidden: Rows | None = None) -> str:
    problem = Problem(
        id="p",
        kind=ProblemKind.GRID,
        statement="Find it.",
        function=FunctionSpec(name="transform"),
        public_tests=tuple(
            CallTest(name=f"train {number}", arguments=(given,), expected=wanted)
            for number, (given, wanted) in enumerate(pairs)
        ),
        hidden_tests=(CallTest(name="test 1", arguments=([[1]],), expected=hidden or [[1]]),),
    )
    return grid_words(public_view(problem))


@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        ([[1, 0, 2]], [[2, 0, 1]], "mirrored left to right"),
        ([[1, 2], [3, 4]], [[3, 1], [4, 2]], "rotated clockwise"),
        ([[1, 2]], [[1, 1, 2, 2], [1, 1, 2, 2]], "scaled up"),
        ([[1, 2]], [[1, 2, 1, 2]], "tiled"),
        ([[1, 0], [0, 0]], [[0, 0], [1, 0]], "fall down: gravity"),
        ([[1, 0], [0, 1]], [[2, 0], [0, 2]], "each colour becomes always the same colour"),
        ([[0, 3, 0], [3, 0, 3], [0, 3, 0]], [[0, 3, 0], [3, 4, 3], [0, 3, 0]], "enclose holes"),
        ([[1, 1, 2], [1, 1, 2]], [[1, 2]], "repeated rows and columns are dropped"),
        ([[5, 1], [2, 3]], [[5]], "the output is a single cell"),
    ],
)
def test_what_holds_of_all_pairs_is_said(given: Rows, wanted: Rows, said: str) -> None:
    assert said in words_of((given, wanted))


def test_what_holds_of_some_pairs_only_is_not() -> None:
    mirrored = ([[1, 0, 2]], [[2, 0, 1]])
    assert "mirrored left to right" not in words_of(mirrored, ([[1, 0, 2]], [[1, 0, 3]]))


def test_outputs_of_test_inputs_change_nothing() -> None:
    pair = ([[1, 0, 2]], [[2, 0, 1]])
    assert words_of(pair, hidden=[[7, 7], [7, 7]]) == words_of(pair, hidden=[[0]])
