"""A snapshot as searches see it."""

from __future__ import annotations

from collections.abc import Sequence

from solvent.errors import MemoryUnavailable
from solvent.memory.embed import Embedder
from solvent.memory.ranking import Ranked
from solvent.memory.shelf import PAGE, Shelf, vector_id
from solvent.memory.texts import ConceptTexts, Outline
from solvent.memory.vectors import VectorIndex


class FrozenShelf(Shelf):
    """A snapshot, with a collection of its own that is made at its first use and never changed.

    Args:
        collection: its name.
        members: of the snapshot.
        texts: has what they say.
        vectors: see `Shelf`.
        embedder: see `Shelf`.
    """

    def __init__(
        self,
        collection: str,
        members: Sequence[Outline],
        texts: ConceptTexts,
        vectors: VectorIndex,
        embedder: Embedder,
    ) -> None:
        super().__init__(texts, vectors, embedder)
        self._collection = collection
        for one in members:
            self._put(one)
        self._is_whole = False

    async def search_now(self, query: str, limit: int) -> list[Ranked]:
        """Return the best members, best first.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
        await self._settle()
        for _ in range(2):
            if not self._is_whole:
                await self._fill()
            found = await self.search(self._collection, query, limit)
            if found is not None:
                return found
            self._is_whole = False
        raise MemoryUnavailable(f"the collection {self._collection} is removed again and again")

    async def _fill(self) -> None:
        there = await self._vectors.ids(self._collection)
        missing = [one for one in sorted(self.versions.items()) if vector_id(*one) not in there]
        for start in range(0, len(missing), PAGE):
            concepts = await self._store.at(missing[start : start + PAGE])
            await self._upsert(self._collection, list(concepts.values()))
        self._is_whole = True
