"""Concepts' texts in memory, lost with the process: for tests of decisions, and named so."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from solvent.errors import ConfigError, Conflict, NotFound
from solvent.memory.concept import Concept, ConceptStatus, Snapshot, Utility, VersionRecord
from solvent.memory.terms import packed
from solvent.memory.texts import Edit, Namespace, Outline, Stored


@dataclass
class _Tables:
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    stored: dict[str, Stored] = field(default_factory=dict)
    versions: dict[str, list[VersionRecord]] = field(default_factory=dict)
    keys: dict[tuple[str, str], list[tuple[str, int]]] = field(default_factory=dict)


class InMemoryConceptTexts:
    """See `ConceptTexts`.

    Args:
        clock: gives the time, in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tables = _Tables()
        self._snapshots: dict[str, tuple[Snapshot, list[Concept]]] = {}
        self._utility: dict[tuple[str, int, str], Utility] = {}

    async def namespaces(self) -> Sequence[Namespace]:
        """See `ConceptTexts`."""
        return [self._tables.namespaces[id] for id in sorted(self._tables.namespaces)]

    async def make_namespace(self, id: str, *, read_only: bool = False) -> Namespace:
        """See `ConceptTexts`."""
        known = self._tables.namespaces.get(id, Namespace(id, created_at=self._clock()))
        self._tables.namespaces[id] = replace(known, read_only=read_only)
        return self._tables.namespaces[id]

    async def write(
        self, namespace: str, edits: Sequence[Edit], *, once: str | None = None, at_change: int | None = None
    ) -> Sequence[Stored]:
        """See `ConceptTexts`."""
        tables = _Tables(
            dict(self._tables.namespaces),
            dict(self._tables.stored),
            {id: list(records) for id, records in self._tables.versions.items()},
            dict(self._tables.keys),
        )
        refuse_changed(writable(namespace, tables.namespaces.get(namespace)), at_change)
        if once is not None and (namespace, once) in tables.keys:
            raise made_before(once)
        written = [self._edit(tables, namespace, edit) for edit in edits]
        if once is not None:
            tables.keys[namespace, once] = [(one.concept.id, one.concept.version) for one in written]
        refuse_shared_names(namespace, [one.concept for one in tables.stored.values()])
        self._tables = tables
        return written

    async def written_as(self, namespace: str, once: str) -> Sequence[tuple[str, int]] | None:
        """See `ConceptTexts`."""
        return self._tables.keys.get((namespace, once))

    async def size(self, namespace: str) -> tuple[int, int]:
        """See `ConceptTexts`."""
        gone = {ConceptStatus.ARCHIVED, ConceptStatus.DELETED}
        its = [one for one in self._tables.stored.values() if one.concept.namespace == namespace]
        space = self._tables.namespaces.get(namespace, Namespace(namespace))
        return sum(one.concept.status not in gone for one in its), space.last_change

    def _edit(self, tables: _Tables, namespace: str, edit: Edit) -> Stored:
        space = writable(namespace, tables.namespaces.get(namespace))
        before = tables.stored.get(edit.id)
        concept = changed(namespace, edit, before.concept if before else None, self._clock())
        space = replace(space, last_change=space.last_change + 1)
        tables.namespaces[namespace] = space
        stored = Stored(
            concept,
            space.last_change,
            before.indexed_in if before else None,
            before.indexed_version if before else None,
        )
        tables.stored[edit.id] = stored
        tables.versions.setdefault(edit.id, []).append(VersionRecord(action=edit.action, concept=concept))
        return stored

    async def get(self, ids: Sequence[str]) -> Mapping[str, Stored]:
        """See `ConceptTexts`."""
        return {id: self._tables.stored[id] for id in ids if id in self._tables.stored}

    async def named(self, namespace: str, names: Sequence[str]) -> Mapping[str, Stored]:
        """See `ConceptTexts`."""
        wanted = set(names)
        return {
            one.concept.content.name: one
            for one in self._tables.stored.values()
            if one.concept.namespace == namespace
            and one.concept.status is not ConceptStatus.DELETED
            and one.concept.content.name in wanted
        }

    async def at(self, versions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Concept]:
        """See `ConceptTexts`."""
        found = {}
        for id, version in versions:
            records = self._tables.versions.get(id, [])
            if 1 <= version <= len(records):
                found[id, version] = records[version - 1].concept
        return found

    async def changes(self, namespace: str, *, after: int, limit: int) -> Sequence[Stored]:
        """See `ConceptTexts`."""
        later = [
            one for one in self._tables.stored.values() if one.concept.namespace == namespace and one.change > after
        ]
        return sorted(later, key=lambda one: one.change)[:limit]

    async def outlines(self, namespace: str, *, after: int, limit: int) -> Sequence[Outline]:
        """See `ConceptTexts`."""
        return [outline(one) for one in await self.changes(namespace, after=after, limit=limit)]

    async def history(self, id: str) -> Sequence[VersionRecord]:
        """See `ConceptTexts`."""
        return list(self._tables.versions.get(id, []))

    async def mark_indexed(self, collection: str | None, versions: Sequence[tuple[str, int]]) -> int:
        """See `ConceptTexts`."""
        marked = 0
        for id, version in versions:
            stored = self._tables.stored.get(id)
            if stored is not None and stored.concept.version == version:
                indexed = version if collection is not None else None
                self._tables.stored[id] = replace(stored, indexed_in=collection, indexed_version=indexed)
                marked += 1
        return marked

    async def make_snapshot(self, namespace: str, id: str, versions: Sequence[tuple[str, int]], note: str) -> Snapshot:
        """See `ConceptTexts`."""
        if id not in self._snapshots:
            found = await self.at(versions)
            members = [found[pair] for pair in sorted(versions)]
            snapshot = Snapshot(id=id, namespace=namespace, members=len(members), note=note, created_at=self._clock())
            self._snapshots[id] = (snapshot, members)
        return self._snapshots[id][0]

    async def snapshots(self, namespace: str) -> Sequence[Snapshot]:
        """See `ConceptTexts`."""
        found = [snapshot for snapshot, _ in self._snapshots.values() if snapshot.namespace == namespace]
        return sorted(found, key=lambda one: (-one.created_at, one.id))

    async def snapshot(self, id: str) -> Snapshot:
        """See `ConceptTexts`."""
        if id not in self._snapshots:
            raise no_snapshot(id)
        return self._snapshots[id][0]

    async def members(self, id: str) -> Sequence[Concept]:
        """See `ConceptTexts`."""
        return list(self._snapshots[id][1]) if id in self._snapshots else []

    async def member_outlines(self, id: str) -> Sequence[Outline]:
        """See `ConceptTexts`."""
        return [outline(Stored(one, 0, None, None)) for one in await self.members(id)]

    async def count(self, project: str, increments: Mapping[tuple[str, int], Utility]) -> None:
        """See `ConceptTexts`."""
        for (id, version), more in increments.items():
            self._utility[id, version, project] = self._utility.get((id, version, project), Utility()) + more

    async def utility(self, ids: Sequence[str], project: str | None = None) -> Mapping[str, Utility]:
        """See `ConceptTexts`."""
        sums: dict[str, Utility] = {}
        for (id, _, whose), counted in self._utility.items():
            if id in ids and project in (None, whose):
                sums[id] = sums.get(id, Utility()) + counted
        return sums

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


