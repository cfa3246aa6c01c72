"""Whether a concept that is known under another name is found before it is written a second time.

    python -m solvent.benchmarks.duplicates [--embedder hashed]

The library is that of `benchmarks.retrieval` (a concept for each operation) with the scripted oracle's transformations.
The same ideas in other words (`benchmarks.duplicate_texts`) are then looked for as the memory's writer does it: by
search and likeness, with somebody who is asked about what is alike and always knows. `found`: share of them about
which it was asked; `questions`: how many that took each; `precision`: share of the questions with the answer yes;
`for a new one`: how many are asked, in vain, about a concept that the library does not have. A concept has 0, 1 or 12
statements, what is looked for has one (none where concepts have none).

What a model answers when it is asked is not measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from solvent.benchmarks.arc.concepts import TEXTS
from solvent.benchmarks.arc.examples import example_words
from solvent.benchmarks.duplicate_texts import ARC, FAMILIES
from solvent.benchmarks.retrieval import families, library, name_of
from solvent.memory.concept import Content, Provenance
from solvent.memory.embed import Embedder, open_embedder
from solvent.memory.proposals import Proposal
from solvent.memory.sameness import find_same
from solvent.memory.screening import kept_statement
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.training.families import FAMILIES as GENERATORS
from solvent.training.families import generate_samples

SEED = 77
"""Of the problems that the second wordings come from; the library's have another one."""
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)


def statements_of(names: set[str]) -> dict[str, str]:
    """Return how a problem begins that uses the operation, by concept; of one step where there is one."""
    found: dict[str, str] = {}
    for depth, count in ((1, 60), (2, 100)):
        for family in families():
            if depth > GENERATORS[family].max_depth:
                continue
            for sample in generate_samples("train", family, depth, count, SEED):
                line = kept_statement(sample.statement)
                for operation in sample.composition:
                    name = name_of(family, operation)
                    if name in names and line is not None:
                        found.setdefault(name, line)
    return found


def wanted(statements: int) -> list[tuple[str, Content]]:
    """Return the second wordings with the names that the ideas have in the library."""
    openings = statements_of(set(FAMILIES)) if statements else {}
    pairs = []
    for label, content in ARC.items():
        # The examples are drawn one after the other: the last is none that the library has.
        line = example_words(label, 14)[-1:] if statements else []
        pairs.append((TEXTS[label].name, content.model_copy(update={"statements": tuple(line)})))
    for name, content in FAMILIES.items():
        line = [openings[name]] if name in openings else []
        pairs.append((name, content.model_copy(update={"statements": tuple(line)})))
    return pairs


def known(statements: int) -> list[Content]:
    """Return the library."""
    arc = [
        content.model_copy(update={"statements": tuple(example_words(label, statements)) if statements else ()})
        for label, content in TEXTS.items()
    ]
    return [*library(statements), *arc]


async def _store(contents: Sequence[Content], embedder: Embedder) -> ConceptStore:
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), embedder)
    await store.import_all(contents)
    return store


async def asked_about(store: ConceptStore, content: Content, right: str, least: float) -> tuple[bool, int]:
    """Return whether it was asked about the right one, and how many questions there were."""
    questions: list[str] = []

    async def confirm(one: Content, other: Content) -> bool:
        questions.append(other.name)
        return other.name == right

    await find_same(store, [Proposal(content, Provenance(source="job"))], confirm, least)
    return right in questions, len(questions)


async def of_library(statements: int, thresholds: Sequence[float], embedder: Embedder) -> list[dict[str, Any]]:
    """Return a row for each threshold."""
    contents, pairs = known(statements), wanted(statements)
    names = {name for name, _ in pairs}
    if missing := names - {content.name for content in contents}:
        raise ValueError(f"the library has no {', '.join(sorted(missing))}")
    whole = await _store(contents, embedder)
    without = await _store([content for content in contents if content.name not in names], embedder)
    rows = []
    for least in thresholds:
        there = [await asked_about(whole, content, right, least) for right, content in pairs]
        new = [await asked_about(without, content, right, least) for right, content in pairs]
        found, questions = sum(hit for hit, _ in there), sum(count for _, count in there)
        rows.append(
            {
                "statements": statements,
                "likeness": least,
                "pairs": len(pairs),
                "found": round(found / len(pairs), 3),
                "questions": round(questions / len(pairs), 2),
                "precision": round(found / max(1, questions), 3),
                "for a new one": round(sum(count for _, count in new) / len(pairs), 2),
            }
        )
    return rows


async def measure(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """Return all rows."""
    embedder = open_embedder(chosen.embedder)
    rows = [row for count in chosen.statements for row in await of_library(count, chosen.likeness, embedder)]
    await embedder.aclose()
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the rows as JSON lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--statements", type=int, nargs="+", default=[0, 1, 12], help="most of a concept")
    parser.add_argument("--likeness", type=float, nargs="+", default=list(THRESHOLDS), help="thresholds")
    parser.add_argument("--embedder", default="hashed", help="hashed, or URL#MODEL")
    for row in asyncio.run(measure(parser.parse_args(arguments))):
        print(json.dumps(row))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
