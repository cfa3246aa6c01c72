"""Vectors in Chroma: embedded in this process, or a server that many processes share.

Two processes on one folder silently miss each other's rows, so an embedded Chroma is locked for one; more than one
process means a server.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from solvent.errors import ConfigError, MemoryUnavailable, SolventError
from solvent.locks import exclusive
from solvent.memory.chroma_wire import Wire
from solvent.memory.embed import Vectors

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from chromadb.config import Settings as ChromaSettings

T = TypeVar("T")
EXTRA = "memory"
_CONFIGURATION: dict[str, Any] = {
    "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}
}
_ROWS = 1000
"""Rows of one call; servers refuse too many."""
TIMEOUT_S = 10.0
"""Most that a call to a server may take."""
_SERVER_CALLS = 4
"""Calls to a server at once."""


def _import_chroma() -> Any:
    # Read at import: nothing of what is kept is told to anybody.
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    try:
        import chromadb
    except ImportError as error:
        raise ConfigError(
            f"the concept memory needs Chroma, which is not installed ({error})",
            remedy=f"pip install 'solvent[{EXTRA}]', or use the memory policy off",
        ) from error
    return chromadb


def write_ahead(folder: Path) -> None:
    """Let Chroma's database in a folder keep a write-ahead log: a write then waits for the disk once, not eight times.

    It is kept in the database from then on, and no less durable. Nobody may use the folder meanwhile.

    Raises:
        sqlite3.Error: the database is in use, or is none.
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "chroma.sqlite3")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


class _Chroma(ABC):
    """What both ways to Chroma share: calls in threads, faults as ours, and collections found anew after a loss."""

    place = ""

    def __init__(self, calls: int) -> None:
        self._executor = ThreadPoolExecutor(calls, thread_name_prefix="chroma")
        self._client: ClientAPI | None = None
        self._opening = asyncio.Lock()
        self._collections: dict[str, Collection] = {}

    @abstractmethod
    def _open(self) -> ClientAPI:
        """Return a client; called in a thread."""

    async def upsert(self, collection: str, ids: Sequence[str], vectors: Vectors) -> None:
        """See `VectorIndex`."""
        for start in range(0, len(ids), _ROWS):
            rows, part = list(ids[start : start + _ROWS]), vectors[start : start + _ROWS]

            def put(found: Collection, rows: list[str] = rows, part: Vectors = part) -> None:
                found.upsert(ids=rows, embeddings=part)

            await self._with(collection, "write vectors", put, make=True)

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        """See `VectorIndex`."""
        for start in range(0, len(ids), _ROWS):
            rows = list(ids[start : start + _ROWS])

            def take(found: Collection, rows: list[str] = rows) -> None:
                found.delete(ids=rows)

            await self._with(collection, "delete vectors", take)

    async def query(
        self, collection: str, vector: npt.NDArray[np.float32], limit: int
    ) -> list[tuple[str, float]] | None:
        """See `VectorIndex`."""

        def ask(found: Collection) -> list[tuple[str, float]]:
            answer = found.query(query_embeddings=vector[np.newaxis, :], n_results=limit, include=["distances"])
            distances = answer["distances"]
            assert distances is not None, "they were asked for"
            return [(id, 1.0 - float(away)) for id, away in zip(answer["ids"][0], distances[0], strict=True)]

        return await self._with(collection, "search", ask)

    async def ids(self, collection: str) -> set[str]:
        """See `VectorIndex`."""

        def read(found: Collection) -> set[str]:
            every: set[str] = set()
            while True:
                part = found.get(limit=_ROWS * 10, offset=len(every), include=[])["ids"]
                every.update(part)
                if len(part) < _ROWS * 10:
                    return every

        return await self._with(collection, "list vectors", read) or set()

    async def drop(self, collection: str) -> None:
        """See `VectorIndex`."""

        def remove(client: ClientAPI) -> None:
            from chromadb.errors import NotFoundError

            with suppress(NotFoundError):
                client.delete_collection(collection)

        self._collections.pop(collection, None)
        await self._call("drop a collection", remove)

    async def aclose(self) -> None:
        """Let go of the client; safe to call twice."""
        client, self._client = self._client, None
        self._collections = {}
        if client is not None:
            await asyncio.to_thread(self._close, client)
        await asyncio.to_thread(self._executor.shutdown)

    def _close(self, client: ClientAPI) -> None:
        cast("Client", client).close()

    async def _with(
        self, collection: str, what: str, work: Callable[[Collection], T], *, make: bool = False
    ) -> T | None:
        """Return what `work` returns; None where there is no such collection and none is to be made."""

        def run(client: ClientAPI) -> T | None:
            from chromadb.errors import NotFoundError

            # A server that lost its data gives a collection of the same name another id: once more, from the name.
            for known in (True, False):
                found = self._collections.get(collection) if known else None
                try:
                    if found is None:
                        found = self._find(client, collection, make=make)
                        self._collections[collection] = found
                    return work(found)
                except NotFoundError:
                    self._collections.pop(collection, None)
            return None

        return await self._call(what, run)

    @staticmethod
    def _find(client: ClientAPI, collection: str, *, make: bool) -> Collection:
        if not make:
            return client.get_collection(collection, embedding_function=None)
        return client.get_or_create_collection(collection, embedding_function=None, configuration=_CONFIGURATION)  # type: ignore[arg-type]  # a TypedDict that is private there

    async def _call(self, what: str, work: Callable[[ClientAPI], T]) -> T:
        loop = asyncio.get_running_loop()
        async with self._opening:
            if self._client is None:
                self._client = await loop.run_in_executor(self._executor, self._guarded, "open", self._open)
        client = self._client
        return await loop.run_in_executor(self._executor, self._guarded, what, lambda: work(client))

    def _guarded(self, what: str, work: Callable[[], T]) -> T:
        try:
            return work()
        except SolventError:
            raise
        except Exception as error:  # Chroma raises its own, its HTTP library's, ValueError and Rust's
            lines = str(error).strip().splitlines() or [""]
            raise MemoryUnavailable(
                f"cannot {what} ({self.place}): {type(error).__name__}: {lines[0][:300]}",
                remedy="`solvent doctor` says how it is; nothing of the memory is lost, vectors are made again",
            ) from error


