"""A set of concepts as searches see it: words and names in memory, vectors in a collection, all brought up to date."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from solvent.errors import MemoryUnavailable, NotFound
from solvent.memory.concept import Concept
from solvent.memory.embed import Embedder
from solvent.memory.keywords import KeywordIndex
from solvent.memory.names import NameIndex
from solvent.memory.texts import ConceptTexts, Namespace, Stored
from solvent.memory.vectors import VectorIndex

PAGE = 1000
MOST_LEFT_OVER = 32
"""Versions of a concept that are looked back for vectors that were left."""
RRF_K = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

NAME_WEIGHT = 3.0
"""Of a name of two words or more; half of it for a name of one word, which many texts hold by chance."""

Versions = dict[str, int]


def vector_id(id: str, version: int) -> str:
    """Return the id of a version's vector: one that is out of date can never pass for the present one. Pure."""
    return f"{id}:{version}"


def collection_name(namespace: Namespace, embedder: str, dimension: int, *, snapshot: str | None = None) -> str:
    """Return the name of a collection; another embedder or dimension gives another one, another database too. Pure."""
    readable = re.sub(r"[^A-Za-z0-9-]+", "-", namespace.id).strip("-")[:40] or "x"
    told = f"{namespace.id}\n{namespace.created_at!r}"
    digest = hashlib.sha256(told.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return ".".join(["solvent", f"{readable}-{digest}", *([snapshot] if snapshot else []), embedder, str(dimension)])


Near = Awaitable[list[tuple[str, float]] | None]


def wanted_for(limit: int) -> int:
    """Return how many each ranking gives, of which the best are taken. Pure."""
    return max(50, limit * 4)


@dataclass(frozen=True)
class Ranked:
    """A concept that a search found, and why."""

    id: str
    version: int
    score: float
    """Of the fusion; comparable within one search only."""
    similarity: float | None
    """Cosine of its vector with the query's, where the vectors found it."""
    keyword_score: float | None
    """BM25, where the words found it."""
    named: bool = False
    """Whether its name stands in the query."""


def fuse(
    nearest: Sequence[tuple[str, float]],
    by_words: Sequence[tuple[str, float]],
    by_name: Sequence[tuple[str, float]],
    versions: Versions,
    limit: int,
) -> list[Ranked]:
    """Return the best of three rankings by weighted reciprocal rank fusion; equal ones by id. Pure.

    A name of two words or more that stands in the query outweighs the first places of both other rankings: whoever
    names a thing means it.
    """
    similarities, word_scores, names = dict(nearest), dict(by_words), dict(by_name)
    scores: dict[str, float] = {}
    for ranking in (nearest, by_words, by_name):
        for rank, (id, score) in enumerate(ranking, 1):
            weight = min(NAME_WEIGHT, NAME_WEIGHT / 2 * score) if ranking is by_name else 1.0
            scores[id] = scores.get(id, 0.0) + weight / (RRF_K + rank)
    best = sorted(scores, key=lambda id: (-scores[id], id))[:limit]
    return [Ranked(id, versions[id], scores[id], similarities.get(id), word_scores.get(id), id in names) for id in best]


class Shelf:
    """What all searches of one set share.

    Args:
        vectors: where its vectors are.
        embedder: makes them.
    """

    def __init__(self, vectors: VectorIndex, embedder: Embedder) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._words = KeywordIndex()
        self._names = NameIndex()
        self.versions: Versions = {}

    async def search(self, collection: str, query: str, limit: int, near: Near | None = None) -> list[Ranked] | None:
        """Return the best, best first; None where the collection is not there though it should be.

        Args:
            collection: where the vectors are.
            query: any text.
            limit: most that are returned.
            near: what the vectors answer, where they were asked before.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
        if not self.versions:
            return []
        wanted = wanted_for(limit)
        by_words, by_name = self._words.search(query, wanted), self._names.search(query, wanted)
        found = await (near if near is not None else self._near(collection, query, limit))
        if found is None:
            return None
        nearest = []
        for known, similarity in found:
            id, _, version = known.rpartition(":")
            if self.versions.get(id) == int(version):
                nearest.append((id, similarity))
        return fuse(nearest, by_words, by_name, self.versions, limit)

    async def _near(self, collection: str, query: str, limit: int) -> list[tuple[str, float]] | None:
        (vector,) = await self._embedder.embed([query])
        return await self._vectors.query(collection, vector, wanted_for(limit))

    def _put(self, concept: Concept) -> None:
        if concept.is_found:
            if self.versions.get(concept.id) != concept.version:
                self._words.put(concept.id, concept.content.search_text)
                self._names.put(concept.id, concept.content.name)
                self.versions[concept.id] = concept.version
        else:
            self._words.remove(concept.id)
            self._names.remove(concept.id)
            self.versions.pop(concept.id, None)

    async def _upsert(self, collection: str, concepts: Sequence[Concept]) -> None:
        vectors = await self._embedder.embed([concept.content.search_text for concept in concepts])
        await self._vectors.upsert(collection, [vector_id(one.id, one.version) for one in concepts], vectors)


class LiveShelf(Shelf):
    """A namespace as it is now.

    What changed since the last search is read before the next; whatever a writer that died did not bring into the index
    is brought there then.

    Args:
        namespace: whose.
        texts: says what there is.
        vectors: see `Shelf`.
        embedder: see `Shelf`.
    """

    def __init__(self, namespace: str, texts: ConceptTexts, vectors: VectorIndex, embedder: Embedder) -> None:
        super().__init__(vectors, embedder)
        self._namespace = namespace
        self._store = texts
        self._seen = 0
        self._waiting: dict[str, Stored] = {}
        self._reading = asyncio.Lock()
        self._collection: str | None = None

    async def collection(self) -> str:
        """Return the name of its collection.

        Raises:
            NotFound: there is no such namespace.
            MemoryUnavailable: the embedder does not answer.
        """
        if self._collection is None:
            space = await find_namespace(self._store, self._namespace)
            self._collection = collection_name(space, self._embedder.id, await self._embedder.dimension())
        return self._collection

    async def refresh(self) -> str:
        """Read what changed, index what waits for it, and return the collection.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer; what waits goes on waiting.
        """
        async with self._reading:
            collection = await self.collection()
            while changed := await self._store.changes(self._namespace, after=self._seen, limit=PAGE):
                for stored in changed:
                    self._put(stored.concept)
                    self._waiting.pop(stored.concept.id, None)
                    if not is_indexed(stored, collection):
                        self._waiting[stored.concept.id] = stored
                self._seen = changed[-1].change
            if self._waiting:
                await self.index(list(self._waiting.values()))
                self._waiting = {}
            return collection

    async def search_now(self, query: str, limit: int) -> list[Ranked]:
        """Return the best of what there is now, best first.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
        try:
            collection = await self.collection()
        except NotFound:
            return []
        # The vectors are asked while the changes are read; where there were some, once more.
        seen = self._seen
        near = asyncio.ensure_future(self._near(collection, query, limit))
        try:
            changed = bool(self._waiting)
            await self.refresh()
            found = await self.search(collection, query, limit, None if changed or seen != self._seen else near)
        finally:
            near.cancel()
            await asyncio.gather(near, return_exceptions=True)
        if found is None:
            # The index lost what it had: all of it is made again.
            self._seen = 0
            await self._forget_marks()
            found = await self.search(await self.refresh(), query, limit)
        return found or []

    async def _forget_marks(self) -> None:
        await self._store.mark_indexed(None, list(self.versions.items()))

    async def index(self, stored: Sequence[Stored]) -> None:
        """Bring the index to these concepts and write down that it is.

        An old version's vector goes last: until then it is only passed over. Whatever dies between these steps leaves
        the concept waiting for whoever searches next.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
        collection = await self.collection()
        active = [one for one in stored if one.concept.is_found]
        gone = [one for one in stored if not one.concept.is_found]
        for start in range(0, len(active), PAGE):
            await self._upsert(collection, [one.concept for one in active[start : start + PAGE]])
        old = [vector_id(one.concept.id, version) for one in stored for version in _left_over(one, collection)]
        if old:
            await self._vectors.delete(collection, old)
        if active:
            await self._store.mark_indexed(collection, [(one.concept.id, one.concept.version) for one in active])
            await self._take_back(collection, active)
        if gone:
            await self._store.mark_indexed(None, [(one.concept.id, one.concept.version) for one in gone])

    async def _take_back(self, collection: str, active: Sequence[Stored]) -> None:
        """Take vectors out again whose concepts others changed meanwhile: who did so may have been here before."""
        present = await self._store.get([one.concept.id for one in active])
        late = [
            vector_id(one.concept.id, one.concept.version)
            for one in active
            if one.concept.id in present and present[one.concept.id].concept.version != one.concept.version
        ]
        if late:
            await self._vectors.delete(collection, late)


def _left_over(stored: Stored, collection: str) -> range:
    """Return earlier versions of which the collection may have vectors: the one that is noted, and what came after it.

    Of those after it the writers died, or are about to note them.
    """
    last = stored.concept.version - 1 if stored.concept.is_found else stored.concept.version
    is_noted = stored.indexed_in == collection and stored.indexed_version is not None
    first = stored.indexed_version if is_noted and stored.indexed_version is not None else 1
    return range(max(first, last + 1 - MOST_LEFT_OVER), last + 1)


class FrozenShelf(Shelf):
    """A snapshot, with a collection of its own that is made at its first use and never changed.

    Args:
        collection: its name.
        concepts: the snapshot's members.
        vectors: see `Shelf`.
        embedder: see `Shelf`.
    """

    def __init__(self, collection: str, concepts: Sequence[Concept], vectors: VectorIndex, embedder: Embedder) -> None:
        super().__init__(vectors, embedder)
        self._collection = collection
        self._concepts = {one.id: one for one in concepts}
        for concept in concepts:
            self._put(concept)
        self._is_whole = False

    async def search_now(self, query: str, limit: int) -> list[Ranked]:
        """Return the best members, best first.

        Raises:
            MemoryUnavailable: the index or the embedder does not answer.
        """
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
        missing = [one for id, one in sorted(self._concepts.items()) if vector_id(id, one.version) not in there]
        for start in range(0, len(missing), PAGE):
            await self._upsert(self._collection, missing[start : start + PAGE])
        self._is_whole = True


async def find_namespace(texts: ConceptTexts, id: str) -> Namespace:
    """Return a namespace. Raises NotFound."""
    found = next((one for one in await texts.namespaces() if one.id == id), None)
    if found is None:
        raise NotFound(f"there is no namespace {id!r} of concepts", remedy="the first concept that is added makes it")
    return found


def is_indexed(stored: Stored, collection: str) -> bool:
    """Return whether it is written down that the index has what it should of a concept, and nothing else. Pure."""
    if stored.concept.is_found:
        return stored.indexed_in == collection and stored.indexed_version == stored.concept.version
    return stored.indexed_version is None
