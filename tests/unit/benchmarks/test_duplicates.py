"""What is known under another name is found in the library of ARC's transformations, and little else is asked about."""

from __future__ import annotations

from solvent.benchmarks.arc.concepts import TEXTS
from solvent.benchmarks.arc.examples import example_words
from solvent.benchmarks.duplicate_texts import ARC, FAMILIES
from solvent.benchmarks.duplicates import asked_about, wanted
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.memory.writer import WriteRules

STATEMENTS = 6


async def test_most_are_found_by_the_threshold_that_ships() -> None:
    made = {label: example_words(label, STATEMENTS + 1) for label in TEXTS}
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await store.import_all(
        [content.model_copy(update={"statements": tuple(made[label][:STATEMENTS])}) for label, content in TEXTS.items()]
    )
    found, questions = 0, 0
    for label, content in ARC.items():
        again = content.model_copy(update={"statements": tuple(made[label][-1:])})
        hit, asked = await asked_about(store, again, TEXTS[label].name, WriteRules().likeness)
        found, questions = found + hit, questions + asked
    assert found >= 0.8 * len(ARC), found
    assert questions <= 2 * len(ARC)


def test_each_second_wording_has_a_name_of_its_own() -> None:
    assert set(ARC) == set(TEXTS)
    ours = [content.name for content in (*ARC.values(), *FAMILIES.values())]
    assert len(set(ours)) == len(ours)
    assert not set(ours) & {content.name for content in TEXTS.values()}
    assert len(wanted(0)) == len(ours)
