"""Memories to test: the parts behind each of them, and how they break."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers import ChromaServer as Server
from servers import PostgresServer

from solvent.errors import MemoryUnavailable
from solvent.memory.chroma import ChromaServer, EmbeddedChroma
from solvent.memory.concept import Concept, ConceptKind, Content
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors


class DiedError(Exception):
    """A process died here."""


def routine(name: str, summary: str, **fields: Any) -> Content:
    return Content(name=name, kind=ConceptKind.ROUTINE, summary=summary, **fields)


def insight(name: str, situation: str, suggestion: str) -> Content:
    return Content(name=name, kind=ConceptKind.INSIGHT, situation=situation, suggestion=suggestion)


def contents() -> list[Content]:
    return [
        routine("Ember rule", "add 3 to every number", cues=["the statement names the Ember rule"]),
        routine("Frost rule", "drop every odd number of the list"),
        routine("Shortest path in a grid", "breadth-first search over cells", notes=["keep a queue of cells"]),
        insight("Large answers", "the answer may be huge", "take the remainder at every step"),
        Content(
            name="Segment tree",
            kind=ConceptKind.STRUCTURE,
            summary="sums of ranges with changes between them",
            parameters=({"name": "combine", "type": "(a, a) -> a"},),  # type: ignore[arg-type]  # as JSON has it
        ),
    ]


class Steps:
    """Wraps what a store writes to; before and after each writing call is a point at which it may die."""

    WRITES = frozenset({"write", "mark_indexed", "upsert", "delete"})

    def __init__(self, part: Any, count: Callable[[], None]) -> None:
        self._part = part
        self._count = count

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._part, name)
        if name not in self.WRITES:
            return inner

        async def counted(*given: Any, **named: Any) -> Any:
            self._count()
            result = await inner(*given, **named)
            self._count()
            return result

        return counted


class Switch:
    """An index that can be away."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        inner: Callable[..., Awaitable[Any]] = getattr(self._part, name)

        async def asked(*given: Any, **named: Any) -> Any:
            if self.is_away:
                raise MemoryUnavailable("the index is away")
            return await inner(*given, **named)

        return asked


class Backend:
    """Texts and vectors of one kind, with stores over them."""

    def __init__(self, texts: Any, vectors: Any, server: Server | None, clean_up: Callable[[], None]) -> None:
        self.texts = texts
        self.inner = vectors
        self.vectors = Switch(vectors)
        self.server = server
        self._clean_up = clean_up

    @classmethod
    async def make(cls, request: pytest.FixtureRequest, folder: Path) -> Backend:
        named: str = request.param
        if named == "in memory":
            return cls(InMemoryConceptTexts(), InMemoryVectors(), None, lambda: None)
        server: Server | None = None
        if named.startswith("embedded"):
            request.getfixturevalue("require_chroma")
            vectors: Any = EmbeddedChroma(folder / "chroma")
        else:
            server = request.getfixturevalue("chroma_server")
            vectors = ChromaServer(server.url)
        url, clean_up = cls._database(request, folder, is_postgres=named.endswith("PostgreSQL"))
        from solvent.workers.sql.concepts import SqlConceptTexts
        from solvent.workers.sql.engine import Database

        return cls(SqlConceptTexts(Database(url, pool_size=4), owned=True), vectors, server, clean_up)

    @staticmethod
    def _database(request: pytest.FixtureRequest, folder: Path, *, is_postgres: bool) -> tuple[str, Callable[[], None]]:
        if not is_postgres:
            shutil.copy(request.getfixturevalue("service_file"), folder / "service.sqlite")
            return f"sqlite:///{folder / 'service.sqlite'}", lambda: None
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = server.create_database(template=request.getfixturevalue("service_template"))
        return server.url(name), lambda: server.drop_database(name)

    def store(self, project: str = "default", *, shared: Sequence[str] = ()) -> ConceptStore:
        """Return a store of its own, as another process would have."""
        return ConceptStore(self.texts, self.vectors, HashedEmbedder(), project=project, shared=shared)

    def dying_store(self, project: str, point: int) -> ConceptStore:
        """Return a store whose process dies at a point of its writing."""
        left = point

        def count() -> None:
            nonlocal left
            if left == 0:
                raise DiedError
            left -= 1

        texts: Any = Steps(self.texts, count)
        vectors: Any = Steps(self.vectors, count)
        return ConceptStore(texts, vectors, HashedEmbedder(), project=project)

    async def spoil_index(self, store: ConceptStore, *, missing: Sequence[Concept], orphan: str) -> None:
        """Take vectors out of the index and put a stranger in, behind the store's back."""
        collection = (await store.check()).collection
        await self.vectors.delete(collection, [f"{one.id}:{one.version}" for one in missing])
        vector = np.zeros((1, await HashedEmbedder().dimension()), dtype=np.float32)
        vector[0, 0] = 1.0
        await self.vectors.upsert(collection, [orphan], vector)

    async def lose_index(self) -> None:
        """Let the index lose all that it has."""
        if isinstance(self.inner, InMemoryVectors):
            self.inner._collections.clear()
        elif self.server is not None:
            self.server.lose_data()
        else:
            for name in await self.inner._call("list", lambda client: [one.name for one in client.list_collections()]):
                await self.inner._call("drop", lambda client, name=name: client.delete_collection(name))

    @asynccontextmanager
    async def index_away(self) -> AsyncIterator[None]:
        """Let the index be away for a while."""
        if self.server is not None:
            self.server.kill()
            try:
                yield
            finally:
                self.server.start()
            return
        self.vectors.is_away = True
        yield
        self.vectors.is_away = False

    async def aclose(self) -> None:
        await self.inner.aclose()
        await self.texts.aclose()
        self._clean_up()
