"""What a plan asks for and what it is told: a reply is written in pieces, each one a request."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from solvent.models.base import FinishReason


@dataclass(frozen=True)
class Piece:
    """A text that the model is asked for.

    Attributes:
        prefix: What the assistant's turn begins with.
        max_tokens: Most tokens of the piece.
        stop: Texts before which it ends.
        end_bias: Added to the logit of the end marker.
        top_logprobs: For a probe: how many of the likeliest tokens in the first place to tell, as `Came.record["top"]`.
        places: Tell where the first and the last so many tokens end and begin, as `record["head"]` and `["tail"]`.
        probe: A question beside the reply, answered by the likeliest tokens; its text is no part of the reply.
    """

    prefix: str
    max_tokens: int
    stop: tuple[str, ...] = ()
    end_bias: float = 0.0
    top_logprobs: int | None = None
    places: tuple[int, int] | None = None
    probe: bool = False


@dataclass(frozen=True)
class Came:
    """What came of a piece. Without room for it in the context nothing came, with the finish reason `length`."""

    text: str
    finish_reason: FinishReason
    tokens: int
    stop_text: str | None = None
    cut: bool = False
    """Whether its confidence fell below the bar."""
    record: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """A whole reply: generated pieces, and between them what was put there."""

    text: str
    finish_reason: FinishReason
    cut: bool = False
    notes: tuple[str, ...] = ()
    """What a person should know of how it was written."""


Plan = Generator[Piece, Came, Reply]
"""Yields the next piece, is sent what came of it, returns the reply. No I/O, no clock, no randomness."""


def piece_key(key: str, number: int) -> str:
    """Return the key of the call that writes a piece of the reply of this key."""
    return f"{key}/{number}"


def plain(max_tokens: int) -> Plan:
    """Write a reply in one piece, as a model does when it is left alone."""
    came = yield Piece("", max_tokens)
    return Reply(came.text, came.finish_reason, came.cut)


def overlap(text: str, marker: str) -> int:
    """Return how many characters of `marker` the text ends with already; never all of them."""
    return next((size for size in range(len(marker) - 1, 0, -1) if text.endswith(marker[:size])), 0)


def closed(text: str, end: str) -> str:
    """Return thinking with its end marker behind it, on a line of its own; a marker that was begun is completed."""
    begun = overlap(text, end)
    between = "" if begun or not text or text.endswith("\n") else "\n"
    return text + between + end[begun:]
