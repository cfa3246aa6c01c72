"""What one model call gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from solvent.models.base import FinishReason
from solvent.usage import Usage


@dataclass(frozen=True)
class Generated:
    """One sample and where its text lies."""

    text: str
    artifact: str
    finish_reason: FinishReason
    tokens: int = 0
    """Completion tokens that it counts for."""
    stop_text: str | None = None
    """See `Chunk`."""
    cut: bool = False
    """Whether its watch ended it; the finish reason is then `length`."""
    record: dict[str, Any] = field(default_factory=dict)
    """What its watch recorded."""
    prefix_logprob: float | None = None
    """See `Chunk`."""


def generated_from(text: str, artifact: str, used: Usage, note: Mapping[str, JsonValue]) -> Generated:
    """Return it by its text, where that lies, what it used, and what was noted of it. Pure."""
    record, stop_text, likely = note.get("record"), note.get("stop_text"), note.get("prefix_logprob")
    return Generated(
        text,
        artifact,
        "length" if note.get("finish_reason") == "length" else "stop",
        used.completion_tokens,
        stop_text if isinstance(stop_text, str) else None,
        cut=note.get("cut") == "watch",
        record=record if isinstance(record, dict) else {},
        prefix_logprob=likely if isinstance(likely, float) else None,
    )
