"""Libraries of concepts as JSON, YAML or a cheatsheet's text: ours whole, others' as far as fields agree. Pure.

docs/memory.md has the schema and the table of fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solvent.errors import DataError
from solvent.memory.concept import FORMAT, MOST_TEXT, Concept, ConceptKind, Content, Utility, one_line, read_content
from solvent.memory.screening import screen

FORMAT_NAME = "solvent-concepts"
_MOST_NAME = 80
_MOST_LINE = 400
_ITEM = re.compile(r"<memory_item>(.*?)</memory_item>", re.IGNORECASE | re.DOTALL)
"""Of a cheatsheet as text (Dynamic Cheatsheet, arXiv 2504.07952)."""
_REFERENCES = re.compile(r"\(\s*references?\s*:\s*([^()]*)\)", re.IGNORECASE)

_FORMS = (
    "JSON, JSON Lines, YAML (.yaml, .yml), or a cheatsheet with <memory_item> blocks; docs/memory.md has the fields"
)


@dataclass(frozen=True)
class Row:
    """A content with its place in the library."""

    content: Content
    number: int


def export_library(concepts: Sequence[Concept], utility: Mapping[str, Utility]) -> dict[str, Any]:
    """Return a library as JSON values, by name."""
    rows = []
    for concept in sorted(concepts, key=lambda one: one.content.name):
        row: dict[str, Any] = concept.content.model_dump(mode="json", exclude_defaults=True)
        row["id"] = concept.id
        row["version"] = concept.version
        if concept.status.value != "active":
            row["status"] = concept.status.value
        row["provenance"] = concept.provenance.model_dump(mode="json", exclude_defaults=True)
        counted = utility.get(concept.id, Utility()).model_dump(exclude_defaults=True)
        if counted:
            row["utility"] = counted
        rows.append(row)
    return {"format": FORMAT_NAME, "version": FORMAT, "concepts": rows}


def read_library(text: str, *, file: str) -> list[Row]:
    """Return the contents of a library; which of the known forms it has is found by its fields.

    Args:
        text: JSON, JSON Lines, YAML, or any text with `<memory_item>` blocks.
        file: its name, for messages; `.yaml` and `.yml` are read as YAML.

    Raises:
        DataError: it cannot be read, or a row is wrong or holds what may not be kept; names the row and the field.
    """
    rows = _rows(_parsed(text, file), file)
    found = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        content = read_content(_mapped(row, file, number), file=file, row=number)
        screen(content, file=file, row=number)
        if content.name in seen:
            raise DataError(
                f"the name {content.name!r} is that of row {seen[content.name]} too",
                file=file,
                row=number,
                field="name",
            )
        seen[content.name] = number
        found.append(Row(content, number))
    return found


def _parsed(text: str, file: str) -> Any:
    if not text.lstrip().startswith(("{", "[")) and (items := _ITEM.findall(text)):
        return [_text_item(item) for item in items]
    if file.endswith((".yaml", ".yml")):
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise DataError(f"it is not YAML: {error}", file=file) from error
    try:
        return json.loads(text)
    except ValueError as error:
        lines = [(row, line) for row, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2:
            raise DataError(f"it is not JSON: {error}", file=file, remedy=_FORMS) from error
    rows = []
    for row, line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise DataError(f"it is neither JSON nor JSON Lines: {error}", file=file, row=row, remedy=_FORMS) from error
    return rows


def _rows(given: Any, file: str) -> list[Any]:
    if isinstance(given, dict):
        if given.get("format") == FORMAT_NAME and given.get("version", 1) > FORMAT:
            raise DataError(
                f"it has format {given['version']}, this version reads up to {FORMAT}",
                file=file,
                remedy="upgrade solvent",
            )
        for field in ("concepts", "lessons", "items", "cheatsheet"):
            if field in given:
                given = given[field]
                break
    if isinstance(given, dict) and isinstance(given.get("name"), str):
        given = [given]
    if isinstance(given, dict):
        # ArcMemo keeps concepts by name.
        given = [{"name": name, **row} if isinstance(row, dict) else row for name, row in given.items()]
    if not isinstance(given, list):
        raise DataError("it has no list of concepts", file=file, remedy="docs/memory.md has the schema")
    return given


def _mapped(row: Any, file: str, number: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError("a concept is an object with fields", file=file, row=number)
    if "situation" in row or "suggestion" in row:
        return _insight(row)
    if "kind" not in row and ("example" in row or "count" in row or "content" in row):
        return _cheatsheet_item(row)
    return _typed(row)


def _typed(row: Mapping[str, Any]) -> dict[str, Any]:
    ours = {field: row[field] for field in Content.model_fields if field in row}
    ours.setdefault("kind", ConceptKind.ROUTINE.value)
    for theirs, field in (("description", "summary"), ("output_typing", "output_type"), ("implementation", "notes")):
        if row.get(theirs) and field not in ours:
            ours[field] = _listed(row[theirs]) if field == "notes" else _text(row[theirs])
    for field in ("cues", "used_in", "statements"):
        if field in ours:
            ours[field] = _listed(ours[field])
    parameters = [_parameter(one) for one in ours.get("parameters") or ()]
    if row.get("routine_subtype"):
        ours["notes"] = [*ours.get("notes", []), f"kind of routine: {_text(row['routine_subtype'])}"]
    name = _text(ours.get("name", ""))
    summary = ours.get("summary") or name
    return {**ours, "name": _name(name), "summary": summary, "parameters": parameters}


def _parameter(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    renamed = {"type": given.get("typing"), **given}
    return {key: renamed[key] or "" for key in ("name", "type", "description") if key in renamed}


def _insight(row: Mapping[str, Any]) -> dict[str, Any]:
    ours = {field: row[field] for field in Content.model_fields if field in row}
    situation, suggestion = _text(row.get("situation", "")), _text(row.get("suggestion", ""))
    source = row.get("source")
    if source and "used_in" not in ours:
        ours["used_in"] = [_text(source)]
    return {
        **ours,
        "kind": ConceptKind.INSIGHT.value,
        "name": _name(_text(row.get("name") or situation or suggestion)),
        "situation": situation,
        "suggestion": suggestion,
    }


def _text_item(block: str) -> dict[str, Any]:
    """Return an item of a cheatsheet's text with the fields that it has as JSON."""

    def part(tag: str) -> str:
        found = re.search(rf"<{tag}>(.*?)</{tag}>", block, re.IGNORECASE | re.DOTALL)
        return "" if found is None else found[1].strip()

    text = part("description") or re.sub(r"<example>.*?</example>", "", block, flags=re.IGNORECASE | re.DOTALL).strip()
    cited = [one.strip() for found in _REFERENCES.findall(text) for one in found.split(",")]
    references = [one for one in cited if one and one.lower() != "etc."]
    return {"content": _REFERENCES.sub("", text), "example": part("example"), "references": references}


