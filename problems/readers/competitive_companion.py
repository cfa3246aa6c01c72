"""competitive-companion JSON (https://github.com/jmerle/competitive-companion): limits and samples, no statement."""

from __future__ import annotations

from pydantic import JsonValue

from solvent.problems.problem import IoTest, Limits, Problem, ProblemKind
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.place import Place, Row, build, optional_text, slug, text_field

_KNOWN = frozenset({"name", "group", "url", "interactive", "memoryLimit", "timeLimit", "tests"})


def _matches(row: Row) -> bool:
    return "name" in row and "tests" in row and ("timeLimit" in row or "memoryLimit" in row or "testType" in row)


def _read(row: Row, place: Place) -> Problem:
    name = text_field(row, "name", place)
    group, url = optional_text(row, "group", place), optional_text(row, "url", place)
    for field in ("input", "output"):
        stream = row.get(field)
        kind = stream.get("type") if isinstance(stream, dict) else None
        if kind in {"file", "regex"}:
            raise place.error(
                f"is {kind!r}: programs that use files are not judged", field=f"{field}.type", remedy="use stdin/stdout"
            )
    limits: dict[str, object] = {}
    if row.get("timeLimit") is not None:
        limits["cpu_time_s"] = _positive(row, "timeLimit", place) / 1000
    if row.get("memoryLimit") is not None:
        limits["memory_mb"] = max(16, min(16384, int(_positive(row, "memoryLimit", place))))
    where = f" It is at {url}." if url else ""
    return build(
        place,
        {
            "id": slug(f"{group} {name}") or place.default_id,
            "kind": ProblemKind.STDIO,
            "title": name,
            "statement": f"{name}\n\nThe statement was not imported, only the examples.{where}",
            "limits": limits or Limits(),
            "public_tests": tuple(_tests(row.get("tests"), place)),
            "interactive": row.get("interactive") is True,
            "source": place.source,
            "metadata": {
                "format": "competitive-companion",
                "group": group,
                "url": url,
                "warnings": ["the statement was not imported, only the examples"],
                **{key: value for key, value in row.items() if key not in _KNOWN},
            },
        },
    )


def _positive(row: Row, name: str, place: Place) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise place.error("must be a positive number", field=name)
    return float(value)


def _tests(tests: JsonValue, place: Place) -> list[IoTest]:
    if not isinstance(tests, list):
        raise place.error("must be a list of {input, output}", field="tests")
    found = []
    for number, test in enumerate(tests):
        if not isinstance(test, dict):
            raise place.error("must be {input, output}", field=f"tests.{number}")
        stdin, expected = test.get("input"), test.get("output")
        for field, value in (("input", stdin), ("output", expected)):
            if not isinstance(value, str):
                raise place.error("must be text", field=f"tests.{number}.{field}")
        found.append(IoTest(name=f"sample {number + 1}", stdin=str(stdin), expected=str(expected)))
    return found


ROW_FORMAT = RowFormat("competitive-companion", "name, tests, timeLimit, memoryLimit", _matches, _read, order=30)
