"""The concept memory: every verb over the texts, the vectors and an embedder (docs/decisions/0019-concept-memory.md).

Texts are written first and are the truth; vectors follow and can always be made again from them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from solvent.errors import ConfigError, MemoryUnavailable, NotFound
from solvent.memory.concept import (
    Concept,
    ConceptStatus,
    Content,
    Provenance,
    Snapshot,
    Utility,
    VersionRecord,
)
from solvent.memory.embed import Embedder
from solvent.memory.merging import merged
from solvent.memory.screening import screen
from solvent.memory.shelf import (
    PAGE,
    FrozenShelf,
    LiveShelf,
    collection_name,
    find_namespace,
    is_indexed,
    vector_id,
)
from solvent.memory.texts import ConceptTexts, Edit, Namespace, Stored
from solvent.memory.vectors import VectorIndex

DEFAULT_PROJECT = "default"
MOST_KEPT = 5000
"""Concepts that are kept as they were read."""
MOST_FROZEN = 4
"""Snapshots that are kept ready to be searched."""


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


class ConceptStore:
    """The memory of one project. Safe for concurrent use on one event loop, and beside other processes.

    Args:
        texts: where the concepts are.
        vectors: finds the near ones.
        embedder: makes their vectors.
        project: whose it is; its namespace has the same name, and counters are its own.
        shared: namespaces that are searched as well and not written to.
    """

    def __init__(
        self,
        texts: ConceptTexts,
        vectors: VectorIndex,
        embedder: Embedder,
        *,
        project: str = DEFAULT_PROJECT,
        shared: Sequence[str] = (),
    ) -> None:
        self.project = project
        self.shared = tuple(name for name in dict.fromkeys(shared) if name != project)
        self._texts = texts
        self._vectors = vectors
        self._embedder = embedder
        self._live: dict[str, LiveShelf] = {}
        self._kept: dict[tuple[str, int], Concept] = {}
        self._frozen: dict[str, FrozenShelf] = {}

    async def add(self, content: Content, provenance: Provenance | None = None) -> Written:
        """Store a new concept in the project's namespace.

        Raises:
            DataError: it holds what may not be kept.
            Conflict: a concept has its name already.
            StoreError: the texts cannot be written; nothing is stored.
        """
        (written,) = await self.add_all([content], provenance)
        return written

    async def add_all(self, contents: Sequence[Content], provenance: Provenance | None = None) -> Sequence[Written]:
        """Store new concepts, all or none; see `add`."""
        edits = [
            Edit(
                id=new_id(),
                action="add",
                content=content,
                provenance=provenance or Provenance(),
                expected_version=0,
            )
            for content in contents
        ]
        return await self._write(edits)

    async def update(
        self,
        id: str,
        content: Content,
        provenance: Provenance | None = None,
        *,
        expected_version: int | None = None,
    ) -> Written:
        """Store a new version of a concept; one that says the same is no new version.

        Raises:
            NotFound: there is no such concept in the project's namespace, or it is deleted.
            Conflict: it has another version by now, or another concept has the name.
            DataError, StoreError: see `add`.
        """
        concept = await self._own(id)
        if concept.content == content and expected_version in (None, concept.version):
            return Written(concept)
        says_the_same = (concept.content.name, concept.content.text) == (content.name, content.text)
        status = ConceptStatus.ACTIVE if concept.status is ConceptStatus.DEMOTED and not says_the_same else None
        return await self._change(
            concept, "update", content=content, status=status, provenance=provenance, expected=expected_version
        )

    async def set_archived(self, id: str, *, archived: bool, note: str = "") -> Written:
        """Take a concept out of all searches, or put it back; raises as `update`.

        One that is put back, or that was demoted, is tried anew: what jobs showed of it before does not count.
        """
        concept = await self._own(id)
        status = ConceptStatus.ARCHIVED if archived else ConceptStatus.ACTIVE
        if concept.status is status:
            return Written(concept)
        action = "archive" if archived else "restore"
        return await self._change(concept, action, status=status, provenance=Provenance(note=note))

    async def stand(self, id: str, status: ConceptStatus, *, reason: str, expected_version: int) -> Written:
        """Give a concept the status that jobs showed it to deserve; raises as `update`."""
        concept = await self._own(id)
        actions = {ConceptStatus.ACTIVE: "promote", ConceptStatus.DEMOTED: "demote", ConceptStatus.ARCHIVED: "archive"}
        provenance = Provenance(source="trial", note=reason[:400])
        return await self._change(
            concept, actions[status], status=status, provenance=provenance, expected=expected_version
        )

    async def delete(self, id: str, *, note: str = "") -> Written:
        """Delete a concept; its history and the snapshots that it is in stay. Raises as `update`."""
        concept = await self._own(id)
        return await self._change(concept, "delete", status=ConceptStatus.DELETED, provenance=Provenance(note=note))

    async def merge(self, into: str, others: Sequence[str], *, note: str = "") -> Written:
        """Join concepts into one, all or nothing.

        It keeps its name and text and gets what the others know beside; they are deleted, and their counters are added
        to its own.

        Raises:
            ConfigError: nothing to merge, or a concept with itself.
            NotFound, Conflict, DataError, StoreError: see `update`.
        """
        if not others or into in others or len(set(others)) < len(others):
            raise ConfigError("merge needs two concepts or more, each named once")
        kept = await self._own(into)
        gone = [await self._own(other) for other in others]
        said = f"{note}; " if note else ""
        names = ", ".join(one.content.name for one in gone)
        edits = [
            Edit(
                id=one.id,
                action="delete",
                status=ConceptStatus.DELETED,
                provenance=Provenance(source="merge", note=f"{said}merged into {kept.content.name}"[:400]),
                expected_version=one.version,
            )
            for one in gone
        ]
        edits.append(
            Edit(
                id=kept.id,
                action="merge",
                content=merged(kept.content, [one.content for one in gone]),
                status=kept.status,
                provenance=Provenance(source="merge", note=f"{said}merged with {names}"[:400]),
                expected_version=kept.version,
            )
        )
        written = await self._write(edits)
        counted = await self._texts.utility([one.id for one in gone], self.project)
        if counted:
            await self._texts.count(self.project, {(kept.id, kept.version): sum(counted.values(), Utility())})
        return written[-1]

    async def get(self, name_or_id: str, *, version: int | None = None) -> Concept:
        """Return a concept by its id, or by its name in the project's namespace and then in the shared ones.

        Raises:
            NotFound: there is none; a deleted one is found by id and version only.
        """
        found = (await self._texts.get([name_or_id])).get(name_or_id)
        for namespace in (self.project, *self.shared) if found is None else ():
            found = (await self._texts.named(namespace, [name_or_id])).get(name_or_id)
            if found is not None:
                break
        if found is not None and found.concept.namespace in (self.project, *self.shared):
            if version is not None:
                at = await self._texts.at([(found.concept.id, version)])
                if at:
                    return at[found.concept.id, version]
            elif found.concept.status is not ConceptStatus.DELETED:
                return found.concept
        what = f"version {version} of a concept" if version is not None else "a concept"
        raise NotFound(
            f"there is no {what.removeprefix('a ')} {name_or_id!r}", remedy="`solvent memory list` shows them"
        )

    async def found(self, ids: Sequence[str]) -> Sequence[Concept]:
        """Return the concepts of these ids that the project sees and that are not deleted, by id."""
        stored = await self._texts.get(list(dict.fromkeys(ids)))
        seen = (self.project, *self.shared)
        concepts = [stored[id].concept for id in sorted(stored)]
        return [one for one in concepts if one.namespace in seen and one.status is not ConceptStatus.DELETED]

    async def everything(self) -> Sequence[Concept]:
        """Return all concepts of the project's own namespace by id, also archived and deleted ones."""
        return [one.concept for one in await self._all(self.project)]

    async def list(self, *, namespace: str | None = None, archived: bool = False) -> Sequence[Concept]:
        """Return a namespace's concepts (the project's own by default) by name: active, demoted, and archived ones."""
        wanted = {ConceptStatus.ACTIVE, ConceptStatus.DEMOTED, *([ConceptStatus.ARCHIVED] if archived else [])}
        found = [one.concept for one in await self._all(namespace or self.project) if one.concept.status in wanted]
        return sorted(found, key=lambda concept: concept.content.name)

    async def search(self, query: str, *, limit: int = 10, snapshot: str | None = None) -> Sequence[Hit]:
        """Return the concepts that fit a text best, best first: by vectors and by words, fused by their ranks.

        Args:
            query: any text, such as a problem's statement.
            limit: most that are returned.
            snapshot: search this one instead of what there is now.

        Raises:
            NotFound: there is no such snapshot.
            MemoryUnavailable: the index or the embedder does not answer.
            StoreError: the texts cannot be read.
        """
        if snapshot is not None:
            best = await (await self._frozen_shelf(snapshot)).search_now(query, limit)
        else:
            found = [await self._shelf(name).search_now(query, limit) for name in (self.project, *self.shared)]
            best = sorted((one for part in found for one in part), key=lambda one: (-one.score, one.id))[:limit]
        concepts = await self._read([(one.id, one.version) for one in best])
        return [
            Hit(concepts[one.id, one.version], one.score, one.similarity, one.keyword_score, one.named)
            for one in best
            if (one.id, one.version) in concepts
        ]

    async def feedback(self, name_or_id: str, *, helpful: bool) -> Utility:
        """Count a person's or a program's judgement of a concept; returns the project's counters. Raises NotFound."""
        concept = await self.get(name_or_id)
        said = Utility(helpful=int(helpful), harmful=int(not helpful))
        await self._texts.count(self.project, {(concept.id, concept.version): said})
        return (await self._texts.utility([concept.id], self.project)).get(concept.id, Utility())

    async def utility(self, ids: Sequence[str]) -> Mapping[str, Utility]:
        """Return the project's counters of the concepts that have some."""
        return await self._texts.utility(ids, self.project)

    async def history(self, name_or_id: str) -> Sequence[VersionRecord]:
        """Return all versions of a concept, oldest first; a deleted one is found by its id.

        Raises:
            NotFound: there is none.
        """
        records = await self._texts.history(name_or_id)
        if not records:
            records = await self._texts.history((await self.get(name_or_id)).id)
        if records[0].concept.namespace not in (self.project, *self.shared):
            raise NotFound(f"there is no concept {name_or_id!r}")
        return records

    async def namespaces(self) -> Sequence[Namespace]:
        """Return all namespaces of the texts."""
        return await self._texts.namespaces()

    async def share(self, namespace: str, *, read_only: bool) -> Namespace:
        """Make a namespace, and say whether its concepts may be changed."""
        return await self._texts.make_namespace(namespace, read_only=read_only)

    async def snapshot(self, note: str = "") -> Snapshot:
        """Keep what searches see now, of the project's namespace and the shared ones.

        Its id is that of its content: the same concepts have the same snapshot.
        """
        members = sorted(
            (one.concept.id, one.concept.version)
            for part in [await self._all(namespace) for namespace in (self.project, *self.shared)]
            for one in part
            if one.concept.status is ConceptStatus.ACTIVE
        )
        told = "\n".join([self.project, *(vector_id(*member) for member in members)])
        id = "snap-" + hashlib.sha256(told.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
        await self._ensure(self.project)
        return await self._texts.make_snapshot(self.project, id, members, note)

    async def snapshots(self) -> Sequence[Snapshot]:
        """Return the project's snapshots, newest first."""
        return await self._texts.snapshots(self.project)

    async def members(self, snapshot: str) -> Sequence[Concept]:
        """Return a snapshot's concepts. Raises NotFound."""
        found = await self._texts.snapshot(snapshot)
        if found.namespace != self.project:
            raise NotFound(f"there is no snapshot {snapshot!r}")
        return await self._texts.members(snapshot)

    async def diff(self, before: str, after: str | None = None) -> Difference:
        """Return what changed from one snapshot to another, or to now. Raises NotFound."""
        old = {one.id: one for one in await self.members(before)}
        if after is None:
            own = {
                one.id: one
                for namespace in (self.project, *self.shared)
                for one in await self.list(namespace=namespace)
                if one.status is ConceptStatus.ACTIVE
            }
        else:
            own = {one.id: one for one in await self.members(after)}
        return Difference(
            added=sorted(one.content.name for id, one in own.items() if id not in old),
            removed=sorted(one.content.name for id, one in old.items() if id not in own),
            changed=sorted(one.content.name for id, one in own.items() if id in old and old[id].version != one.version),
        )

    async def import_all(
        self, contents: Sequence[Content], *, on_conflict: OnConflict = "merge", note: str = ""
    ) -> Imported:
        """Store a library in one transaction; importing it again changes nothing.

        Raises:
            DataError: one holds what may not be kept; nothing is stored.
            Conflict: with `fail`, a name is taken; nothing is stored.
            StoreError: the texts cannot be written; nothing is stored.
        """
        known = await self._texts.named(self.project, [content.name for content in contents])
        provenance = Provenance(source="import", note=note)
        edits: list[Edit] = []
        unchanged: list[str] = []
        for content in contents:
            old = known.get(content.name)
            if old is None or on_conflict == "fail":
                edits.append(
                    Edit(id=new_id(), action="add", content=content, provenance=provenance, expected_version=0)
                )
                continue
            wanted = merged(old.concept.content, [content]) if on_conflict == "merge" else content
            if on_conflict == "skip" or wanted == old.concept.content:
                unchanged.append(content.name)
                continue
            edits.append(
                Edit(
                    id=old.concept.id,
                    action="merge" if on_conflict == "merge" else "update",
                    content=wanted,
                    status=old.concept.status,
                    provenance=provenance,
                    expected_version=old.concept.version,
                )
            )
        written = await self._write(edits) if edits else []
        fresh = {one.concept.content.name for one in written if one.concept.version == 1}
        return Imported(
            added=sorted(fresh),
            changed=sorted(one.concept.content.name for one in written if one.concept.version > 1),
            unchanged=sorted(unchanged),
            unindexed=next((one.unindexed for one in written if one.unindexed), None),
        )

    async def check(self, namespace: str | None = None) -> Check:
        """Compare the index with the texts, and change nothing.

        Raises:
            MemoryUnavailable: the index does not answer.
        """
        if namespace in (None, self.project):
            await self._ensure(self.project)
        shelf = self._shelf(namespace or self.project)
        collection = await shelf.collection()
        # The vectors first: each of theirs had its text before, so one that no text knows is surely left over.
        there = await self._vectors.ids(collection)
        stored = await self._all(namespace or self.project)
        active = [one for one in stored if one.concept.is_found]
        expected = {vector_id(one.concept.id, one.concept.version): one.concept.id for one in active}
        return Check(
            namespace=namespace or self.project,
            collection=collection,
            active=len(active),
            missing=sorted(id for vector, id in expected.items() if vector not in there),
            orphans=sorted(there - expected.keys()),
            unmarked=sorted(one.concept.id for one in stored if not is_indexed(one, collection)),
        )

    async def reindex(self, namespace: str | None = None, *, whole: bool = False) -> Check:
        """Repair every difference that `check` finds, and return what it was.

        Args:
            namespace: the project's by default.
            whole: make all vectors again instead.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer; what is repaired stays so.
        """
        space = namespace or self.project
        if space == self.project:
            await self._ensure(space)
        shelf = self._shelf(space)
        if whole:
            await self._vectors.drop(await shelf.collection())
        found = await self.check(space)
        wrong = {*found.missing, *found.unmarked}
        await shelf.index([one for one in await self._all(space) if one.concept.id in wrong])
        if found.orphans:
            await self._vectors.delete(found.collection, found.orphans)
        return found

    async def aclose(self) -> None:
        """Close texts, vectors and embedder; safe to call twice."""
        await self._vectors.aclose()
        await self._embedder.aclose()
        await self._texts.aclose()

    async def named(self, names: Sequence[str], *, shared: bool = False) -> Mapping[str, Concept]:
        """Return concepts of these names that are not deleted: the project's own, or those of the shared namespaces."""
        found: dict[str, Concept] = {}
        for namespace in self.shared if shared else (self.project,):
            for name, one in (await self._texts.named(namespace, names)).items():
                found.setdefault(name, one.concept)
        return found

    async def near(self, content: Content, *, limit: int) -> Sequence[tuple[Concept, float]]:
        """Return the project's own concepts that are likest to a content, with the cosine of their vectors.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
        found = await self._shelf(self.project).search_now(content.search_text, limit)
        likest = sorted(
            ((one.similarity, one.id, one.version) for one in found if one.similarity is not None),
            key=lambda one: (-one[0], one[1]),
        )
        concepts = await self._texts.at([(id, version) for _, id, version in likest])
        return [(concepts[id, version], score) for score, id, version in likest if (id, version) in concepts]

    async def likeness(self, contents: Sequence[Content]) -> Sequence[Sequence[float]]:
        """Return the cosine of each content's vector with each. Raises MemoryUnavailable."""
        vectors = await self._embedder.embed([content.search_text for content in contents])
        return [[float(one) for one in row] for row in vectors @ vectors.T]

    async def size(self) -> tuple[int, int]:
        """See `ConceptTexts.size`."""
        return await self._texts.size(self.project)

    async def written_as(self, once: str) -> Sequence[tuple[str, Concept]] | None:
        """Return what the write of this key did, as actions and concepts at their versions; None if it was not made."""
        versions = await self._texts.written_as(self.project, once)
        if versions is None:
            return None
        found = await self._texts.at(versions)
        made = [found[one] for one in versions if one in found]
        return [(_action(one), one) for one in made]

    async def write_edits(
        self, edits: Sequence[Edit], *, once: str | None = None, at_change: int | None = None
    ) -> Sequence[Written]:
        """Make edits in one transaction, or none; see `ConceptTexts.write`.

        Raises:
            DataError: one holds what may not be kept.
            Conflict, StoreError: see there.
        """
        return await self._write(edits, once=once, at_change=at_change)

    async def _write(
        self, edits: Sequence[Edit], *, once: str | None = None, at_change: int | None = None
    ) -> Sequence[Written]:
        for edit in edits:
            if edit.content is not None:
                screen(edit.content)
        await self._ensure(self.project)
        stored = await self._texts.write(self.project, edits, once=once, at_change=at_change)
        why = None
        try:
            await self._shelf(self.project).index(stored)
        except MemoryUnavailable as error:
            why = str(error)
        return [Written(one.concept, why) for one in stored]

    async def _change(
        self,
        concept: Concept,
        action: str,
        *,
        content: Content | None = None,
        status: ConceptStatus | None = None,
        provenance: Provenance | None = None,
        expected: int | None = None,
    ) -> Written:
        edit = Edit(
            id=concept.id,
            action=action,
            content=content,
            status=status or concept.status,
            provenance=provenance or Provenance(),
            # What was decided on the version that was read must not fall on another.
            expected_version=concept.version if expected is None else expected,
        )
        (written,) = await self._write([edit])
        return written

    async def _own(self, name_or_id: str) -> Concept:
        concept = await self.get(name_or_id)
        if concept.namespace != self.project:
            raise ConfigError(
                f"{concept.content.name!r} belongs to the shared namespace {concept.namespace!r}",
                remedy="it can be read here, not changed",
            )
        return concept

    async def _read(self, versions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Concept]:
        """Return concepts at versions, which never change: those that were read are kept."""
        missing = [version for version in versions if version not in self._kept]
        if missing:
            if len(self._kept) > MOST_KEPT:
                self._kept.clear()
            self._kept.update(await self._texts.at(missing))
        return {version: self._kept[version] for version in versions if version in self._kept}

    async def _ensure(self, namespace: str) -> None:
        if namespace not in {one.id for one in await self._texts.namespaces()}:
            await self._texts.make_namespace(namespace)

    async def _all(self, namespace: str) -> Sequence[Stored]:
        found: dict[str, Stored] = {}
        after = 0
        while part := await self._texts.changes(namespace, after=after, limit=PAGE):
            found.update((one.concept.id, one) for one in part)
            after = part[-1].change
        return [found[id] for id in sorted(found)]

    def _shelf(self, namespace: str) -> LiveShelf:
        if namespace not in self._live:
            self._live[namespace] = LiveShelf(namespace, self._texts, self._vectors, self._embedder)
        return self._live[namespace]

    async def _frozen_shelf(self, snapshot: str) -> FrozenShelf:
        shelf = self._frozen.pop(snapshot, None)
        if shelf is None:
            members = await self.members(snapshot)
            space = await find_namespace(self._texts, self.project)
            name = collection_name(space, self._embedder.id, await self._embedder.dimension(), snapshot=snapshot)
            shelf = FrozenShelf(name, members, self._vectors, self._embedder)
        while len(self._frozen) >= MOST_FROZEN:
            del self._frozen[next(iter(self._frozen))]
        self._frozen[snapshot] = shelf
        return shelf


def _action(concept: Concept) -> str:
    if concept.version == 1:
        return "add"
    return "archive" if concept.status is ConceptStatus.ARCHIVED else "update"


def new_id() -> str:
    """Return an id for a concept that no other has."""
    return f"con-{secrets.token_hex(8)}"
