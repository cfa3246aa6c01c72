"""What a job's memory policy is, and what a trajectory recalled by it. Small values; no I/O."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

from solvent.errors import ConfigError

OFF = "off"
_FROZEN = "frozen:"
_SNAPSHOT = re.compile(r"snap-[0-9a-f]{16}")


class ShownConcept(BaseModel):
    """A concept as prompts show it, at the version that was shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: int
    name: str
    text: str


class Recalled(BaseModel):
    """What a trajectory asked the memory and what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    snapshot: str | None = None
    """The one that was read; None where the memory was read as it was at that moment."""
    retrieved: tuple[str, ...] = ()
    """`ID:VERSION` of the candidates, best first."""
    chosen: tuple[ShownConcept, ...] = ()
    """Shown in the prompts."""
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
    note: str = ""


def snapshot_of(policy: str) -> str | None:
    """Return the snapshot that a policy names; None for `off` and `read`.

    Raises:
        ConfigError: there is no such policy.
    """
    if policy in (OFF, "read"):
        return None
    if policy == "live":
        raise ConfigError("the memory policy live is not part of this version", remedy="use read, or frozen:SNAPSHOT")
    name = policy.removeprefix(_FROZEN)
    if name == policy or not _SNAPSHOT.fullmatch(name):
        raise ConfigError(
            f"there is no memory policy {policy!r}",
            remedy="use off, read, or frozen:SNAPSHOT (`solvent memory snapshot` makes one)",
        )
    return name


def use_of(recalled: Recalled) -> MemoryUse:
    """Return what a result tells of it. Pure."""
    return MemoryUse(
        policy=recalled.policy,
        snapshot=recalled.snapshot,
        retrieved=recalled.retrieved,
        chosen=tuple(f"{one.id}:{one.version}" for one in recalled.chosen),
        note=recalled.note,
    )
