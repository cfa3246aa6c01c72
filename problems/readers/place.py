"""Where a row was read, and the ways to take its fields apart with errors that name file, row and field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

from pydantic import JsonValue, ValidationError

from solvent.errors import DataError
from solvent.problems.problem import Problem

Row = Mapping[str, JsonValue]
SHOWN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A file as the user named it, and a 1-based row in it (the line in JSONL, the position in a list)."""

    file: str
    row: int | None = None

    def at(self, row: int) -> Place:
        """Return the place of a row of the same file."""
        return replace(self, row=row)

    def error(self, message: str, *, field: str | None = None, remedy: str | None = None) -> DataError:
        """Return (not raise) an error at this place."""
        return DataError(message, file=self.file, row=self.row, field=field, remedy=remedy)

    def locate(self, error: DataError) -> DataError:
        """Return (not raise) an error that names a field only, with this place."""
        prefix = f"field {error.field!r}: " if error.field else ""
        return self.error(error.message.removeprefix(prefix), field=error.field, remedy=error.remedy)

    @contextmanager
    def located(self) -> Iterator[None]:
        """Give data errors raised within this place, unless they name a file themselves."""
        try:
            yield
        except DataError as error:
            if error.file is not None:
                raise
            raise self.locate(error) from error

    @property
    def source(self) -> str:
        """`file` or `file:row`, for `Problem.source`."""
        return self.file if self.row is None else f"{self.file}:{self.row}"

    @property
    def default_id(self) -> str:
        """An id for a problem that has none: the file's name without endings, and the row."""
        stem = "stdin" if self.file == "-" else slug(PurePath(self.file).name.split(".", 1)[0]) or "problem"
        return stem if self.row is None else f"{stem}-{self.row}"


def slug(text: str) -> str:
    """Return `text` in lower case with runs of other characters than letters, digits, `.` and `_` as one `-`."""
    return re.sub(r"[^\w.]+", "-", text.lower()).strip("-.")


def build(place: Place, fields: Mapping[str, object]) -> Problem:
    """Return the problem with these fields.

    Raises:
        DataError: a field is missing, unknown or wrong; it names the first one and says how many more there are.
    """
    try:
        return Problem.model_validate(fields)
    except ValidationError as error:
        raise from_validation(place, error) from error
    except RecursionError as error:
        raise place.error("values are nested too deep") from error


def from_validation(place: Place, error: ValidationError) -> DataError:
    """Turn pydantic's error into one that names the field."""
    details = error.errors(include_url=False, include_input=False)
    first = details[0]
    union_tags = {"io", "call", "code"}
    field = ".".join(str(part) for part in first["loc"] if part not in union_tags)
    message = str(first["msg"]).removeprefix("Value error, ")
    remedy = None
    if first["type"] == "extra_forbidden":
        message, remedy = "no such field", "remove it, or put it under 'metadata'"
    elif first["type"] == "missing":
        message, remedy = "is missing", "add it"
    elif first["type"] == "string_type":
        remedy = "write it in quotes"
    if len(details) > 1:
        message = f"{message}; and {len(details) - 1} more"
    return place.error(message, field=field or None, remedy=remedy)


def text_field(row: Row, name: str, place: Place) -> str:
    """Return a field that must be text and not blank.

    Raises:
        DataError: it is missing, no text, or blank.
    """
    value = row.get(name)
    if value is None:
        raise place.error("is missing", field=name, remedy="add it")
    if not isinstance(value, str):
        raise place.error(f"must be text, not {type(value).__name__}", field=name)
    if not value.strip():
        raise place.error("is empty", field=name)
    return value


def optional_text(row: Row, name: str, place: Place) -> str:
    """Return a field that may be missing; else it must be text.

    Raises:
        DataError: it is no text.
    """
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise place.error(f"must be text, not {type(value).__name__}", field=name)
    return value


def texts_field(row: Row, name: str, place: Place) -> list[str]:
    """Return a field that is a list of texts; missing or null means none.

    Raises:
        DataError: it is something else.
    """
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise place.error("must be a list of texts", field=name)
    return [str(item) for item in value]


def names_of(row: Row) -> str:
    """Return the field names of a row for a message, cut."""
    names = [str(name)[:40] for name in row]
    return ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")
