"""Finds out what a file, folder or text holds, by content, and reads it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path, PurePosixPath

from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.problem import Problem
from solvent.problems.readers.formats import row_formats
from solvent.problems.readers.native import FRONT_MATTER, looks_like_yaml, read_front_matter, read_plain, yaml_rows
from solvent.problems.readers.package_tree import FolderTree, Tree, ZipTree
from solvent.problems.readers.place import Place, names_of
from solvent.problems.readers.text import LARGEST_TEXT_BYTES, decode, parse_json, parse_json_lines

ReadResult = Problem | DataError
"""A problem, or the error of a row that holds none; the other rows are read all the same."""

_MARKERS = ("problem.yaml", "problem.xml", "init.yml")
"""The files by which a package's root is known; a root that has several is read by the first."""
_SUFFIXES = frozenset({".md", ".yaml", ".yml", ".json", ".jsonl", ".zip", ".gz"})


def read(path: str | Path) -> Iterator[ReadResult]:
    """Yield the problems of a file, a problem package, or a folder of these, and an error for each bad row.

    Nothing is raised for bad content. A problem whose id an earlier one has gives an error.
    """
    yield from _without_doubles(_read_path(Path(path), str(path)))


def read_text(content: str | bytes, name: str = "-") -> Iterator[ReadResult]:
    """Yield the problems of a text (or of the bytes of a file), as `read` does; `name` stands in the errors."""
    data = content.encode("utf-8", errors="surrogatepass") if isinstance(content, str) else content
    yield from _without_doubles(_read_bytes(data, Place(name)))


def read_rows(rows: Iterable[JsonValue | DataError], name: str) -> Iterator[ReadResult]:
    """Yield one problem or error per row, in order; `name` and the row's number (from 1) stand in the errors.

    A row is an object in any known format, or a text that is one problem; an error that is given is yielded as it is.
    """
    place = Place(name)
    yield from _without_doubles(
        _caught(partial(read_one, place.at(number).source, row))
        if isinstance(row, str)
        else next(_read_rows(iter([(place.at(number), row)])))
        for number, row in enumerate(rows, start=1)
    )


def read_one(path: str | Path, text: str | bytes | None = None) -> Problem:
    """Return the only problem of a file, package or (if given) text; `path` then names it.

    Raises:
        DataError: it holds an error, no problem, or more than one.
    """
    results = read(path) if text is None else read_text(text, str(path))
    first = next(results, None)
    if first is None:
        raise DataError("holds no problem", file=str(path))
    if isinstance(first, DataError):
        raise first
    if next(results, None) is not None:
        raise DataError("holds more than one problem", file=str(path), remedy="run it as a batch")
    return first


def _without_doubles(results: Iterator[ReadResult]) -> Iterator[ReadResult]:
    seen: dict[str, str] = {}
    for result in results:
        if isinstance(result, Problem):
            earlier = seen.get(result.id)
            if earlier is not None:
                message = f"{result.source}: field 'id': {result.id!r} is already the id of {earlier}"
                yield DataError(message, remedy="give each problem its own id")
                continue
            seen[result.id] = result.source
        yield result


def _read_path(path: Path, name: str) -> Iterator[ReadResult]:
    place = Place(name)
    try:
        if path.is_dir():
            yield from _read_folder(path, name)
            return
        if not path.exists():
            yield place.error("does not exist")
            return
        if not path.is_file():
            yield place.error("is no regular file")
            return
        if path.stat().st_size > LARGEST_TEXT_BYTES:
            yield place.error(f"is larger than {LARGEST_TEXT_BYTES // 1024**2} MiB", remedy="split it")
            return
        if path.name in _MARKERS:
            yield _package(FolderTree(path.parent), Place(str(Path(name).parent)), path.resolve().parent.name)
            return
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        yield place.error(f"cannot be read: {error}")
        return
    yield from _read_bytes(data, place)


def _read_folder(path: Path, name: str) -> Iterator[ReadResult]:
    if _is_package(path):
        yield _package(FolderTree(path), Place(name), path.resolve().name)
        return
    found = False
    for child in sorted(path.iterdir()):
        is_folder = child.is_dir() and not child.is_symlink() and not child.name.startswith(".")
        is_file = child.suffix.lower() in _SUFFIXES and child.stem.upper() not in {"README", "LICENSE", "CHANGELOG"}
        if (is_folder and _holds_problems(child)) or (is_file and child.is_file()):
            found = True
            yield from _read_path(child, str(Path(name) / child.name))
    if not found:
        yield Place(name).error(
            "holds no problem", remedy=f"give a package with {_marker_names()}, or files of problems"
        )


def _holds_problems(folder: Path) -> bool:
    if _is_package(folder):
        return True
    return any(
        child.suffix.lower() in _SUFFIXES or (child.is_dir() and not child.is_symlink() and _holds_problems(child))
        for child in folder.iterdir()
    )


def _read_bytes(data: bytes, place: Place) -> Iterator[ReadResult]:
    try:
        if zipfile.is_zipfile(BytesIO(data)) and data.startswith(b"PK"):
            yield from _read_zip(data, place)
            return
        text = decode(data, place)
    except DataError as error:
        yield error
        return
    if not text.strip():
        yield place.error("is empty", remedy="write a problem in it")
        return
    yield from _read_decoded(text, place)


