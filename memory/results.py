"""What the memory's verbs return. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from solvent.memory.concept import Concept


@dataclass(frozen=True)
class Written:
    """A concept that is stored."""

    concept: Concept
    unindexed: str | None = None
    """Why searches by vector do not find it yet; the next search that can puts it there."""


@dataclass(frozen=True)
class Hit:
    """A concept that a search found."""

    concept: Concept
    score: float
    similarity: float | None
    keyword_score: float | None
    named: bool = False
    """Whether its name stands in the query."""


@dataclass(frozen=True)
class Difference:
    """What differs between two sets of concepts: names, sorted."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """How the index stands to the texts of one namespace."""

    namespace: str
    collection: str
    active: int
    missing: list[str]
    """Ids of concepts without the vector of their version."""
    orphans: list[str]
    """Vectors that no active concept has."""
    unmarked: list[str]
    """Ids of concepts of which it is wrongly, or not, written down that the index has them."""

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to repair."""
        return not (self.missing or self.orphans or self.unmarked)


@dataclass(frozen=True)
class Imported:
    """What became of a library: names, sorted."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]
    unindexed: str | None = None
    """See `Written`."""


OnConflict = Literal["merge", "replace", "skip", "fail"]
"""What to do with a concept whose name is taken: join both, replace the old one, leave it out, refuse all."""