def outline(stored: Stored) -> Outline:
    """Return the outline of a concept. Pure."""
    one = stored.concept
    return Outline(
        id=one.id,
        version=one.version,
        name=one.content.name,
        is_found=one.is_found,
        change=stored.change,
        indexed_in=stored.indexed_in,
        indexed_version=stored.indexed_version,
        terms=packed(one.content.search_text) if one.is_found else b"",
    )


def no_snapshot(id: str) -> NotFound:
    """Return the error for a snapshot that is not there."""
    return NotFound(f"there is no snapshot {id!r}", remedy="`solvent memory snapshot --list` shows them")


def writable(id: str, namespace: Namespace | None) -> Namespace:
    """Return a namespace that may be written to.

    Raises:
        NotFound: it is not there.
        ConfigError: it is read-only.
    """
    if namespace is None:
        raise NotFound(f"there is no namespace {id!r} of concepts")
    if namespace.read_only:
        raise ConfigError(f"the namespace {id!r} is read-only", remedy="change a concept in your own namespace instead")
    return namespace


def changed(namespace: str, edit: Edit, before: Concept | None, now: float) -> Concept:
    """Return a concept after an edit. Pure.

    Raises:
        NotFound: there is nothing to change.
        Conflict: it has another version by now.
    """
    version = before.version if before is not None and before.namespace == namespace else 0
    if before is not None and before.namespace != namespace:
        raise NotFound(f"there is no concept {edit.id!r} in the namespace {namespace!r}")
    if edit.expected_version is not None and version != edit.expected_version:
        raise Conflict(
            f"concept {edit.id!r} has version {version}, not {edit.expected_version}: it was changed meanwhile",
            remedy="read it again and repeat the change",
        )
    content = edit.content or (before.content if before is not None else None)
    if content is None:
        raise NotFound(f"there is no concept {edit.id!r} in the namespace {namespace!r}")
    says_the_same = before is not None and (before.content.name, before.content.text) == (content.name, content.text)
    return Concept(
        id=edit.id,
        namespace=namespace,
        version=version + 1,
        status=edit.status,
        content=content,
        provenance=edit.provenance,
        created_at=before.created_at if before is not None else now,
        updated_at=now,
        said_since=before.tried_since if before is not None and says_the_same and edit.action != "restore" else 0,
    )


def refuse_changed(namespace: Namespace, at_change: int | None) -> None:
    """Refuse a write that was decided on an earlier state. Raises Conflict."""
    if at_change is not None and namespace.last_change != at_change:
        raise Conflict(f"the namespace {namespace.id!r} was changed meanwhile", remedy="decide again, and repeat it")


def made_before(once: str) -> Conflict:
    """Return the error for a write that is made once and was made."""
    return Conflict(f"the write {once!r} was made before", remedy="it is made once")


def name_taken(namespace: str, name: str) -> Conflict:
    """Return the error for a name that another concept has."""
    return Conflict(
        f"the namespace {namespace!r} has a concept named {name!r} already", remedy="update that one, or merge both"
    )


def refuse_shared_names(namespace: str, concepts: Sequence[Concept]) -> None:
    """Refuse two concepts of one name that are not deleted. Raises Conflict."""
    seen: set[str] = set()
    for concept in concepts:
        if concept.namespace == namespace and concept.status is not ConceptStatus.DELETED:
            if concept.content.name in seen:
                raise name_taken(namespace, concept.content.name)
            seen.add(concept.content.name)
