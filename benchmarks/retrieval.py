"""Whether the memory finds the right concept: its own search over libraries whose right answers are known.

    python -m solvent.benchmarks.retrieval [--statements 12] [--seed 101]

Families: a concept for each operation of each family. What it says is the first wording of its step in the train
split, and its statements are those of problems of the train split that use it. Queries are problems of the held-out
split (no composition of theirs is in the train split), drawn with another seed: statement and function name, no title.
A query is right when a concept of one of its operations is among the first ten; `found` is the share of all operations.

ARC: a concept for each transformation of the scripted oracle, beside the families' concepts. `seeded`: it has a text of
its own and descriptions of made-up examples (its own code run on grids at random), no task was ever seen; queries are
all tasks that the oracle covers, by their grids' description. `learned`: it also has the descriptions of the tasks of
one half that it fits; queries are the tasks of the other half; then the halves change places. `text only`: as
`learned`, without made-up examples.

Weights were set on problems of the train split with the seed 77.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solvent.agents.recall import query_of
from solvent.benchmarks.arc.concepts import TEXTS
from solvent.benchmarks.arc.examples import example_words
from solvent.benchmarks.arc.oracle import cover
from solvent.memory.concept import ConceptKind, Content
from solvent.memory.embed import Embedder, open_embedder
from solvent.memory.screening import kept_statement
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.problems.grid_features import grid_words
from solvent.problems.problem import Problem
from solvent.problems.readers.registry import read
from solvent.problems.view import public_view
from solvent.training.families import FAMILIES, generate_samples
from solvent.training.families.catalog import to_problem
from solvent.training.families.sample import Sample, Split

TOP = 10
LEARNED_SEED = 1
_LEARNED = {1: 40, 2: 150, 3: 150}
"""Problems of the train split of each family that its concepts were learned from, by depth."""


@dataclass
class Score:
    """Of some queries."""

    queries: int = 0
    right: int = 0
    wanted: int = 0
    found: int = 0

    def add(self, wanted: set[str], names: Sequence[str]) -> None:
        """Count a query."""
        found = wanted & set(names)
        self.queries += 1
        self.right += bool(found)
        self.wanted += len(wanted)
        self.found += len(found)

    def to_dict(self) -> dict[str, float]:
        """Return the shares."""
        return {
            "queries": self.queries,
            "right_in_top_10": round(self.right / max(1, self.queries), 3),
            "found": round(self.found / max(1, self.wanted), 3),
        }


@dataclass
class _Learned:
    wordings: list[str] = field(default_factory=list)
    statements: list[tuple[int, str]] = field(default_factory=list)


def name_of(family: str, operation: str) -> str:
    """Return what the concept of an operation is called."""
    return f"{family} {operation}".replace("_", " ")


def families() -> list[str]:
    """Return the families with operations of their own: house rules are named by their statements."""
    return [name for name in FAMILIES if not name.endswith("-rules")]


def _samples(family: str, depth: int, split: Split, count: int, seed: int) -> Iterable[Sample]:
    return generate_samples(split, family, depth, count, seed) if depth <= FAMILIES[family].max_depth else ()


def library(statements: int) -> list[Content]:
    """Return the families' concepts, each with at most so many statements."""
    learned: dict[tuple[str, str], _Learned] = defaultdict(_Learned)
    for family in families():
        for depth, count in _LEARNED.items():
            for sample in _samples(family, depth, "train", count, LEARNED_SEED):
                for number, operation in enumerate(sample.composition):
                    one = learned[family, operation]
                    one.statements.append((depth, sample.statement))
                    one.wordings += sample.plan[number : number + 1]
    contents = []
    for (family, operation), one in learned.items():
        if not one.wordings:
            continue
        kept = [line for _, text in sorted(one.statements, key=lambda pair: pair[0]) if (line := kept_statement(text))]
        contents.append(
            Content(
                name=name_of(family, operation),
                kind=ConceptKind.ROUTINE,
                summary=one.wordings[0],
                statements=tuple(dict.fromkeys(kept))[:statements],
            )
        )
    return contents


async def _store(contents: Sequence[Content], embedder: Embedder) -> ConceptStore:
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), embedder)
    await store.import_all(contents)
    return store


