"""What `solvent memory` reads from files and options, and how it shows concepts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import DataError, boundary

if TYPE_CHECKING:
    from solvent.memory.concept import Concept, Content, Utility
    from solvent.memory.results import Written


def read_text(file: str) -> str:
    """Return a file's text; `-` is standard input. Raises DataError."""
    if file == "-":
        return sys.stdin.read()
    with boundary(DataError, f"read {file}", OSError, UnicodeDecodeError):
        return Path(file).read_text(encoding="utf-8")


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that are shown as they are."""
    return "\n".join(["Examples:", "", "\b", *(f"  {line}" for line in lines)])


def content_of_file(file: str) -> Content:
    """Return the one concept of a file. Raises DataError."""
    from solvent.memory.exchange import read_library

    rows = read_library(read_text(file), file=file)
    if len(rows) != 1:
        raise DataError(
            f"it has {len(rows)} concepts, not one", file=file, remedy="`solvent memory import` reads libraries"
        )
    return rows[0].content


def content_of_options(fields: dict[str, Any]) -> Content:
    """Return the concept that options give. Raises DataError."""
    from solvent.memory.concept import read_content

    given = {name: value for name, value in fields.items() if value not in (None, ())}
    if "name" not in given:
        raise click.UsageError("give FILE, or --name and what it says")
    if "suggestion" in given:
        given["kind"] = "insight"
    return read_content(given)


def report(written: Written, done: str, as_json: bool) -> None:
    """Say what was stored."""
    concept = written.concept
    if as_json:
        row = {
            "id": concept.id,
            "version": concept.version,
            "name": concept.content.name,
            "unindexed": written.unindexed,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{done} {concept.content.name} ({concept.id}, version {concept.version})")
    warn(written.unindexed)


def warn(unindexed: str | None) -> None:
    """Say what searches do not find yet."""
    if unindexed:
        click.echo(f"stored, and not yet found by searches: {unindexed}", err=True)


def row_of(concept: Concept, counted: Utility | None) -> dict[str, Any]:
    """Return a concept as a row of a list."""
    counters = {name: (getattr(counted, name) if counted else 0) for name in ("chosen", "solved_with", "tried_with")}
    return {
        "name": concept.content.name,
        "kind": concept.content.kind.value,
        "version": concept.version,
        "status": concept.status.value,
        **counters,
        "id": concept.id,
        "text": concept.content.text,
    }


def whole(concept: Concept, counted: Utility | None) -> dict[str, Any]:
    """Return all of a concept."""
    return {
        **concept.content.model_dump(mode="json", exclude_defaults=True),
        "id": concept.id,
        "namespace": concept.namespace,
        "version": concept.version,
        "status": concept.status.value,
        "created": moment(concept.created_at),
        "updated": moment(concept.updated_at),
        "provenance": concept.provenance.model_dump(mode="json", exclude_defaults=True),
        "utility": {} if counted is None else counted.model_dump(exclude_defaults=True),
    }


def print_fields(row: dict[str, Any]) -> None:
    """Print a concept for a person."""
    for field, value in row.items():
        if value in ({}, [], ""):
            continue
        if isinstance(value, list):
            click.echo(f"{field}:")
            for item in value:
                click.echo(f"  - {_line_of(item)}")
        elif isinstance(value, dict):
            click.echo(f"{field}: {', '.join(f'{key} {part}' for key, part in value.items())}")
        else:
            click.echo(f"{field}: {value}")


def _line_of(item: str | dict[str, Any]) -> str:
    if isinstance(item, str):
        return item
    said = {key: ", ".join(part) if isinstance(part, list) else part for key, part in item.items() if part}
    return f"{said.pop('text')} ({said['used_in']})" if "used_in" in said else ", ".join(map(" ".join, said.items()))


def moment(seconds: float) -> str:
    """Return a time as people read it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
