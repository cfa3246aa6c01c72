"""Concepts of grids are found by made-up examples of their own code; no task of the corpus is needed for it."""

from __future__ import annotations

from solvent.benchmarks.arc.concepts import TEXTS
from solvent.benchmarks.arc.examples import example_problems, example_words
from solvent.benchmarks.arc.oracle import pairs_of
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors

EXAMPLES = 4


async def test_the_right_concept_is_among_the_first_ten() -> None:
    made = {label: example_words(label, EXAMPLES + 1) for label in TEXTS}
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await store.import_all(
        [
            content.model_copy(
                update={"statements": tuple(line[:400] for line in dict.fromkeys(made[label][:EXAMPLES]))}
            )
            for label, content in TEXTS.items()
        ]
    )
    right = 0
    for label, content in TEXTS.items():
        hits = await store.search(made[label][-1], limit=10)
        right += content.name in [hit.concept.content.name for hit in hits]
    assert right >= 0.9 * len(TEXTS)


def test_made_up_tasks_are_what_their_name_says() -> None:
    for problem in example_problems("mirror_left_right", 3):
        assert all([row[::-1] for row in given] == wanted for given, wanted in pairs_of(problem))
    assert example_problems("gravity", 2) == example_problems("gravity", 2)
