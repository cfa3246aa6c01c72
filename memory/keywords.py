"""Ranking by words: Okapi BM25 (Robertson and Zaragoza, 2009) over an index in memory that changes cheaply.

Postings of a word are arrays, so that a query costs one pass over those of its words, whatever else is indexed. Pairs
of words that follow each other count too, hashed into a fixed number of places: those of a large library would fill
the memory otherwise.
"""

from __future__ import annotations

import math
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

K1 = 1.2
B = 0.75
MOST_QUERY_TERMS = 96
"""A long statement is asked for by its rarest words and pairs."""
MOST_POSTINGS = 200_000
"""That one query reads; the commonest words are left out first, which say least."""
PAIR_WEIGHT = 0.5
PAIR_PLACES = 1 << 18
_MOST_COUNT = 255

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_ENDINGS = ("ings", "ing", "ies", "ed", "es", "s")
Term = str | int
"""A word, or the place of a pair of words."""


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, common endings cut. Pure."""
    return [_stem(word) for word in _WORD.findall(text.lower())]


@lru_cache(maxsize=1 << 15)
def _stem(word: str) -> str:
    if word.isdecimal() or not word.isascii():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _terms(text: str) -> Iterator[Term]:
    found = words(text)
    yield from found
    for first, second in pairwise(found):
        yield zlib.crc32(f"{first} {second}".encode("utf-8", errors="surrogatepass")) % PAIR_PLACES


class _Postings:
    """Slots that hold a term, with how often."""

    __slots__ = ("_counts", "_slots")

    def __init__(self) -> None:
        self._slots = array("i")
        self._counts = array("B")

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, count: int) -> None:
        self._slots.append(slot)
        self._counts.append(min(count, _MOST_COUNT))

    def arrays(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """Return views, which must be let go of before anything is added."""
        return np.frombuffer(self._slots, dtype=np.int32), np.frombuffer(self._counts, dtype=np.uint8)


class KeywordIndex:
    """Words of documents by id. Not safe for use by several threads at once."""

    def __init__(self) -> None:
        self._postings: dict[Term, _Postings] = {}
        self._ids: list[str | None] = []
        self._lengths = array("i")
        self._norm: npt.NDArray[np.float32] | None = None
        self._slot_of: dict[str, int] = {}
        self._empty: set[int] = set()
        self._words_in_all = 0

    def __len__(self) -> int:
        return len(self._slot_of)

    def put(self, id: str, text: str) -> None:
        """Index a document, instead of what its id had before."""
        self.remove(id)
        counts = Counter(_terms(text))
        slot = len(self._ids)
        length = sum(counts.values())
        self._ids.append(id)
        self._lengths.append(length)
        self._norm = None
        self._slot_of[id] = slot
        self._words_in_all += length
        postings = self._postings
        for term, count in counts.items():
            found = postings.get(term)
            if found is None:
                found = postings[term] = _Postings()
            found.add(slot, count)

    def remove(self, id: str) -> None:
        """Take a document out; its slot stays empty until more than half are, then the index is packed."""
        slot = self._slot_of.pop(id, None)
        if slot is None:
            return
        self._ids[slot] = None
        self._empty.add(slot)
        self._norm = None
        self._words_in_all -= self._lengths[slot]
        if len(self._ids) > 1000 and len(self._slot_of) * 2 < len(self._ids):
            self._pack()

    def search(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return ids and scores of the best documents that have a word of it, best first; equal ones by id."""
        if not self._slot_of or limit < 1:
            return []
        slots, counts, weights = self._read(query)
        if not len(slots):
            return []
        values = weights * counts / (counts + self._norms()[slots])
        scores = np.bincount(slots, values, minlength=len(self._ids))
        if self._empty:
            scores[list(self._empty)] = 0
        (found,) = np.nonzero(scores)
        if len(found) > limit:
            reached = scores[found]
            found = found[reached >= np.partition(reached, -limit)[-limit]]
        best = [(id, float(scores[slot])) for slot in found if (id := self._ids[slot]) is not None]
        best.sort(key=lambda pair: (-pair[1], pair[0]))
        return best[:limit]

    def _read(self, query: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Return slots, counts and weights of the postings of a query's terms, one after the other."""
        total = len(self._slot_of)
        lengths: list[int] = []
        weights: list[float] = []
        parts: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]] = []
        for term, postings in self._chosen(query):
            length = len(postings)
            if parts and sum(lengths) + length > MOST_POSTINGS:
                break
            # Slots that became empty still count here, which shifts a weight by little until the index is packed.
            idf = math.log1p((total - min(length, total) + 0.5) / (length + 0.5))
            lengths.append(length)
            weights.append((PAIR_WEIGHT if isinstance(term, int) else 1.0) * idf * (K1 + 1))
            parts.append(postings.arrays())
        if not parts:
            return np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.float32)
        slots = np.concatenate([part[0] for part in parts])
        counts = np.concatenate([part[1] for part in parts])
        return slots, counts, np.repeat(np.array(weights, dtype=np.float32), lengths)

    def _chosen(self, query: str) -> list[tuple[Term, _Postings]]:
        """Return the terms of a query that the index knows, the rarest first."""
        known = [(term, self._postings[term]) for term in dict.fromkeys(_terms(query)) if term in self._postings]
        known.sort(key=lambda pair: (len(pair[1]), isinstance(pair[0], int), str(pair[0])))
        return known[:MOST_QUERY_TERMS]

    def _norms(self) -> npt.NDArray[np.float32]:
        if self._norm is None:
            mean = max(1.0, self._words_in_all / len(self._slot_of))
            lengths = np.array(self._lengths, dtype=np.float32)
            self._norm = (K1 * (1 - B + B * lengths / mean)).astype(np.float32)
        return self._norm

    def _pack(self) -> None:
        fresh: dict[int, int] = {}
        for slot, id in enumerate(self._ids):
            if id is not None:
                fresh[slot] = len(fresh)
        postings: dict[Term, _Postings] = {}
        for term, old in self._postings.items():
            for slot, count in zip(*old.arrays(), strict=True):
                if int(slot) in fresh:
                    postings.setdefault(term, _Postings()).add(fresh[int(slot)], int(count))
        self._postings = postings
        self._ids = [id for id in self._ids if id is not None]
        self._lengths = array("i", [self._lengths[slot] for slot in fresh])
        self._norm = None
        self._empty = set()
        self._slot_of = {id: slot for slot, id in enumerate(self._ids) if id is not None}