def _cheatsheet_item(row: Mapping[str, Any]) -> dict[str, Any]:
    text = _text(row.get("description") or row.get("content") or row.get("text") or "")
    suggestion, *rest = _parts(text, MOST_TEXT, _MOST_LINE) or [""]
    notes = [*rest, *(_parts(_text(row["example"]), _MOST_LINE, _MOST_LINE) if row.get("example") else ())]
    return {
        "kind": ConceptKind.INSIGHT.value,
        "name": _name(_text(row.get("name") or row.get("title") or text)),
        "suggestion": suggestion,
        "notes": notes,
        "used_in": _listed(row.get("references") or row.get("used_in") or []),
    }


def _parts(text: str, first: int, others: int) -> list[str]:
    """Return a text in parts of so many characters, cut between words where it has some."""
    found, most = [], first
    while len(text) > most:
        cut = text.rfind(" ", 0, most + 1)
        cut = cut if cut > 0 else most
        found.append(text[:cut].strip())
        text, most = text[cut:].strip(), others
    return [*found, text] if text else found


def _text(value: Any) -> str:
    return one_line(value) if isinstance(value, str) else one_line(json.dumps(value, ensure_ascii=False))


def _listed(value: Any) -> list[str]:
    return [_text(item) for item in value] if isinstance(value, list | tuple) else [_text(value)]


def _name(text: str) -> str:
    """Return a text as a name: without what names may not have, cut at a word."""
    clean = one_line(text.replace(":", " ").replace("`", " "))
    return clean if len(clean) <= _MOST_NAME else clean[:_MOST_NAME].rsplit(" ", 1)[0]
