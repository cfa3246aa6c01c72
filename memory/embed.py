"""Embedders: texts to vectors of length 1. An embedder's id and dimension are part of the name of what it filled."""

from __future__ import annotations

import asyncio
import math
import os
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from solvent.errors import ConfigError, MemoryUnavailable, boundary
from solvent.memory.terms import words

if TYPE_CHECKING:
    import httpx2

Vectors = npt.NDArray[np.float32]
"""One row for each text."""

DIMENSION = 512
PIECE_WEIGHT = 0.3
PAIR_WEIGHT = 0.7
COMMON_WEIGHT = 0.2
_COMMON = frozenset(
    words(
        "a an the of to in on at is are be as and or by for from with it its this that each every all any one do does "
        "no not then after before first next last finally lastly begin end so there if when else otherwise use used "
        "given read write program function return print output input result value number integer line list text "
        "string word array you get take have has how many much which what where show details example work out same "
        "form define implement find give back separated space single come contain two follow also"
    )
)
"""Words of nearly every statement, with their endings cut."""
BATCH = 64
"""Texts of one request to an endpoint."""
TIMEOUT_S = 30.0
_SPACES = re.compile(r"\s+")


class Embedder(Protocol):
    """Makes vectors. The same text always gives the same vector, as far as its backend keeps that."""

    @property
    def id(self) -> str:
        """What made the vectors, and in which form: letters, digits, `-` and `.`."""
        ...

    async def dimension(self) -> int:
        """Return the length of a vector.

        Raises:
            MemoryUnavailable: it had to be asked and does not answer.
        """
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 for each text; an empty text gives any vector.

        Raises:
            MemoryUnavailable: its backend failed.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections; safe to call twice."""
        ...


class HashedEmbedder:
    """Words, pairs of words and pieces of words, hashed with signs into a fixed number of places.

    The hashing trick (Weinberger et al., 2009, arXiv 0902.2206). It needs no weights and no fitting, and knows no
    synonyms. Words that stand in nearly every statement of a problem count little.

    Args:
        dimension: places; more of them make fewer collisions.
    """

    def __init__(self, dimension: int = DIMENSION) -> None:
        self._dimension = dimension
        self.id = "hashed.2"

    async def dimension(self) -> int:
        """Return the length of a vector."""
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors; many are made in a thread."""
        if len(texts) > 8:
            return await asyncio.to_thread(self.vectors, texts)
        return self.vectors(texts)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors. Pure."""
        made = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(made, texts, strict=True):
            places, weights = _features(text, self._dimension)
            row[:] = np.bincount(places, weights, minlength=self._dimension)
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        made[lengths[:, 0] == 0, 0] = 1.0
        lengths[lengths == 0] = 1.0
        made /= lengths
        return made

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


def _place(feature: str, dimension: int) -> tuple[int, float]:
    data = feature.encode("utf-8", errors="surrogatepass")
    hashed = zlib.crc32(data)
    return hashed % dimension, 1.0 if zlib.adler32(data[::-1]) & 1 else -1.0


@lru_cache(maxsize=1 << 14)
def _of_word(word: str, dimension: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return places and weights of a word and its pieces: the word counts most, since pieces come many at a time."""
    found = {f"w {word}": COMMON_WEIGHT if word in _COMMON else 1.0}
    if word not in _COMMON:
        edged = f"<{word}>"
        for start in range(max(1, len(edged) - 3)):
            found[f"c {edged[start : start + 4]}"] = PIECE_WEIGHT
    places = [_place(feature, dimension) for feature in found]
    return (
        np.array([place for place, _ in places], dtype=np.int64),
        np.array([sign * weight for (_, sign), weight in zip(places, found.values(), strict=True)]),
    )


def _features(text: str, dimension: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return places and weights of all features of a text."""
    found = words(text)
    places: list[npt.NDArray[np.int64]] = []
    weights: list[npt.NDArray[np.float64]] = []
    for word, count in Counter(found).items():
        own_places, own_weights = _of_word(word, dimension)
        places.append(own_places)
        weights.append(own_weights if count == 1 else own_weights * (1.0 + math.log(count)))
    pair_places, pair_weights = [], []
    for (first, second), count in Counter(pairwise(found)).items():
        place, sign = _place(f"p {first} {second}", dimension)
        weight = PAIR_WEIGHT * (1.0 + math.log(count))
        pair_places.append(place)
        pair_weights.append(sign * weight * (COMMON_WEIGHT if first in _COMMON and second in _COMMON else 1.0))
    places.append(np.array(pair_places, dtype=np.int64))
    weights.append(np.array(pair_weights, dtype=np.float64))
    return np.concatenate(places), np.concatenate(weights)


class OpenAiEmbedder:
    """Any endpoint that serves OpenAI's `/v1/embeddings`, such as `vllm serve MODEL --task embed`.

    Args:
        base_url: with the version: `http://localhost:8000/v1`.
        model: id of the model there.
        api_key_env: environment variable that holds the key, where one is needed.

    Raises:
        ConfigError: the variable is not set.
    """

    def __init__(self, base_url: str, model: str, api_key_env: str | None = None) -> None:
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._model = model
        self._key = os.environ.get(api_key_env) if api_key_env else None
        if api_key_env and not self._key:
            raise ConfigError(
                f"embedder: the environment variable {api_key_env} is not set",
                remedy="set it to the endpoint's API key",
            )
        self.id = "openai." + re.sub(r"[^A-Za-z0-9.-]+", "-", model).strip("-.")
        self._dimension: int | None = None
        self._client: httpx2.AsyncClient | None = None

    async def dimension(self) -> int:
        """Return the length of a vector, which the first answer tells."""
        if self._dimension is None:
            self._dimension = (await self.embed(["dimension"])).shape[1]
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors, asked for in requests of at most 64 texts."""
        parts = [await self._ask(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, await self.dimension()), dtype=np.float32)

    async def _ask(self, texts: Sequence[str]) -> Vectors:
        import httpx2

        if self._client is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._client = httpx2.AsyncClient(timeout=TIMEOUT_S, headers=headers)
        # An empty input is refused by most servers.
        body = {"model": self._model, "input": [_SPACES.sub(" ", text).strip() or "-" for text in texts]}
        with boundary(
            MemoryUnavailable, f"embed texts at {self._url}", httpx2.HTTPError, ValueError, KeyError, TypeError
        ):
            answer = await self._client.post(self._url, json=body)
            answer.raise_for_status()
            rows = sorted(answer.json()["data"], key=lambda row: row["index"])
            vectors: Vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
            if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
                raise ValueError(f"{len(vectors)} vectors for {len(texts)} texts, or no numbers")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        lengths[lengths == 0] = 1.0
        vectors /= lengths
        return vectors

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def open_embedder(named: str, api_key_env: str | None = None) -> Embedder:
    """Return an embedder by its setting: `hashed`, or `URL#MODEL` for an endpoint.

    Raises:
        ConfigError: it is neither, or the key's variable is not set.
    """
    if named == "hashed":
        return HashedEmbedder()
    url, separator, model = named.partition("#")
    if separator and model and url.startswith(("http://", "https://")):
        return OpenAiEmbedder(url, model, api_key_env)
    raise ConfigError(
        f"there is no embedder {named!r}",
        remedy="use hashed, or URL#MODEL such as http://localhost:8000/v1#BAAI/bge-m3",
    )
