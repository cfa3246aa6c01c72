"""Our own format: the fields of `Problem` in YAML or JSON, or Markdown with YAML front matter.

A problem without `kind` gets it from its parts, and `metadata.guessed` says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Problem, ProblemKind
from solvent.problems.readers.formats import RowFormat
from solvent.problems.readers.markdown import parse_markdown
from solvent.problems.readers.place import Place, Row, build
from solvent.problems.readers.text import parse_yaml

FRONT_MATTER = "---"


def _matches(row: Row) -> bool:
    return "statement" in row


def read_row(row: Row, place: Place) -> Problem:
    """Return the problem that a mapping of our own fields describes.

    Raises:
        DataError: a field is missing, unknown or wrong.
    """
    fields: dict[str, object] = dict(row)
    if not fields.get("id"):
        fields["id"] = place.default_id
    if not fields.get("source"):
        fields["source"] = place.source
    if not fields.get("kind"):
        fields["kind"] = _guess(fields)
        _note(fields, place, {"kind": fields["kind"]})
    for name in ("public_tests", "hidden_tests"):
        fields[name] = _tests(fields.get(name), name, place)
    if isinstance(fields.get("answer"), int | float) and not isinstance(fields["answer"], bool):
        fields["answer"] = str(fields["answer"])
    return build(place, fields)


def _guess(fields: Mapping[str, object]) -> str:
    if fields.get("function"):
        return ProblemKind.FUNCTION.value
    if fields.get("answer") is not None:
        return ProblemKind.MATH.value
    tests = fields.get("public_tests") or fields.get("hidden_tests")
    return ProblemKind.STDIO.value if tests else ProblemKind.MATH.value


def _note(fields: dict[str, object], place: Place, guessed: dict[str, object]) -> None:
    metadata = fields.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise place.error("must be a mapping", field="metadata")
    fields["metadata"] = {**metadata, "guessed": guessed}


def _tests(tests: object, name: str, place: Place) -> list[object]:
    """Give each test the type and the name that it may leave out."""
    if tests is None:
        return []
    if not isinstance(tests, list | tuple):
        raise place.error("must be a list of tests", field=name)
    result: list[object] = []
    for number, test in enumerate(tests, start=1):
        if not isinstance(test, dict):
            raise place.error("must be a mapping", field=f"{name}.{number - 1}")
        kind = "io" if "stdin" in test else "code" if "code" in test else "call"
        result.append({"type": kind, "name": f"{name.split('_', 1)[0]} {number}", **test})
    return result


def read_front_matter(text: str, place: Place) -> Problem:
    """Return the problem of a Markdown text that begins with YAML between lines of `---`.

    Raises:
        DataError: the front matter does not end or is wrong, or a part stands both there and in the body.
    """
    lines = text.split("\n")
    end = next((number for number, line in enumerate(lines[1:], start=1) if line.rstrip() in {"---", "..."}), None)
    if end is None:
        raise place.error("the front matter does not end", remedy="close it with a line of three hyphens")
    # An empty line for the opening one keeps the line numbers of errors right.
    header = parse_yaml("\n" + "\n".join([*lines[1:end], ""]), place)
    if header is None:
        header = {}
    if not isinstance(header, dict):
        raise place.error("the front matter must be fields with values", remedy="write lines such as `title: Sum`")
    return _with_body(header, "\n".join(lines[end + 1 :]), place)


def read_plain(text: str, place: Place) -> Problem:
    """Return the problem of a Markdown or plain text without front matter; what was guessed is in its metadata.

    Raises:
        DataError: the text is empty.
    """
    return _with_body({}, text, place)


def _with_body(header: dict[str, JsonValue], text: str, place: Place) -> Problem:
    function = header.get("function")
    body = parse_markdown(text, is_function=bool(function))
    fields: dict[str, object] = dict(header)
    if body.statement:
        if "statement" in fields:
            raise place.error("stands in the front matter and in the text", field="statement", remedy="keep one")
        fields["statement"] = body.statement
    elif not fields.get("statement"):
        raise place.error("has no statement", field="statement", remedy="write it below the front matter")
    parts = {
        "public_tests": body.public_tests,
        "hidden_tests": body.hidden_tests,
        "solutions": body.solutions,
        "answer": body.answer,
    }
    for name, found in parts.items():
        if found is None or found == []:
            continue
        if fields.get(name) is not None:
            raise place.error("stands in the front matter and under a heading", field=name, remedy="keep one")
        fields[name] = found
    if not header.get("title") and body.title:
        fields["title"] = body.title
    return read_row(fields, place)  # type: ignore[arg-type]  # JSON values and our own lists of them


def looks_like_yaml(text: str) -> bool:
    """Return whether a text begins with one of our fields, or a list of mappings with them, in YAML."""
    names = ("id:", "kind:", "statement:", "title:", "custom_id:")
    for line in text.split("\n"):
        content = line.removeprefix("- ").strip()
        if content and not content.startswith("#") and content != FRONT_MATTER:
            return content.startswith(names) and not line.startswith((" ", "\t"))
    return False


def yaml_rows(text: str, place: Place) -> list[tuple[Place, JsonValue]]:
    """Return the rows of a YAML text: one mapping, or a list of them.

    Raises:
        DataError: it is no YAML, or neither of these.
    """
    value = parse_yaml(text, place)
    if isinstance(value, list):
        return [(place.at(number), item) for number, item in enumerate(value, start=1)]
    if not isinstance(value, dict):
        raise DataError("must be a problem or a list of problems", file=place.file)
    return [(place, value)]


ROW_FORMAT = RowFormat("Solvent", "statement", _matches, read_row, order=10)
