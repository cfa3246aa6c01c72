"""A process's first search reads what was counted of the concepts, and counts only what an earlier version left."""

from __future__ import annotations

from pathlib import Path

import pytest
from concept_parts import routine
from sqlalchemy import text

from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.vectors import InMemoryVectors
from solvent.workers.sql import concept_terms
from solvent.workers.sql.concepts import SqlConceptTexts
from solvent.workers.sql.engine import Database
from solvent.workers.sql.schema import migrate


@pytest.mark.parametrize("spoiled", ["DELETE FROM concept_terms", "UPDATE concept_terms SET format = 0, terms = x''"])
async def test_words_that_are_not_there_are_counted_once(
    tmp_path: Path, spoiled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'service.sqlite'}")
    await migrate(database)
    texts, vectors = SqlConceptTexts(database, owned=True), InMemoryVectors()

    def fresh() -> ConceptStore:
        return ConceptStore(texts, vectors, HashedEmbedder())

    try:
        store = fresh()
        ember = (await store.add(routine("Ember rule", "add 3 to every number"))).concept
        await store.add(routine("Frost rule", "drop every odd number"))
        snapshot = await store.snapshot()
        await store.update(ember.id, routine("Ember law", "turn the list round"))
        gone = (await store.add(routine("Moss rule", "turn the list twice"))).concept
        await store.delete(gone.id)
        now = await fresh().search("turn the list")
        then = await fresh().search("add 3 to every number", snapshot=snapshot.id)
        assert (now[0].concept.content.name, then[0].concept.content.name) == ("Ember law", "Ember rule")
        await database.write("spoil", lambda connection: connection.execute(text(spoiled)))
        assert await fresh().search("turn the list") == now
        assert await fresh().search("add 3 to every number", snapshot=snapshot.id) == then

        monkeypatch.setattr(concept_terms, "packed", lambda said: pytest.fail(f"counted again: {said}"))
        assert await fresh().search("turn the list") == now
        assert await fresh().search("add 3 to every number", snapshot=snapshot.id) == then
    finally:
        await texts.aclose()
