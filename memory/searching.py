"""Searches: of what there is now, of snapshots, and for what is like a concept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from solvent.memory.concept import Concept, Content
from solvent.memory.embed import Embedder
from solvent.memory.frozen_shelf import FrozenShelf
from solvent.memory.holding import DEFAULT_PROJECT
from solvent.memory.results import Hit
from solvent.memory.shelf import collection_name, find_namespace
from solvent.memory.snapshots import Snapshots
from solvent.memory.texts import ConceptTexts
from solvent.memory.vectors import VectorIndex

MOST_KEPT = 5000
"""Concepts that are kept as they were read."""
MOST_FROZEN = 4
"""Snapshots that are kept ready to be searched."""


class Searching(Snapshots):
    """The verbs that search."""

    def __init__(
        self,
        texts: ConceptTexts,
        vectors: VectorIndex,
        embedder: Embedder,
        *,
        project: str = DEFAULT_PROJECT,
        shared: Sequence[str] = (),
    ) -> None:
        super().__init__(texts, vectors, embedder, project=project, shared=shared)
        self._kept: dict[tuple[str, int], Concept] = {}
        self._frozen: dict[str, FrozenShelf] = {}

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

    async def near(self, content: Content, *, limit: int) -> Sequence[Concept]:
        """Return the project's own concepts that a search with all that a content is found by has first, best first.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
        found = await self._shelf(self.project).search_now(content.search_text, limit)
        concepts = await self._read([(one.id, one.version) for one in found])
        return [concepts[one.id, one.version] for one in found if (one.id, one.version) in concepts]

    async def likeness(self, contents: Sequence[Content]) -> Sequence[Sequence[float]]:
        """Return the cosine of each content's vector with each. Raises MemoryUnavailable."""
        vectors = await self._embedder.embed([content.search_text for content in contents])
        return [[float(one) for one in row] for row in vectors @ vectors.T]

    async def _read(self, versions: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], Concept]:
        """Return concepts at versions, which never change: those that were read are kept."""
        missing = [version for version in versions if version not in self._kept]
        if missing:
            if len(self._kept) > MOST_KEPT:
                self._kept.clear()
            self._kept.update(await self._texts.at(missing))
        return {version: self._kept[version] for version in versions if version in self._kept}

    async def _frozen_shelf(self, snapshot: str) -> FrozenShelf:
        shelf = self._frozen.pop(snapshot, None)
        if shelf is None:
            await self._own_snapshot(snapshot)
            members = await self._texts.member_outlines(snapshot)
            space = await find_namespace(self._texts, self.project)
            name = collection_name(space, self._embedder.id, await self._embedder.dimension(), snapshot=snapshot)
            shelf = FrozenShelf(name, members, self._texts, self._vectors, self._embedder)
        while len(self._frozen) >= MOST_FROZEN:
            del self._frozen[next(iter(self._frozen))]
        self._frozen[snapshot] = shelf
        return shelf
