"""What a job's memory policy is, and what a trajectory recalled by it. Small values; no I/O."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from solvent.errors import ConfigError

OFF = "off"
LIVE = "live"
"""Reads as `read` does, and writes what the job's solution teaches."""
GROWING = ("read", LIVE)
"""Policies whose memory may have more when it is asked again."""
WITHOUT = "without concepts: "
"""Begins the note of a job whose memory did not answer."""
_FROZEN = "frozen:"
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{16}")


class ShownConcept(BaseModel):
    """A concept as prompts show it, at the version that was shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: int
    name: str
    text: str
    parameters: tuple[str, ...] = Field(default=(), exclude_if=lambda lines: not lines)
    cues: tuple[str, ...] = Field(default=(), exclude_if=lambda lines: not lines)
    notes: tuple[str, ...] = Field(default=(), exclude_if=lambda lines: not lines)

    @property
    def key(self) -> str:
        """`ID:VERSION`."""
        return f"{self.id}:{self.version}"


class Recalled(BaseModel):
    """What a job asked the memory and what came of it; the same for all its trajectories."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    snapshot: str | None = None
    """The one that was read; None where the memory was read as it was at that moment."""
    retrieved: tuple[str, ...] = ()
    """`ID:VERSION` of the candidates, best first."""
    chosen: tuple[ShownConcept, ...] = ()
    """Shown in the prompts."""
    dropped: tuple[ShownConcept, ...] = Field(default=(), exclude_if=lambda concepts: not concepts)
    """Chosen as well, and left out by chance, so that it is found out what they are worth."""
    related: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    """Names of further candidates, which the prompts name."""
    reasons: dict[str, str] = Field(default_factory=dict, exclude_if=lambda reasons: not reasons)
    """Why the model took or left candidates, by `ID:VERSION`, where it said so."""
    held_out: bool = Field(default=False, exclude_if=lambda held_out: not held_out)
    """All that was chosen is left out: the job has the same prompts as with an empty memory."""
    hold_out: float = Field(default=0.0, exclude_if=lambda share: not share)
    """Share of jobs that this happens to; 0 where chance decided nothing."""
    note: str = ""
    """What was weaker than was asked for, and why; empty if nothing was."""


class MemoryUse(BaseModel):
    """What of the memory the selected answer had, in a job's result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    snapshot: str | None = None
    retrieved: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    """`ID:VERSION`, as in `retrieved`."""
    dropped: tuple[str, ...] = Field(default=(), exclude_if=lambda ids: not ids)
    """See `Recalled`."""
    cited: tuple[str, ...] = Field(default=(), exclude_if=lambda ids: not ids)
    """Of those that were shown, which the answer names or uses (`agents.citing`)."""
    held_out: bool = Field(default=False, exclude_if=lambda held_out: not held_out)
    """See `Recalled`."""
    hold_out: float = Field(default=0.0, exclude_if=lambda share: not share)
    note: str = ""


def snapshot_of(policy: str) -> str | None:
    """Return the snapshot that a policy names; None for `off`, `read` and `live`.

    Raises:
        ConfigError: there is no such policy.
    """
    if policy in (OFF, *GROWING):
        return None
    name = policy.removeprefix(_FROZEN)
    if name == policy or not _SNAPSHOT.fullmatch(name):
        raise ConfigError(
            f"there is no memory policy {policy!r}",
            remedy="use off, read, live, or frozen:SNAPSHOT (`solvent memory snapshot` makes one)",
        )
    return name


def use_of(recalled: Recalled, cited: tuple[str, ...] = ()) -> MemoryUse:
    """Return what a result tells of it. Pure."""
    return MemoryUse(
        policy=recalled.policy,
        snapshot=recalled.snapshot,
        retrieved=recalled.retrieved,
        chosen=tuple(one.key for one in recalled.chosen),
        dropped=tuple(one.key for one in recalled.dropped),
        cited=cited,
        held_out=recalled.held_out,
        hold_out=recalled.hold_out,
        note=recalled.note,
    )
