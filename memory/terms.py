"""What the ranking by words counts: words and pairs of words, hashed, and packed so that they can be stored.

Pairs of words that follow each other are hashed into a fixed number of places: those of a large library would fill the
memory otherwise.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FORMAT = 1
"""Of packed terms: one more whenever words are cut or hashed in another way. Those of another format are made again."""
PAIR_PLACES = 1 << 18
WORD = 1 << 31
"""This bit tells a word's number from that of a pair. Words of one number count as one: two in 2^31 at random."""
_MOST_COUNT = 255
_BYTES = 5
"""Of a packed term: its number, and how often it comes."""

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_ENDINGS = ("ings", "ing", "ies", "ed", "es", "s")


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


def terms(text: str) -> list[int]:
    """Return the numbers of a text's words and then of its pairs of words, each as often as it comes. Pure."""
    found = [word.encode("utf-8", errors="surrogatepass") for word in words(text)]
    pairs = [zlib.crc32(b"%b %b" % pair) % PAIR_PLACES for pair in pairwise(found)]
    return [zlib.crc32(word) | WORD for word in found] + pairs


def packed(text: str) -> bytes:
    """Return the terms of a text with their counts. Pure."""
    counts = Counter(terms(text))
    numbers = np.fromiter(counts.keys(), dtype="<u4", count=len(counts))
    often = np.fromiter((min(count, _MOST_COUNT) for count in counts.values()), dtype=np.uint8, count=len(counts))
    return numbers.tobytes() + often.tobytes()


def unpacked(documents: Sequence[bytes]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the numbers and the counts of all documents' terms, one document after the other, and how many each has.

    Pure.
    """
    sizes = np.array([len(one) // _BYTES for one in documents], dtype=np.int64)
    numbers = b"".join([one[: len(one) // _BYTES * 4] for one in documents])
    often = b"".join([one[len(one) // _BYTES * 4 :] for one in documents])
    return np.frombuffer(numbers, dtype="<u4"), np.frombuffer(often, dtype=np.uint8), sizes


def length(document: bytes) -> int:
    """Return how many terms a packed text has, all counted. Pure."""
    return sum(document[len(document) // _BYTES * 4 :])
