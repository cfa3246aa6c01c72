"""Which candidates are shown where no model chooses."""

from __future__ import annotations

from typing import Any

import pytest
from concept_parts import insight, routine

from solvent.agents.choosing import best_of, goes_by_name
from solvent.memory.concept import Concept
from solvent.memory.embed import HashedEmbedder
from solvent.memory.results import Hit
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.training.families.rules import LIST_RULES, NUMBER_RULES, STRING_RULES, World


@pytest.fixture
async def store() -> ConceptStore:
    made = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    world = World(41)
    rules = [rule.concept for family in (LIST_RULES, NUMBER_RULES, STRING_RULES) for rule in world.rules(family)]
    await made.add_all([routine(rule.name, rule.text) for rule in rules])
    await made.add_all(
        [
            routine(
                "Shortest path in a grid",
                "breadth-first search over cells with a queue",
                cues=["the statement asks for the fewest steps in a maze"],
            ),
            insight("Large answers", "the answer may be huge", "take the remainder at every step"),
        ]
    )
    return made


async def names(store: ConceptStore, query: str) -> list[str]:
    hits = await store.search(query, limit=15)
    return [hit.concept.content.name for hit in best_of(hits[:10], hits)]


async def test_what_the_statement_names_is_taken_alone(store: ConceptStore) -> None:
    first, second = [one.content.name for one in await store.list()][:2]
    query = f"You are given a list. 1. Apply the {second}. 2. Follow the {first}. Print the fewest steps of the maze."
    assert sorted(await names(store, query)) == sorted([first, second])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Given a maze with walls, print the fewest steps from the start to the exit.", ["Shortest path in a grid"]),
        ("Print the n-th Fibonacci number modulo 1e9+7; the answer can be huge", ["Large answers"]),
        ("Read two words and print the longer one.", []),
    ],
)
async def test_else_only_what_stands_out(store: ConceptStore, query: str, expected: list[str]) -> None:
    assert await names(store, query) == expected


def hits(*scores: tuple[float | None, float | None]) -> list[Hit]:
    def concept(number: int) -> Concept:
        content = routine(f"Rule number {number}", "x")
        return Concept(id=f"con-{number}", namespace="n", version=1, content=content, created_at=0, updated_at=0)

    return [Hit(concept(number), 1.0, *pair) for number, pair in enumerate(scores)]


@pytest.mark.parametrize(
    ("first", "is_taken"),
    [((0.35, 6.0), True), ((0.35, 4.0), False), ((0.25, 60.0), False), ((0.45, None), True), ((None, None), False)],
)
def test_words_and_vectors_both_count_unless_the_vector_is_far_ahead(first: Any, is_taken: bool) -> None:
    found = hits(first, *[(0.2, 3.5)] * 9)
    assert (best_of(found, found) == found[:1]) is is_taken


@pytest.mark.parametrize(
    ("scores", "taken"),
    [
        ([(0.2, 3.5)] * 2, 2),
        ([(0.2, 3.5)] * 7, 0),
        ([(0.12, 0.5), (0.03, 0.2)], 1),
        ([(0.09, 6.0)], 0),
        ([(0.12, None)], 0),
        ([(0.35, 6.0)] * 3 + [(0.01, None)] * 2, 3),
    ],
)
def test_few_candidates_have_to_stand_out_too(scores: Any, taken: int) -> None:
    found = hits(*scores)
    assert best_of(found, found) == found[:taken]


@pytest.mark.parametrize(
    ("name", "statements", "goes"),
    [
        ("Ember rule", ["Apply the Ember rule to each.", "By the ember rule, print it."], True),
        ("Ember rule", ["Apply the Ember rule to each.", "Print it."], False),
        ("Ember rule", ["By the Ember change, print it."], True),
        ("Ember rule", ["Print each ember, then Ember by ember."], False),
        ("Prefix sums", ["Find a prefix of the list."], False),
        ("Print rule", ["Print ok.", "Given n. Print it."], False),
        ("Ember rule", [], False),
        ("Ember", ["Apply Ember to each."], False),
    ],
)
def test_what_every_problem_names_is_for_those_that_name_it(name: str, statements: list[str], goes: bool) -> None:
    content = routine(name, "add 3", statements=statements)
    assert goes_by_name(content) is goes
    concept = Concept(id="con-1", namespace="n", version=1, content=content, created_at=0, updated_at=0)
    found = [Hit(concept, 1.0, 0.4, 9.0)]
    assert best_of(found, found) == ([] if goes else found)
    named = [Hit(concept, 1.0, 0.4, 9.0, named=True)]
    assert best_of(named, named) == named