class EmbeddedChroma(_Chroma):
    """Chroma in this process, on a folder that no other process uses at the same time.

    Args:
        folder: where it keeps its files.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(calls=1)
        self._folder = folder
        self._held = ExitStack()
        self.place = f"Chroma embedded at {folder}"

    def _open(self) -> ClientAPI:
        chromadb = _import_chroma()
        try:
            self._held.enter_context(exclusive(self._folder.with_name(self._folder.name + ".lock"), "the memory"))
        except ConfigError as error:
            raise MemoryUnavailable(
                f"another process uses the memory at {self._folder}",
                remedy="wait for it, or start a Chroma server and set SOLVENT_CHROMA_URL",
            ) from error
        write_ahead(self._folder)
        client: ClientAPI = chromadb.PersistentClient(path=str(self._folder), settings=_settings())
        return client

    async def aclose(self) -> None:
        """Let go of the folder; safe to call twice."""
        await super().aclose()
        self._held.close()


class ChromaServer(_Chroma):
    """A Chroma server.

    Args:
        url: `http://HOST:PORT` or `https://HOST:PORT`.
        token_env: environment variable with a token that is sent as bearer, where one is needed.
        timeout_s: most that a call may take.

    Raises:
        ConfigError: the URL is wrong, or the variable is not set.
    """

    def __init__(self, url: str, token_env: str | None = None, *, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(calls=_SERVER_CALLS)
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ConfigError("chroma_url is not the URL of a Chroma server", remedy="use http://HOST:PORT")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port or (443 if self._secure else 8000)
        self._token = os.environ.get(token_env) if token_env else None
        if token_env and not self._token:
            raise ConfigError(f"the environment variable {token_env} is not set", remedy="set it to Chroma's token")
        self.place = f"Chroma at {self._host}:{self._port}"
        self._wire = Wire(self._host, self._port, secure=self._secure, token=self._token, timeout_s=timeout_s)

    async def query(
        self, collection: str, vector: npt.NDArray[np.float32], limit: int
    ) -> list[tuple[str, float]] | None:
        """See `VectorIndex`. Not by Chroma's client, which takes longer to build a request than it waits for it."""

        def ask(found: Collection) -> list[tuple[str, float]]:
            path = f"/api/v2/tenants/{found.tenant}/databases/{found.database}/collections/{found.id}/query"
            return self._wire.nearest(path, vector, limit)

        return await self._with(collection, "search", ask)

    def _open(self) -> ClientAPI:
        chromadb = _import_chroma()
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        client: ClientAPI = chromadb.HttpClient(
            host=self._host, port=self._port, ssl=self._secure, headers=headers, settings=_settings()
        )
        for session in _sessions(client):
            session.timeout = self._timeout_s
        return client

    def _close(self, client: ClientAPI) -> None:
        self._wire.close()
        sessions = _sessions(client)
        super()._close(client)
        for session in sessions:
            session.close()


def _sessions(client: Any) -> list[Any]:
    # Chroma waits for ever and closes no connection; there is no public way to its two HTTP clients.
    return [part._server._session for part in (client, client._admin_client)]


def _settings() -> ChromaSettings:
    from chromadb.config import Settings as ChromaSettings

    return ChromaSettings(anonymized_telemetry=False)
