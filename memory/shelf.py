"""A set of concepts as searches see it: words and names in memory, vectors in a collection, all brought up to date."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Sequence

from solvent.errors import NotFound
from solvent.memory.concept import Concept
from solvent.memory.embed import Embedder
from solvent.memory.keywords import KeywordIndex
from solvent.memory.names import NameIndex
from solvent.memory.ranking import Ranked, Versions, fuse
from solvent.memory.texts import ConceptTexts, Namespace, Outline, Stored
from solvent.memory.vectors import VectorIndex

_log = logging.getLogger(__name__)
PAGE = 1000
OUTLINES = 20_000
"""Outlines that are read, and their words sorted, at once: some 150 MB for a moment."""
MOST_LEFT_OVER = 32
"""Versions of a concept that are looked back for vectors that were left."""
EXACT = 200
"""Most concepts of a set whose search by vectors leaves nothing out, whatever the index does."""


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


class Shelf:
    """What all searches of one set share.

    Args:
        texts: has what its concepts say.
        vectors: where its vectors are.
        embedder: makes them.
    """

    def __init__(self, texts: ConceptTexts, vectors: VectorIndex, embedder: Embedder) -> None:
        self._store = texts
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
        if len(self.versions) <= EXACT:
            nearest = await self._with_missed(query, nearest)
        return fuse(nearest[:wanted], by_words, by_name, self.versions, limit)

    async def _with_missed(self, query: str, nearest: list[tuple[str, float]]) -> list[tuple[str, float]]:
        """Return the nearest together with those that the index, which is approximate, did not give.

        So a change that comes between its answer and now takes nobody's place either.
        """
        given = {id for id, _ in nearest}
        missed = [version for version in self.versions.items() if version[0] not in given]
        if not missed:
            return nearest
        concepts = list((await self._store.at(missed)).values())
        asked, *vectors = await self._embedder.embed([query, *(one.content.search_text for one in concepts)])
        found = [(one.id, float(vector @ asked)) for one, vector in zip(concepts, vectors, strict=True)]
        _log.info("the index did not give %d of %d concepts", len(found), len(self.versions))
        return sorted([*nearest, *found], key=lambda pair: -pair[1])

    async def _near(self, collection: str, query: str, limit: int) -> list[tuple[str, float]] | None:
        (vector,) = await self._embedder.embed([query])
        at_least = EXACT if len(self.versions) <= EXACT else 0
        return await self._vectors.query(collection, vector, max(at_least, wanted_for(limit)))

    def _put(self, one: Outline) -> None:
        if one.is_found:
            if self.versions.get(one.id) != one.version:
                self._words.put_packed(one.id, one.terms)
                self._names.put(one.id, one.name)
                self.versions[one.id] = one.version
        else:
            self._words.remove(one.id)
            self._names.remove(one.id)
            self.versions.pop(one.id, None)

    async def _settle(self) -> None:
        if self._words.has_many_fresh:
            await asyncio.to_thread(self._words.settle)

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
        super().__init__(texts, vectors, embedder)
        self._namespace = namespace
        self._seen = 0
        self._waiting: set[str] = set()
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
            while True:
                while changed := await self._store.outlines(self._namespace, after=self._seen, limit=OUTLINES):
                    for one in changed:
                        self._put(one)
                        self._waiting.discard(one.id)
                        if not is_indexed(one, collection):
                            self._waiting.add(one.id)
                    self._seen = changed[-1].change
                    await self._settle()
                if not self._waiting:
                    return collection
                # What waits is read as it is by now; what changed since its outline is among the next changes.
                waiting = sorted(self._waiting)
                for start in range(0, len(waiting), PAGE):
                    part = waiting[start : start + PAGE]
                    await self.index(list((await self._store.get(part)).values()))
                    self._waiting.difference_update(part)

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
            versions = [(one.concept.id, one.concept.version) for one in active]
            if await self._store.mark_indexed(collection, versions) < len(versions):
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


async def find_namespace(texts: ConceptTexts, id: str) -> Namespace:
    """Return a namespace. Raises NotFound."""
    found = next((one for one in await texts.namespaces() if one.id == id), None)
    if found is None:
        raise NotFound(f"there is no namespace {id!r} of concepts", remedy="the first concept that is added makes it")
    return found


def is_indexed(one: Outline | Stored, collection: str) -> bool:
    """Return whether it is written down that the index has what it should of a concept, and nothing else. Pure."""
    found, version = (
        (one.concept.is_found, one.concept.version) if isinstance(one, Stored) else (one.is_found, one.version)
    )
    if found:
        return one.indexed_in == collection and one.indexed_version == version
    return one.indexed_version is None