async def _names(store: ConceptStore, query: str) -> list[str]:
    return [hit.concept.content.name for hit in await store.search(query, limit=TOP)]


async def of_families(store: ConceptStore, split: Split, seed: int, count: int) -> dict[str, Any]:
    """Return the scores by depth, and of one step by family."""
    known = {content.content.name for content in await store.list()}
    by_depth: dict[str, Any] = {}
    by_family: dict[str, Score] = defaultdict(Score)
    for depth in (1, 2, 3, 4):
        score = Score()
        for family in families():
            for sample in _samples(family, depth, split, count, seed):
                wanted = {name_of(family, operation) for operation in sample.composition} & known
                problem = public_view(to_problem(sample, "query")).model_copy(update={"title": ""})
                if wanted:
                    names = await _names(store, query_of(problem))
                    score.add(wanted, names)
                    by_family[family].add(wanted, names)
        by_depth[f"{depth} steps"] = score.to_dict()
    return {"by_depth": by_depth, "by_family": {name: score.to_dict() for name, score in by_family.items()}}


async def of_arc(tasks: Path, others: Sequence[Content], embedder: Embedder, statements: int) -> dict[str, Any]:
    """Return the scores on the tasks that the oracle covers."""
    covered = [
        (problem, use.step.__name__)
        for problem in read(tasks)
        if isinstance(problem, Problem) and (use := cover(problem)) is not None
    ]
    halves: tuple[list[tuple[Problem, str]], list[tuple[Problem, str]]] = ([], [])
    for problem, label in covered:
        halves[hashlib.sha256(problem.id.encode()).digest()[0] % 2].append((problem, label))
    made_up = {label: example_words(label, statements // 2) for label in TEXTS}
    everything = [*halves[0], *halves[1]]
    figures = {}
    for name, rounds, with_examples in (
        ("seeded", [([], everything)], True),
        ("learned", [halves, halves[::-1]], True),
        ("text only", [halves, halves[::-1]], False),
    ):
        whole, seen = Score(), Score()
        for learned, asked in rounds:
            lines: dict[str, list[str]] = defaultdict(list)
            for problem, label in learned:
                lines[label].append(grid_words(public_view(problem)))
            concepts = [
                _with(content, [*lines[label], *(made_up[label] if with_examples else ())], statements)
                for label, content in TEXTS.items()
            ]
            store = await _store([*others, *concepts], embedder)
            for problem, label in asked:
                names = await _names(store, query_of(public_view(problem)))
                whole.add({TEXTS[label].name}, names)
                if lines[label]:
                    seen.add({TEXTS[label].name}, names)
        figures[name] = whole.to_dict()
        if seen.queries:
            figures[f"{name}, of transformations that the other half has too"] = seen.to_dict()
    return figures


def _with(content: Content, texts: Sequence[str], most: int) -> Content:
    lines = dict.fromkeys(line for text in texts if (line := kept_statement(text)))
    return content.model_copy(update={"statements": tuple(lines)[:most]})


async def measure(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    embedder = open_embedder(chosen.embedder)
    contents = library(chosen.statements)
    store = await _store(contents, embedder)
    figures: dict[str, Any] = {
        "embedder": embedder.id,
        "concepts": len(contents),
        "statements of a concept": chosen.statements,
        "families": await of_families(store, chosen.split, chosen.seed, chosen.count),
    }
    if chosen.arc is not None:
        figures["arc"] = await of_arc(chosen.arc, contents, embedder, chosen.statements)
    await embedder.aclose()
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--statements", type=int, default=12, help="most of a concept [default: 12]")
    parser.add_argument("--seed", type=int, default=101, help="of the queries")
    parser.add_argument("--split", choices=("train", "held-out"), default="held-out")
    parser.add_argument("--count", type=int, default=12, help="queries of each family and depth")
    parser.add_argument("--embedder", default="hashed", help="hashed, or URL#MODEL")
    parser.add_argument("--arc", type=Path, help="file of ARC tasks, to measure on them too")
    print(json.dumps(asyncio.run(measure(parser.parse_args(arguments))), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
