"""Ranking by words: Okapi BM25 (Robertson and Zaragoza, 2009) over an index in memory that changes cheaply.

A query costs one pass over the postings of its terms, whatever else is indexed. Many documents that come at once, as
at a process's first search, become one sorted block of arrays; single ones, that come later, are appended to arrays of
their terms.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solvent.memory.terms import WORD, length, packed, terms, unpacked

K1 = 1.2
B = 0.75
MOST_QUERY_TERMS = 96
"""A long statement is asked for by its rarest words and pairs."""
MOST_POSTINGS = 100_000
"""That one query reads; the commonest words are left out first, which say least."""
PAIR_WEIGHT = 0.5
MANY = 500
"""Documents from which on a block is made of them."""
MOST_BLOCKS = 8
"""One more, and the smaller half becomes one."""

Numbers = npt.NDArray[np.uint32]
Slots = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint8]


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
        self._counts.append(count)

    def arrays(self) -> tuple[Slots, Counts]:
        """Return views, which must be let go of before anything is added."""
        return np.frombuffer(self._slots, dtype=np.int32), np.frombuffer(self._counts, dtype=np.uint8)


@dataclass(frozen=True)
class _Block:
    """Postings of many documents, by term; never changed."""

    numbers: Numbers
    """Of its terms, sorted."""
    starts: npt.NDArray[np.int64]
    """Where the postings of each begin, and last where all end."""
    slots: Slots
    counts: Counts

    @classmethod
    def of(cls, numbers: Numbers, slots: Slots, counts: Counts) -> _Block:
        """Return a block of postings in any order."""
        # By halves of 16 bits, which numpy sorts by counting and not by comparing.
        order = np.argsort(numbers.astype(np.uint16), kind="stable")
        order = order[np.argsort((numbers >> 16).astype(np.uint16)[order], kind="stable")]
        own, starts = np.unique(numbers[order], return_index=True)
        return cls(own, np.append(starts, len(numbers)), slots[order], counts[order])

    def spans(self, numbers: Numbers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return where the postings of terms begin and end: at one place where it has none."""
        places = np.searchsorted(self.numbers, numbers)
        known = np.minimum(places, len(self.numbers) - 1)
        is_known = self.numbers[known] == numbers
        begins = self.starts[known]
        return begins, np.where(is_known, self.starts[known + 1], begins)

    def postings(self) -> tuple[Numbers, Slots, Counts]:
        """Return all, as `of` takes them."""
        return np.repeat(self.numbers, np.diff(self.starts)), self.slots, self.counts


