"""Writes: each one transaction over the texts, then the index."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from solvent.errors import ConfigError, MemoryUnavailable
from solvent.memory.concept import Concept, ConceptStatus, Content, Provenance, Utility
from solvent.memory.holding import Holding
from solvent.memory.merging import merged
from solvent.memory.proposals import with_name_as_cue
from solvent.memory.results import Imported, OnConflict, Written
from solvent.memory.screening import screen
from solvent.memory.texts import Edit


class Writing(Holding):
    """The verbs that write."""

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

        It keeps its name and text and gets what the others know beside, their names as cues; they are deleted, and
        their counters are added to its own.

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
                content=merged(kept.content, [with_name_as_cue(kept.content, one.content) for one in gone]),
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

    async def feedback(self, name_or_id: str, *, helpful: bool) -> Utility:
        """Count a person's or a program's judgement of a concept; returns the project's counters. Raises NotFound."""
        concept = await self.get(name_or_id)
        said = Utility(helpful=int(helpful), harmful=int(not helpful))
        await self._texts.count(self.project, {(concept.id, concept.version): said})
        return (await self._texts.utility([concept.id], self.project)).get(concept.id, Utility())

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


def _action(concept: Concept) -> str:
    if concept.version == 1:
        return "add"
    return "archive" if concept.status is ConceptStatus.ARCHIVED else "update"


def new_id() -> str:
    """Return an id for a concept that no other has."""
    return f"con-{secrets.token_hex(8)}"
