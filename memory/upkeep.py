"""Upkeep: whether the index has what the texts say, and making it so."""

from __future__ import annotations

from solvent.memory.holding import Holding
from solvent.memory.results import Check
from solvent.memory.shelf import is_indexed, vector_id


class Upkeep(Holding):
    """The verbs that compare and repair."""

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