class KeywordIndex:
    """Words of documents by id. For one thread, but that `settle` may run in another meanwhile."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._single: dict[int, _Postings] = {}
        self._fresh: list[tuple[int, bytes]] = []
        self._ids: list[str | None] = []
        self._lengths = array("i")
        self._norm: npt.NDArray[np.float32] | None = None
        self._slot_of: dict[str, int] = {}
        self._empty: list[int] = []
        self._words_in_all = 0
        self._settling = threading.Lock()

    def __len__(self) -> int:
        return len(self._slot_of)

    @property
    def has_many_fresh(self) -> bool:
        """Whether so many documents were put that `settle` is worth a thread of its own."""
        return len(self._fresh) >= MANY

    def put(self, id: str, text: str) -> None:
        """Index a document, instead of what its id had before."""
        self.put_packed(id, packed(text))

    def put_packed(self, id: str, document: bytes) -> None:
        """Index a document of which `terms.packed` was made before."""
        self.remove(id)
        slot = len(self._ids)
        own_length = length(document)
        self._ids.append(id)
        self._lengths.append(own_length)
        self._norm = None
        self._slot_of[id] = slot
        self._words_in_all += own_length
        self._fresh.append((slot, document))

    def remove(self, id: str) -> None:
        """Take a document out; its slot stays empty until more than half are, then the index is packed."""
        slot = self._slot_of.pop(id, None)
        if slot is None:
            return
        self._ids[slot] = None
        self._empty.append(slot)
        self._norm = None
        self._words_in_all -= self._lengths[slot]
        if len(self._ids) > 1000 and len(self._slot_of) * 2 < len(self._ids):
            self._pack()

    def settle(self) -> None:
        """Take in what was put, as the next search does otherwise."""
        with self._settling:
            self._take_in()

    def search(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return ids and scores of the best documents that have a word of it, best first; equal ones by id."""
        if not self._slot_of or limit < 1:
            return []
        if self._fresh:
            self.settle()
        slots, counts, weights = self._read(query)
        if not len(slots):
            return []
        values = weights * counts / (counts + self._norms()[slots])
        scores = np.bincount(slots, values, minlength=len(self._ids))
        found = np.flatnonzero(scores > 0)
        if len(found) > limit:
            reached = scores[found]
            found = found[reached >= np.partition(reached, -limit)[-limit]]
        best = [(id, float(scores[slot])) for slot in found.tolist() if (id := self._ids[slot]) is not None]
        best.sort(key=lambda pair: (-pair[1], pair[0]))
        return best[:limit]

    def _read(self, query: str) -> tuple[Slots, Counts, npt.NDArray[np.float32]]:
        """Return slots, counts and weights of the postings of a query's terms, one after the other."""
        numbers = np.array(list(dict.fromkeys(terms(query))), dtype=np.uint32)
        blocks = list(self._blocks)
        spans = [block.spans(numbers) for block in blocks]
        single = [self._single.get(number) for number in numbers.tolist()]
        found = np.array([0 if one is None else len(one) for one in single], dtype=np.int64)
        for begins, ends in spans:
            found += ends - begins
        lengths: list[int] = []
        chosen: list[int] = []
        read = 0
        parts: list[tuple[Slots, Counts]] = []
        # The rarest first; of equally rare ones the words.
        for place in np.lexsort((numbers, numbers < WORD, found)).tolist():
            count = int(found[place])
            if not count:
                continue
            if len(chosen) == MOST_QUERY_TERMS or (chosen and read + count > MOST_POSTINGS):
                break
            chosen.append(place)
            lengths.append(count)
            read += count
            for block, (begins, ends) in zip(blocks, spans, strict=True):
                part = slice(int(begins[place]), int(ends[place]))
                parts.append((block.slots[part], block.counts[part]))
            if (one := single[place]) is not None:
                parts.append(one.arrays())
        if not chosen:
            return np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0, np.float32)
        slots = np.concatenate([part[0] for part in parts])
        counts = np.concatenate([part[1] for part in parts])
        return slots, counts, np.repeat(self._weights(numbers[chosen], np.array(lengths)), lengths)

    def _weights(self, numbers: Numbers, found: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        # Slots that became empty still count here, which shifts a weight by little until the index is packed.
        total = len(self._slot_of)
        idf = np.log1p((total - np.minimum(found, total) + 0.5) / (found + 0.5))
        weights: npt.NDArray[np.float32] = (np.where(numbers < WORD, PAIR_WEIGHT, 1.0) * idf * (K1 + 1)).astype(
            np.float32
        )
        return weights

    def _norms(self) -> npt.NDArray[np.float32]:
        if self._norm is None:
            mean = max(1.0, self._words_in_all / len(self._slot_of))
            norm = K1 * (1 - B + B * np.array(self._lengths, dtype=np.float32) / mean)
            # A document that is gone scores nothing.
            norm[self._empty] = np.inf
            self._norm = norm.astype(np.float32)
        return self._norm

    def _take_in(self) -> None:
        fresh, self._fresh = self._fresh, []
        if len(fresh) >= MANY:
            numbers, counts, sizes = unpacked([document for _, document in fresh])
            slots = np.repeat(np.array([slot for slot, _ in fresh], dtype=np.int32), sizes)
            if len(numbers):
                self._blocks = [*self._blocks, _Block.of(numbers, slots, counts)]
            if len(self._blocks) > MOST_BLOCKS:
                by_size = sorted(self._blocks, key=lambda block: len(block.slots))
                small = [block.postings() for block in by_size[: MOST_BLOCKS // 2]]
                self._blocks = [_joined(small), *by_size[MOST_BLOCKS // 2 :]]
            return
        for slot, document in fresh:
            numbers, counts, _ = unpacked([document])
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                found = self._single.get(number)
                if found is None:
                    found = self._single[number] = _Postings()
                found.add(slot, count)

    def _pack(self) -> None:
        with self._settling:
            self._take_in()
            kept = [slot for slot, id in enumerate(self._ids) if id is not None]
            moved = np.full(len(self._ids), -1, dtype=np.int32)
            moved[kept] = np.arange(len(kept), dtype=np.int32)
            parts = [block.postings() for block in self._blocks]
            for number, one in self._single.items():
                slots, counts = one.arrays()
                parts.append((np.full(len(one), number, dtype=np.uint32), slots, counts))
            self._blocks = []
            if parts:
                numbers, slots, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
                slots = moved[slots]
                there = slots >= 0
                self._blocks = [_Block.of(numbers[there], slots[there], counts[there])] if there.any() else []
            self._single = {}
            self._lengths = array("i", [self._lengths[slot] for slot in kept])
            self._ids = [self._ids[slot] for slot in kept]
            self._norm = None
            self._empty = []
            self._slot_of = {id: slot for slot, id in enumerate(self._ids) if id is not None}


def _joined(parts: Sequence[tuple[Numbers, Slots, Counts]]) -> _Block:
    numbers, slots, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return _Block.of(numbers, slots, counts)
