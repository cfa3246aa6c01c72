"""Rows that hold whole problem packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from solvent.errors import DataError
from solvent.problems.problem import Problem, Verdict
from solvent.problems.readers import read

ROW: dict[str, Any] = {
    "id": "contest/sum",
    "problem_yaml": "name: Sum\nvalidation: custom\n",
    "timelimit_file": "3",
    "statement": {"problem_statement/problem.en.tex": "\\problemname{Sum} Add two numbers."},
    "validators": {"output_validators/v/v.cpp": "int main() { return 42; }"},
    "submissions": [{"path": "submissions/wrong_answer/a.py", "code": "print(1)"}],
    "tests": [
        {"name": "sample/1", "input": "1 2\n", "answer": "3\n"},
        {"name": "secret/1", "input": "\r\n", "answer": ""},
    ],
    "omitted_tests": ["data/secret/2.in"],
}


def rows(path: Path, *found: dict[str, Any]) -> list[Problem | DataError]:
    file = path / "packages.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return list(read(file))


def test_a_row_is_read_as_its_package(tmp_path: Path) -> None:
    [problem] = rows(tmp_path, ROW)
    assert isinstance(problem, Problem)
    assert (problem.id, problem.title, problem.limits.cpu_time_s) == ("contest-sum", "Sum", 3)
    assert problem.checker.program is not None
    assert [test.name for test in (*problem.public_tests, *problem.hidden_tests)] == ["sample/1", "secret/1"]
    assert problem.hidden_tests[0].type == "io"
    assert problem.hidden_tests[0].stdin == "\r\n"
    assert (problem.solutions[0].name, problem.solutions[0].expected) == ("wrong_answer/a.py", Verdict.WA)
    assert problem.metadata["omitted_tests"] == ["data/secret/2.in"]


def test_bad_rows_say_where_and_leave_the_others(tmp_path: Path) -> None:
    bad = [{**ROW, "submissions": {}}, {**ROW, "tests": ["x"]}, {**ROW, "problem_yaml": 1}, {**ROW, "statement": {}}]
    *errors, problem = rows(tmp_path, *bad, ROW)
    assert isinstance(problem, Problem)
    for number, (error, field) in enumerate(
        zip(errors, ("submissions", "tests", "problem_yaml", "statement"), strict=True), 1
    ):
        assert isinstance(error, DataError)
        assert (error.row, error.field) == (number, field)
