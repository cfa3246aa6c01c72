"""The vector side of the memory: which texts are near a query. A protocol, and an exact index in memory for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from solvent.memory.embed import Vectors


class VectorIndex(Protocol):
    """Collections of vectors by id. What it has can be made again from the texts at any time.

    Every method may raise MemoryUnavailable: it does not answer or refuses. Writing the same again changes nothing.
    """

    async def upsert(self, collection: str, ids: Sequence[str], vectors: Vectors) -> None:
        """Put vectors into a collection, which is made where it is not there."""
        ...

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Take vectors out of a collection, as far as they are there."""
        ...

    async def query(
        self, collection: str, vector: npt.NDArray[np.float32], limit: int
    ) -> list[tuple[str, float]] | None:
        """Return ids and cosine similarities of the nearest, nearest first; None where there is no collection."""
        ...

    async def ids(self, collection: str) -> set[str]:
        """Return the ids of all that a collection has."""
        ...

    async def drop(self, collection: str) -> None:
        """Remove a collection, if it is there."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds; safe to call twice."""
        ...


class InMemoryVectors:
    """Exact search in memory, lost with the process: for tests, and to measure an approximate index against."""

    def __init__(self) -> None:
        self._collections: dict[str, dict[str, npt.NDArray[np.float32]]] = {}

    async def upsert(self, collection: str, ids: Sequence[str], vectors: Vectors) -> None:
        """See `VectorIndex`."""
        self._collections.setdefault(collection, {}).update(zip(ids, vectors, strict=True))

    async def delete(self, collection: str, ids: Sequence[str]) -> None:
        """See `VectorIndex`."""
        for id in ids:
            self._collections.get(collection, {}).pop(id, None)

    async def query(
        self, collection: str, vector: npt.NDArray[np.float32], limit: int
    ) -> list[tuple[str, float]] | None:
        """See `VectorIndex`; equally near ones come by id."""
        rows = self._collections.get(collection)
        if not rows:
            return None if rows is None else []
        similarities = np.stack(list(rows.values())) @ vector
        ranked = sorted(zip(rows, similarities, strict=True), key=lambda pair: (-pair[1], pair[0]))
        return [(id, float(similarity)) for id, similarity in ranked[:limit]]

    async def ids(self, collection: str) -> set[str]:
        """See `VectorIndex`."""
        return set(self._collections.get(collection, ()))

    async def drop(self, collection: str) -> None:
        """See `VectorIndex`."""
        self._collections.pop(collection, None)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""
