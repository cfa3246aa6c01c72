"""Problems from where a user points: a path, or `-` for standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from solvent.errors import DataError
from solvent.problems.problem import Problem
from solvent.problems.readers import ReadResult, read, read_one, read_text

STANDARD_INPUT = "-"


def read_problems(path: str) -> Iterator[ReadResult]:
    """Yield the problems under `path`, and an error for each row that holds none.

    Raises:
        DataError: there is no such file.
    """
    if path == STANDARD_INPUT:
        return read_text(sys.stdin.buffer.read(), "standard input")
    _check_exists(path)
    return read(path)


def read_problem(path: str) -> Problem:
    """Return the only problem under `path`.

    Raises:
        DataError: there is no such file, or it holds no problem, or several.
    """
    if path == STANDARD_INPUT:
        return read_one("standard input", sys.stdin.buffer.read())
    _check_exists(path)
    return read_one(path)


def _check_exists(path: str) -> None:
    if not Path(path).exists():
        raise DataError("there is no such file or folder", file=path)
