"""Rows that hold whole problem packages: the files of a package as texts in the fields of one JSON object.

Fields: `problem_yaml`; `statement`, `validators`, `testdata_yaml` (texts by path in the package); `submissions`
(objects with `path` and `code`); `tests` (objects with `name`, `input`, `answer`); `timelimit_file`; `omitted_tests`
(paths of tests that the row leaves out, so that a wrong program may pass).
"""

from __future__ import annotations

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Problem
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.package import read_package
from solvent.problems.readers.place import Place, Row

_KNOWN = frozenset({"id", "problem_yaml", "statement", "validators", "testdata_yaml", "submissions", "tests"})


class _RowTree:
    """The files of a package that is one row."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def names(self) -> list[str]:
        """Return the paths of all files, sorted."""
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return self._files[name].encode("utf-8", errors="surrogatepass")


def _matches(row: Row) -> bool:
    return {"problem_yaml", "submissions", "tests"} <= row.keys()


def _read(row: Row, place: Place) -> Problem:
    files = {"problem.yaml": _text(row, "problem_yaml", place)}
    if row.get("timelimit_file") is not None:
        files[".timelimit"] = _text(row, "timelimit_file", place)
    for field in ("statement", "validators", "testdata_yaml"):
        files.update(_texts(row.get(field), field, place))
    for one in _objects(row, "submissions", place):
        files[_text(one, "path", place)] = _text(one, "code", place)
    for one in _objects(row, "tests", place):
        stem = f"data/{_text(one, 'name', place)}"
        files[f"{stem}.in"] = _text(one, "input", place)
        if one.get("answer") is not None:
            files[f"{stem}.ans"] = _text(one, "answer", place)
    name = row.get("id")
    problem = read_package(_RowTree(files), place, str(name) if isinstance(name, str) and name else place.default_id)
    more = {key: value for key, value in row.items() if key not in _KNOWN and value is not None}
    return problem.model_copy(update={"metadata": {**problem.metadata, **more}})


def _text(row: Row, field: str, place: Place) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise place.error("must be text", field=field)
    return value


def _texts(value: JsonValue, field: str, place: Place) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise place.error("must be texts by path", field=field)
    return {name: text if isinstance(text, str) else "" for name, text in value.items()}


def _objects(row: Row, field: str, place: Place) -> list[dict[str, JsonValue]]:
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise place.error("must be a list", field=field)
    found = [one for one in value if isinstance(one, dict)]
    if len(found) != len(value):
        raise DataError("must be a list of objects", file=place.file, row=place.row, field=field)
    return found


ROW_FORMAT = RowFormat("package", "problem_yaml, submissions, tests", _matches, _read, order=1)
