"""The text side of the memory, which says what concepts there are: a protocol; its database stays in `workers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from solvent.memory.concept import Concept, ConceptStatus, Content, Provenance, Snapshot, Utility, VersionRecord


@dataclass(frozen=True)
class Namespace:
    """Concepts that belong together, such as a project's."""

    id: str
    read_only: bool = False
    """Its concepts are read, not changed: a library that projects share."""
    last_change: int = 0
    created_at: float = 0.0
    """Tells namespaces of one name in two databases apart that use one index."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of one concept."""

    id: str
    action: str
    """See `VersionRecord.action`."""
    content: Content | None = None
    """None leaves it as it is."""
    status: ConceptStatus = ConceptStatus.ACTIVE
    provenance: Provenance = field(default_factory=Provenance)
    expected_version: int | None = None
    """Refused where the concept has another one; 0 for one that must be new, None for whatever it has."""


@dataclass(frozen=True)
class Stored:
    """A concept with what the index knows of it."""

    concept: Concept
    change: int
    """Number of its last change within its namespace: whoever has seen number n has seen all before it."""
    indexed_in: str | None
    """Collection that has its vector, as far as was written down."""
    indexed_version: int | None


@dataclass(frozen=True, slots=True)
class Outline:
    """What searches keep of every concept: not its texts, of which there may be a hundred thousand."""

    id: str
    version: int
    name: str
    is_found: bool
    """Whether searches find it; see `Concept.is_found`."""
    change: int
    """See `Stored`, and the next two. Of a snapshot's member 0 and None."""
    indexed_in: str | None
    indexed_version: int | None
    terms: bytes
    """`terms.packed` of its `search_text`; nothing where searches do not find it."""


class ConceptTexts(Protocol):
    """Keeps concepts, their versions, snapshots and counters. What it returned from a write is kept whatever dies.

    Every method may raise StoreError: the database failed.
    """

    async def namespaces(self) -> Sequence[Namespace]:
        """Return all, by id."""
        ...

    async def make_namespace(self, id: str, *, read_only: bool = False) -> Namespace:
        """Return it; it is made where it is not there, and set read-only or not as is asked."""
        ...

    async def write(
        self, namespace: str, edits: Sequence[Edit], *, once: str | None = None, at_change: int | None = None
    ) -> Sequence[Stored]:
        """Make all edits in one transaction, or none; returns the concepts in the edits' order.

        The namespace must be there. The same concept may be edited once.

        Args:
            namespace: whose concepts.
            edits: what is changed.
            once: key of a write that is made once for all time; see `written_as`.
            at_change: number of the namespace's last change that the edits were decided on.

        Raises:
            NotFound: there is no such namespace, or no such concept in it to change.
            Conflict: an expected version is another by now, another concept that is not deleted has the name, a write
                of this key was made before, or the namespace was changed since `at_change`.
            ConfigError: the namespace is read-only.
        """
        ...

    async def written_as(self, namespace: str, once: str) -> Sequence[tuple[str, int]] | None:
        """Return ids and versions that the write of this key made, in their order; None where it was not made."""
        ...

    async def size(self, namespace: str) -> tuple[int, int]:
        """Return how many concepts a namespace has that are neither archived nor deleted, and its last change's number.

        Both are 0 where it is not there.
        """
        ...

    async def get(self, ids: Sequence[str]) -> Mapping[str, Stored]:
        """Return the concepts of these ids that are there, also archived and deleted ones."""
        ...

    async def named(self, namespace: str, names: Sequence[str]) -> Mapping[str, Stored]:
        """Return the concepts of these names that are not deleted."""
        ...

    async def at(self, versions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Concept]:
        """Return concepts as they were at these versions, of those that are there."""
        ...

    async def changes(self, namespace: str, *, after: int, limit: int) -> Sequence[Stored]:
        """Return concepts changed after that number, by their last change; each once, as it is now."""
        ...

    async def outlines(self, namespace: str, *, after: int, limit: int) -> Sequence[Outline]:
        """Return the outlines of what `changes` returns."""
        ...

    async def history(self, id: str) -> Sequence[VersionRecord]:
        """Return all versions, oldest first; none where there is no such concept."""
        ...

    async def mark_indexed(self, collection: str | None, versions: Sequence[tuple[str, int]]) -> int:
        """Note that a collection (None: none) has the vectors of these versions.

        Returns of how many it was noted: those that have another version by now are passed over.
        """
        ...

    async def make_snapshot(self, namespace: str, id: str, versions: Sequence[tuple[str, int]], note: str) -> Snapshot:
        """Keep a set of versions under an id; where the id is there already, it is returned as it is."""
        ...

    async def snapshots(self, namespace: str) -> Sequence[Snapshot]:
        """Return those of a namespace, newest first."""
        ...

    async def snapshot(self, id: str) -> Snapshot:
        """Return one. Raises NotFound."""
        ...

    async def members(self, id: str) -> Sequence[Concept]:
        """Return a snapshot's concepts at its versions, by id."""
        ...

    async def member_outlines(self, id: str) -> Sequence[Outline]:
        """Return the outlines of a snapshot's concepts at its versions, by id."""
        ...

    async def count(self, project: str, increments: Mapping[tuple[str, int], Utility]) -> None:
        """Add to a project's counters of concepts, by id and version."""
        ...

    async def utility(self, ids: Sequence[str], project: str | None = None) -> Mapping[str, Utility]:
        """Return counters of concepts that have some, all versions together, of one project or of all."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds; safe to call twice."""
        ...
