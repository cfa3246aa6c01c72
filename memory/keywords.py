"""Ranking by words: Okapi BM25 (Robertson and Zaragoza, 2009) over an index in memory that changes cheaply.

Postings of a word are arrays, so that a query costs one pass over those of its words, whatever else is indexed.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt

K1 = 1.2
B = 0.75
MOST_QUERY_TERMS = 64
"""A long statement is asked for by its rarest words."""

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_ENDINGS = ("ings", "ing", "ies", "ed", "es", "s")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, common endings cut. Pure."""
    return [_stem(word) for word in _WORD.findall(text.lower())]


def _stem(word: str) -> str:
    if word.isdecimal() or not word.isascii():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


class _Postings:
    """Slots that hold a word, with how often; as arrays once they are asked for."""

    __slots__ = ("_counts", "_counts_array", "_slots", "_slots_array")

    def __init__(self) -> None:
        self._slots: list[int] = []
        self._counts: list[int] = []
        self._slots_array: npt.NDArray[np.int32] | None = None
        self._counts_array: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, slot: int, count: int) -> None:
        self._slots.append(slot)
        self._counts.append(count)
        self._slots_array = None

    def arrays(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        if self._slots_array is None or self._counts_array is None:
            self._slots_array = np.array(self._slots, dtype=np.int32)
            self._counts_array = np.array(self._counts, dtype=np.float32)
        return self._slots_array, self._counts_array


class KeywordIndex:
    """Words of documents by id. Not safe for use by several threads at once."""

    def __init__(self) -> None:
        self._postings: dict[str, _Postings] = {}
        self._ids: list[str | None] = []
        self._lengths: list[int] = []
        self._lengths_array: npt.NDArray[np.float32] | None = None
        self._slot_of: dict[str, int] = {}
        self._empty: set[int] = set()
        self._words_in_all = 0

    def __len__(self) -> int:
        return len(self._slot_of)

    def put(self, id: str, text: str) -> None:
        """Index a document, instead of what its id had before."""
        self.remove(id)
        counts = Counter(words(text))
        slot = len(self._ids)
        length = sum(counts.values())
        self._ids.append(id)
        self._lengths.append(length)
        self._lengths_array = None
        self._slot_of[id] = slot
        self._words_in_all += length
        for word, count in counts.items():
            self._postings.setdefault(word, _Postings()).add(slot, count)

    def remove(self, id: str) -> None:
        """Take a document out; its slot stays empty until more than half are, then the index is packed."""
        slot = self._slot_of.pop(id, None)
        if slot is None:
            return
        self._ids[slot] = None
        self._empty.add(slot)
        self._words_in_all -= self._lengths[slot]
        if len(self._ids) > 1000 and len(self._slot_of) * 2 < len(self._ids):
            self._pack()

    def search(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return ids and scores of the best documents that have a word of it, best first; equal ones by id."""
        if not self._slot_of or limit < 1:
            return []
        total = len(self._slot_of)
        known = [(word, self._postings[word]) for word in dict.fromkeys(words(query)) if word in self._postings]
        known.sort(key=lambda pair: (len(pair[1]), pair[0]))
        scores = np.zeros(len(self._ids), dtype=np.float32)
        if self._lengths_array is None:
            self._lengths_array = np.array(self._lengths, dtype=np.float32)
        norm = K1 * (1 - B + B * self._lengths_array / max(1.0, self._words_in_all / total))
        for _, postings in known[:MOST_QUERY_TERMS]:
            slots, counts = postings.arrays()
            # Slots that became empty still count here, which shifts a weight by little until the index is packed.
            idf = np.log1p((total - min(len(slots), total) + 0.5) / (len(slots) + 0.5))
            scores[slots] += idf * counts * (K1 + 1) / (counts + norm[slots])
        scores[list(self._empty)] = 0
        (found,) = np.nonzero(scores)
        if len(found) > limit:
            found = found[scores[found] >= np.partition(scores[found], -limit)[-limit]]
        best = [(id, float(scores[slot])) for slot in found if (id := self._ids[slot]) is not None]
        best.sort(key=lambda pair: (-pair[1], pair[0]))
        return best[:limit]

    def _pack(self) -> None:
        fresh: dict[int, int] = {}
        for slot, id in enumerate(self._ids):
            if id is not None:
                fresh[slot] = len(fresh)
        postings: dict[str, _Postings] = {}
        for word, old in self._postings.items():
            for slot, count in zip(*old.arrays(), strict=True):
                if int(slot) in fresh:
                    postings.setdefault(word, _Postings()).add(fresh[int(slot)], int(count))
        self._postings = postings
        self._ids = [id for id in self._ids if id is not None]
        self._lengths = [self._lengths[slot] for slot in fresh]
        self._lengths_array = None
        self._empty = set()
        self._slot_of = {id: slot for slot, id in enumerate(self._ids) if id is not None}
