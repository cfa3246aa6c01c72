"""Joining concepts: what several say becomes one, whatever the order they come in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import to_json

from solvent.memory.concept import MOST_BYTES, MOST_STATEMENTS, ConceptKind, Content, Parameter
from solvent.memory.readings import joined

_MOST_LINES = 16
_MOST_PARAMETERS = 12
_MOST_USES = 200
_LISTS = (
    ("cues", _MOST_LINES),
    ("notes", _MOST_LINES),
    ("used_in", _MOST_USES),
    ("statements", MOST_STATEMENTS),
)


def merged(into: Content, others: Sequence[Content]) -> Content:
    """Return `into` with what the others know beside it.

    Name, kind and what it says stay those of `into`; parameters are united by name; cues, notes, uses, statements and
    readings are united. The others are taken in the order of their contents, so that theirs does not matter. What goes
    over the limits is left out.
    """
    ordered = sorted(others, key=lambda one: (one.name, one.digest))
    everyone = [into, *ordered]
    values = into.model_dump()
    values["parameters"] = _parameters(everyone)
    for field, most in _LISTS:
        values[field] = _united((getattr(one, field) for one in everyone), most)
    if into.kind is not ConceptKind.INSIGHT:
        values["output_type"] = next((one.output_type for one in everyone if one.output_type), "")
        values["readings"] = joined(into, ordered)
    return fitting(values)


def fitting(values: dict[str, Any]) -> Content:
    """Return a content of these values with as much of its lists as the limit of its size allows.

    What is last goes first: statements, then readings, then uses, then notes, then cues.

    Raises:
        ValidationError: it is wrong in another way.
    """
    for field in ("statements", "readings", "used_in", "notes", "cues"):
        while values.get(field) and _size_of(values) > MOST_BYTES:
            values[field] = values[field][:-1]
    return Content.model_validate(values)


def _size_of(values: dict[str, Any]) -> int:
    return len(to_json(values))


def _parameters(everyone: Sequence[Content]) -> list[Parameter]:
    found: dict[str, Parameter] = {}
    for one in everyone:
        for parameter in one.parameters:
            known = found.get(parameter.name)
            if known is None:
                if len(found) < _MOST_PARAMETERS:
                    found[parameter.name] = parameter
                continue
            filled = {
                "type": known.type or parameter.type,
                "description": known.description or parameter.description,
            }
            found[parameter.name] = known.model_copy(update=filled)
    return list(found.values())


def _united(lines: Iterable[Sequence[str]], most: int) -> list[str]:
    return list(dict.fromkeys(line for part in lines for line in part))[:most]
