"""Reads a stream of server-sent events (WHATWG HTML, section 9.2.6), as far as a program needs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerEvent:
    """One event. `id` is the last one that was sent, which may be an earlier event's."""

    id: str
    type: str
    data: str


def read_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Yield the events of a stream's lines, given without their ends; comments and an event cut off are left out."""
    last_id, kind, data = "", "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(last_id, kind or "message", "\n".join(data))
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                last_id = value
            case "event":
                kind = value
            case _:
                pass
