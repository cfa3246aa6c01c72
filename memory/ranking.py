"""How a search's rankings become one: by weighted reciprocal rank fusion. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RRF_K = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

NAME_WEIGHT = 3.0
"""Of a name of two words or more; half of it for a name of one word, which many texts hold by chance."""

Versions = dict[str, int]
"""The version of each concept that is searched, by id."""


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