def _read_decoded(text: str, place: Place) -> Iterator[ReadResult]:
    start = text.lstrip()
    first_line = text.split("\n", 1)[0].rstrip()
    named_json = place.file.lower().endswith((".json", ".jsonl", ".json.gz", ".jsonl.gz"))
    if named_json or (start.startswith(("{", "[")) and _looks_like_json(start)):
        yield from _read_rows(_json_rows(text, place))
    elif first_line == FRONT_MATTER and not _is_only_yaml(text):
        yield _caught(lambda: read_front_matter(text, place))
    elif looks_like_yaml(text):
        try:
            rows = yaml_rows(text, place)
        except DataError as error:
            yield error
            return
        yield from _read_rows(iter(rows))
    else:
        yield _caught(lambda: read_plain(text, place))


def _looks_like_json(start: str) -> bool:
    following = start[1:].lstrip()[:1]
    return following in {'"', "}", "{", "]", "["} if start[0] == "{" else following in {"{", "]"}


def _is_only_yaml(text: str) -> bool:
    """Return whether `---` only opens a YAML document: there is no second such line, and a statement is a field."""
    lines = text.split("\n")[1:]
    return not any(line.rstrip() in {"---", "..."} for line in lines) and any(
        line.startswith(("statement:", "- ")) for line in lines
    )


def _json_rows(text: str, place: Place) -> Iterator[tuple[Place, JsonValue | DataError]]:
    """Yield the rows of a JSON text: of a list, of JSON lines, or one object."""
    lines = [line for line in text.split("\n") if line.strip()]
    is_lines = lines[0].lstrip().startswith("{") and lines[0].rstrip().endswith("}") and len(lines) > 1
    if is_lines or (lines[0].lstrip().startswith("{") and len(lines) == 1 and place.file.endswith((".jsonl", ".gz"))):
        yield from parse_json_lines(text, place)
        return
    try:
        value = parse_json(text, place)
    except DataError as error:
        # A first line that is cut leaves the others to be read.
        if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
            yield from parse_json_lines(text, place)
        else:
            yield place, error
        return
    if isinstance(value, list):
        if not value:
            yield place, place.error("is an empty list", remedy="write a problem in it")
        yield from ((place.at(number), item) for number, item in enumerate(value, start=1))
    else:
        yield place, value


def _read_rows(rows: Iterator[tuple[Place, JsonValue | DataError]]) -> Iterator[ReadResult]:
    for place, row in rows:
        yield row if isinstance(row, DataError) else _caught(partial(_read_row, row, place))


def _read_row(row: JsonValue, place: Place) -> Problem:
    if not isinstance(row, dict):
        raise place.error(f"must be an object with fields, not {type(row).__name__}")
    custom_id = row.get("custom_id")
    fields = {name: value for name, value in row.items() if name != "custom_id"}
    if set(fields) == {"problem"} and isinstance(fields["problem"], dict):
        fields = fields["problem"]
    row_format = next((candidate for candidate in row_formats() if candidate.matches(fields)), None)
    if row_format is None:
        known = "; ".join(f"{candidate.name}: {candidate.fields}" for candidate in row_formats())
        raise place.error(f"no known format has the fields {names_of(fields)}", remedy=f"known are {known}")
    problem = row_format.read(fields, place)
    if custom_id is None:
        return problem
    if not isinstance(custom_id, str) or not custom_id:
        raise place.error("must be text and not empty", field="custom_id")
    return problem.model_copy(update={"metadata": {**problem.metadata, "custom_id": custom_id}})


def _read_zip(data: bytes, place: Place) -> Iterator[ReadResult]:
    try:
        tree = ZipTree(data)
    except DataError as error:
        yield place.error(error.message, remedy=error.remedy)
        return
    found = sorted({name[: -len(PurePosixPath(name).name)] for name in tree.names() if _is_marker(name)}, key=len)
    roots: list[str] = []
    for root in found:
        if not any(root.startswith(outer) for outer in roots):
            roots.append(root)
    if not roots:
        yield place.error(f"is a zip archive without {_marker_names()}", remedy="zip a problem package")
        return
    for root in sorted(roots):
        inside = Place(f"{place.file}/{root.rstrip('/')}") if root and len(roots) > 1 else place
        name = root.rstrip("/").rpartition("/")[2] or place.default_id
        yield _package(tree.below(root), inside, name)


def _is_marker(name: str) -> bool:
    return PurePosixPath(name).name in _MARKERS


def _is_package(folder: Path) -> bool:
    return any((folder / marker).is_file() for marker in _MARKERS)


def _marker_names() -> str:
    return " or ".join(_MARKERS)


def _package(tree: FolderTree | ZipTree, place: Place, name: str) -> ReadResult:
    def read_first() -> Problem:
        names = set(tree.names())
        marker = next(marker for marker in _MARKERS if marker in names)
        return _package_reader(marker)(tree, place, name)

    return _caught(read_first)


def _package_reader(marker: str) -> Callable[[Tree, Place, str], Problem]:
    if marker == "problem.yaml":
        from solvent.problems.readers.package import read_package

        return read_package
    if marker == "problem.xml":
        from solvent.problems.readers.polygon import read_polygon

        return read_polygon
    from solvent.problems.readers.dmoj import read_dmoj

    return read_dmoj


def _caught(reader: Callable[[], Problem]) -> ReadResult:
    try:
        return reader()
    except DataError as error:
        return error
