"""What a job wrote into the memory, as its result and its event `learned` tell it. Small values; no I/O."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

PHASE = "memory"
"""Begins the keys of the calls that write, and stands in events where a trajectory's name does."""


class LearnedStatus(StrEnum):
    """What became of what a job taught."""

    WRITTEN = "written"
    NOTHING = "nothing"
    """there was nothing to learn, or the memory knew all of it"""
    NOT_WRITTEN = "not_written"
    """the note says why: a budget at its end, a role that nobody plays, a memory that did not answer"""
    PENDING = "pending"
    """a worker is to write it, and puts it into the result then"""
    FAILED = "failed"
    """it was tried several times; the note names the cause"""


class Learned(BaseModel):
    """What a job with the memory policy `live` wrote into the memory, and what not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: LearnedStatus
    added: tuple[str, ...] = ()
    """`ID:VERSION` of new concepts."""
    extended: tuple[str, ...] = ()
    """Of those that were there and know more now."""
    archived: tuple[str, ...] = ()
    """Of those that made room."""
    names: tuple[str, ...] = ()
    """Of the added and the extended, in their order."""
    joined: tuple[str, ...] = ()
    """`PROPOSED = NAME`: what was there under another name."""
    refused: tuple[str, ...] = ()
    """Why proposals were refused; never their texts."""
    tokens: int = 0
    """Prompt and completion tokens that it took, counted in the job's usage."""
    note: str = ""
    """What was weaker than asked for, and why."""
