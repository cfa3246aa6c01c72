"""Libraries of any size for `solvent.benchmarks.memory`, the same each time.

`families`: concepts as jobs write them. Steps, sentences and operations are real ones of the problem families' train
split, drawn and joined anew, with other numbers; queries are statements of the held-out split, as they are.

`random`: made-up words by Zipf's law. Nothing in it is like anything else: the ten nearest of a query differ by less
than two of its words do. It is the worst case for an approximate index, and like no library that anybody has.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cached_property
from typing import Literal, Protocol

from solvent.benchmarks.retrieval import families
from solvent.memory.concept import Content, read_content
from solvent.memory.screening import kept_statement
from solvent.training.families import FAMILIES, generate_samples
from solvent.training.families.sample import Sample, Split

_ENDINGS = ("er", "on", "al", "ick", "um", "ist", "ow", "ade")
_SENTENCE = re.compile(r"(?<=[.:;])\s+|\n+")
_NUMBER = re.compile(r"\d+")
_OF_EACH = {"train": 40, "held-out": 25}
"""Problems of each family and depth that are taken apart, or asked."""
_SEEDS = {"train": 1, "held-out": 101}

LibraryName = Literal["families", "random"]


class Library(Protocol):
    """Concepts and queries, by number."""

    def content(self, number: int) -> Content:
        """Return a concept."""
        ...

    def query(self, number: int, concepts: int) -> str:
        """Return a query to a library of so many concepts."""
        ...


def library(named: LibraryName) -> Library:
    """Return a library."""
    return FamilyLibrary() if named == "families" else RandomLibrary()


def vocabulary() -> list[str]:
    """Return made-up words, the commonest first."""
    rng = random.Random("words")
    parts = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    found: dict[str, None] = {}
    while len(found) < 20_000:
        found["".join(rng.choices(parts, k=rng.randint(1, 3))) + rng.choice(_ENDINGS)] = None
    return list(found)


class RandomLibrary:
    """See the module."""

    def __init__(self) -> None:
        self._words = vocabulary()

    def _text(self, rng: random.Random, count: int) -> str:
        # Zipf's law: the word of rank r comes about 1/r as often as the first.
        return " ".join(self._words[int(len(self._words) ** rng.random()) - 1] for _ in range(count))

    def content(self, number: int) -> Content:
        """Return a concept."""
        rng = random.Random(number)
        given = {
            "name": f"{self._text(rng, 2)} {number}",
            "kind": "routine",
            "summary": self._text(rng, 14),
            "cues": [self._text(rng, 8) for _ in range(2)],
            "notes": [self._text(rng, 8)],
            "statements": [self._text(rng, 20)],
        }
        return read_content(given)

    def query(self, number: int, concepts: int) -> str:
        """Return a statement of 60 words, a third of them from some concept."""
        rng = random.Random(f"query {number}")
        known = self.content(rng.randrange(concepts)).search_text.split()
        return " ".join([*rng.sample(known, 20), self._text(rng, 40)])


class _Pieces:
    """What a family's concepts are made of."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        told = [[one for one in _SENTENCE.split(sample.statement) if len(one.split()) > 1] for sample in samples]
        self.first = [sentences[0] for sentences in told if sentences]
        self.middle = [one for sentences in told for one in sentences[1:-1]] or self.first
        self.last = [sentences[-1] for sentences in told if sentences]
        self.steps = [step for sample in samples for step in zip(sample.composition, sample.plan, strict=False)]


class FamilyLibrary:
    """See the module."""

    @cached_property
    def _pieces(self) -> dict[str, _Pieces]:
        return {family: _Pieces(_samples(family, "train")) for family in families()}

    @cached_property
    def _queries(self) -> list[str]:
        return [sample.statement for family in families() for sample in _samples(family, "held-out")]

    def content(self, number: int) -> Content:
        """Return a concept: one to three steps, and how one to three problems with them are told."""
        rng = random.Random(number)
        family = rng.choice(list(self._pieces))
        pieces = self._pieces[family]
        steps = rng.sample(pieces.steps, rng.randint(1, 3))
        operations = " ".join(operation for operation, _ in steps).replace("_", " ")
        statements = []
        for _ in range(rng.randint(1, 3)):
            middle = rng.sample(pieces.middle, min(len(steps) + 1, len(pieces.middle)))
            statements.append(_renumbered(rng, [rng.choice(pieces.first), *middle, rng.choice(pieces.last)]))
        given = {
            "name": f"{family} {operations[:50]} {number}",
            "kind": "routine",
            "summary": _renumbered(rng, ["; ".join(plan for _, plan in steps)]),
            "statements": [kept for one in statements if (kept := kept_statement(one))],
        }
        return read_content(given)

    def query(self, number: int, concepts: int) -> str:
        """Return a real problem's statement."""
        return random.Random(f"query {number}").choice(self._queries)


def _samples(family: str, split: Split) -> list[Sample]:
    return [
        sample
        for depth in range(1, min(3, FAMILIES[family].max_depth) + 1)
        for sample in generate_samples(split, family, depth, _OF_EACH[split], _SEEDS[split])
    ]


def _renumbered(rng: random.Random, sentences: Sequence[str]) -> str:
    return _NUMBER.sub(lambda _: str(rng.randint(2, 60)), " ".join(sentences))[:400]
