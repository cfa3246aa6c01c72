"""Grids: which are any, the reader of ARC tasks, what may be shown of them, and both scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from solvent.errors import DataError
from solvent.problems.grids import as_grid, official_score, score_attempts, submission_entry
from solvent.problems.problem import Problem, ProblemKind
from solvent.problems.readers.registry import read, read_text
from solvent.problems.view import public_view

TASK = {
    "train": [{"input": [[1, 0]], "output": [[0, 1]]}, {"input": [[2, 3]], "output": [[3, 2]]}],
    "test": [{"input": [[4, 5]], "output": [[5, 4]]}, {"input": [[6, 7]], "output": [[7, 6]]}],
}


def test_a_task_is_read_with_its_outputs_hidden(tmp_path: Path) -> None:
    file = tmp_path / "0a1b2c3d.json"
    file.write_text(json.dumps(TASK))
    [problem] = read(file)
    assert isinstance(problem, Problem)
    assert (problem.id, problem.kind) == ("0a1b2c3d", ProblemKind.GRID)
    assert [test.name for test in problem.public_tests] == ["train 1", "train 2"]
    view = public_view(problem)
    assert view.test_inputs == ([[4, 5]], [[6, 7]])
    shown = view.model_dump_json()
    assert "[5,4]" not in shown
    assert "[7,6]" not in shown
    assert Problem.model_validate_json(problem.model_dump_json()) == problem


def test_outputs_that_nobody_knows_may_be_missing() -> None:
    row = {"id": "x", "train": TASK["train"], "test": [{"input": [[4, 5]]}]}
    [problem] = read_text(json.dumps(row), "rows.json")
    assert isinstance(problem, Problem)
    assert problem.test_inputs == ([[4, 5]],)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("train.0.input", [[1, 2], [3]]),
        ("train.0.output", [[10]]),
        ("test.0.input", [[True]]),
        ("test.0.output", [[0] * 31]),
        ("train.0.input", []),
    ],
)
def test_what_is_no_grid_is_named(where: str, value: object) -> None:
    row = json.loads(json.dumps(TASK))
    part, number, side = where.split(".")
    row[part][int(number)][side] = value
    [error] = read_text(json.dumps(row), "rows.json")
    assert isinstance(error, DataError)
    assert error.field == where


def test_any_of_two_attempts_counts_for_each_test_input() -> None:
    one, two, three = (as_grid([[number]]) for number in (1, 2, 3))
    assert one
    assert two
    score = score_attempts([(three, one), (three, one, two)], [one, two])
    assert (score.right, score.total, score.share) == (1, 2, 0.5)
    assert official_score([0.5, 1.0, 0.0]) == 0.5
    assert official_score([]) == 0.0


def test_a_submission_has_two_attempts_for_each_input() -> None:
    one, two = as_grid([[1]]), as_grid([[2]])
    assert submission_entry([(one, two), (one, None), (None, None)], 3) == [
        {"attempt_1": [[1]], "attempt_2": [[2]]},
        {"attempt_1": [[1]], "attempt_2": [[1]]},
        {"attempt_1": [[0, 0], [0, 0]], "attempt_2": [[0, 0], [0, 0]]},
    ]
