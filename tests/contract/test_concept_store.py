"""What every concept memory does, wherever its texts and its vectors are."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from concept_parts import Backend, DiedError, contents, insight, routine

from solvent.errors import ConfigError, Conflict, DataError, MemoryUnavailable, NotFound
from solvent.memory.concept import ConceptStatus, Provenance
from solvent.memory.exchange import export_library, read_library
from solvent.memory.proposals import Proposal
from solvent.memory.store import ConceptStore
from solvent.memory.texts import Edit
from solvent.memory.writer import write_proposals


@pytest.fixture(
    params=[
        "in memory",
        pytest.param("embedded Chroma, SQLite", marks=pytest.mark.chroma),
        pytest.param("Chroma server, PostgreSQL", marks=[pytest.mark.chroma, pytest.mark.postgres]),
    ]
)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    made = await Backend.make(request, tmp_path)
    try:
        yield made
    finally:
        await made.aclose()


@pytest.fixture
def store(backend: Backend) -> ConceptStore:
    return backend.store()


async def test_a_concept_comes_back_as_it_was_stored(store: ConceptStore) -> None:
    content = routine("Ember rule", "add 3 to every number", cues=["a rule is named"], parameters=[{"name": "n"}])
    written = await store.add(content, Provenance(source="job", job_id="job-1", evidence="3 of 3 public tests"))
    assert written.unindexed is None
    for found in (await store.get(written.concept.id), await store.get("Ember rule")):
        assert found.content == content
        assert (found.version, found.status, found.namespace) == (1, ConceptStatus.ACTIVE, "default")
        assert found.provenance.evidence == "3 of 3 public tests"


async def test_search_finds_by_words_and_by_likeness(store: ConceptStore) -> None:
    await store.add_all(contents())
    best = (await store.search("What does the Ember rule do to this list of numbers?"))[0]
    assert best.concept.content.name == "Ember rule"
    assert best.similarity is not None
    assert best.keyword_score is not None
    # No word in common: pieces of words are.
    assert (await store.search("shortestpathing gridlike"))[0].concept.content.name == "Shortest path in a grid"
    assert len(await store.search("rule number list", limit=2)) == 2


async def test_search_of_an_empty_memory_finds_nothing(store: ConceptStore) -> None:
    assert await store.search("anything") == []
    assert await store.list() == []


async def test_an_update_is_a_new_version_that_searches_find(store: ConceptStore) -> None:
    concept = (await store.add(routine("Ember rule", "add 3 to every number"))).concept
    await store.add(routine("Frost rule", "drop every odd number"))
    written = await store.update(concept.id, routine("Ember rule", "multiply by seven"), Provenance(note="was wrong"))
    assert written.concept.version == 2
    hits = await store.search("multiply by seven")
    assert (hits[0].concept.id, hits[0].concept.version) == (concept.id, 2)
    assert [record.action for record in await store.history("Ember rule")] == ["add", "update"]
    assert (await store.get("Ember rule", version=1)).content.summary == "add 3 to every number"
    assert (await store.check()).is_sound


async def test_the_same_again_is_no_new_version(store: ConceptStore) -> None:
    concept = (await store.add(routine("Ember rule", "add 3"))).concept
    assert (await store.update(concept.id, routine("Ember rule", "add 3"))).concept.version == 1


async def test_a_change_of_what_was_changed_meanwhile_is_refused(store: ConceptStore) -> None:
    concept = (await store.add(routine("Ember rule", "add 3"))).concept
    await store.update(concept.id, routine("Ember rule", "add 4"), expected_version=1)
    with pytest.raises(Conflict, match="version 2, not 1"):
        await store.update(concept.id, routine("Ember rule", "add 5"), expected_version=1)
    assert (await store.get("Ember rule")).content.summary == "add 4"


async def test_a_name_is_given_once(store: ConceptStore) -> None:
    await store.add(routine("Ember rule", "add 3"))
    other = (await store.add(routine("Frost rule", "add 4"))).concept
    with pytest.raises(Conflict, match="Ember rule"):
        await store.add(routine("Ember rule", "add 5"))
    with pytest.raises(Conflict, match="Ember rule"):
        await store.update(other.id, routine("Ember rule", "add 4"))
    with pytest.raises(Conflict):
        await store.add_all([routine("Moss rule", "x"), routine("Moss rule", "y")])
    assert [one.content.name for one in await store.list()] == ["Ember rule", "Frost rule"]


async def test_a_deleted_concept_is_found_by_nothing_but_its_history(store: ConceptStore) -> None:
    concept = (await store.add(routine("Ember rule", "add 3"))).concept
    await store.search("ember")
    await store.delete(concept.id, note="wrong")
    assert await store.search("ember") == []
    with pytest.raises(NotFound):
        await store.get("Ember rule")
    with pytest.raises(NotFound):
        await store.update(concept.id, routine("Ember rule", "add 4"))
    records = await store.history(concept.id)
    assert [record.action for record in records] == ["add", "delete"]
    assert records[-1].concept.provenance.note == "wrong"
    again = (await store.add(routine("Ember rule", "add 5"))).concept
    assert again.id != concept.id
    assert (await store.check()).is_sound


async def test_an_archived_concept_is_kept_and_not_searched(store: ConceptStore) -> None:
    concept = (await store.add(routine("Ember rule", "add 3"))).concept
    await store.set_archived(concept.id, archived=True)
    assert await store.search("ember") == []
    assert await store.list() == []
    assert [one.status for one in await store.list(archived=True)] == [ConceptStatus.ARCHIVED]
    assert (await store.check()).is_sound
    await store.set_archived(concept.id, archived=False)
    assert [hit.concept.id for hit in await store.search("ember")] == [concept.id]


async def test_merging_keeps_the_first_and_what_the_others_know(store: ConceptStore) -> None:
    kept = (await store.add(routine("Ember rule", "add 3", cues=["a"], used_in=["p1"]))).concept
    other = (await store.add(routine("Fire rule", "add three", cues=["b"], used_in=["p2"]))).concept
    await store.feedback("Fire rule", helpful=True)
    merged = (await store.merge(kept.id, [other.id])).concept
    assert merged.content.name == "Ember rule"
    assert merged.content.cues == ("a", "also called Fire rule", "b")
    assert merged.content.used_in == ("p1", "p2")
    assert (await store.utility([kept.id]))[kept.id].helpful == 1
    assert [one.content.name for one in await store.list()] == ["Ember rule"]
    with pytest.raises(ConfigError):
        await store.merge(kept.id, [kept.id])


async def test_feedback_is_counted(store: ConceptStore) -> None:
    await store.add(routine("Ember rule", "add 3"))
    await store.feedback("Ember rule", helpful=True)
    await store.feedback("Ember rule", helpful=True)
    counted = await store.feedback("Ember rule", helpful=False)
    assert (counted.helpful, counted.harmful) == (2, 1)
    with pytest.raises(NotFound):
        await store.feedback("Nobody", helpful=True)


async def test_a_snapshot_stays_as_it_was(store: ConceptStore) -> None:
    ember = (await store.add(routine("Ember rule", "add 3 to every number"))).concept
    frost = (await store.add(routine("Frost rule", "drop every odd number"))).concept
    snapshot = await store.snapshot("before")
    assert snapshot.members == 2
    assert (await store.snapshot("again")).id == snapshot.id
    before = await store.search("add 3 to every number", snapshot=snapshot.id)
    await store.update(ember.id, routine("Ember rule", "sort descending"))
    await store.delete(frost.id)
    await store.add(routine("Moss rule", "add 3 to every number twice"))
    after = await store.search("add 3 to every number", snapshot=snapshot.id)
    assert after == before
    assert [hit.concept.content.name for hit in after] == ["Ember rule", "Frost rule"]
    later = await store.snapshot("after")
    assert later.id != snapshot.id
    assert [one.id for one in await store.snapshots()] == [later.id, snapshot.id]
    for difference in (await store.diff(snapshot.id), await store.diff(snapshot.id, later.id)):
        assert (difference.added, difference.removed, difference.changed) == (
            ["Moss rule"], ["Frost rule"], ["Ember rule"],
        )  # fmt: skip
    with pytest.raises(NotFound):
        await store.search("x", snapshot="snap-0000000000000000")


async def test_projects_do_not_see_each_other(backend: Backend) -> None:
    mine, theirs = backend.store("mine"), backend.store("theirs")
    concept = (await mine.add(routine("Ember rule", "add 3"))).concept
    snapshot = await mine.snapshot()
    assert await theirs.search("ember add 3") == []
    assert await theirs.list() == []
    for look in (
        theirs.get(concept.id),
        theirs.history(concept.id),
        theirs.delete(concept.id),
        theirs.members(snapshot.id),
    ):
        with pytest.raises(NotFound):
            await look
    await theirs.add(routine("Ember rule", "subtract 3"))
    await theirs.feedback("Ember rule", helpful=False)
    assert await mine.utility([concept.id]) == {}


async def test_a_shared_namespace_is_read_and_not_written(backend: Backend) -> None:
    library = backend.store("library")
    concept = (await library.add(routine("Two pointers", "walk from both ends of a sorted list"))).concept
    mine = backend.store("mine", shared=["library"])
    await mine.add(routine("Ember rule", "add 3"))
    assert {hit.concept.content.name for hit in await mine.search("sorted list ember")} == {
        "Two pointers",
        "Ember rule",
    }
    assert (await mine.get("Two pointers")).id == concept.id
    with pytest.raises(ConfigError, match="shared"):
        await mine.delete(concept.id)
    assert (await mine.snapshot()).members == 2
    await library.share("library", read_only=True)
    with pytest.raises(ConfigError, match="read-only"):
        await library.delete(concept.id)


async def test_what_was_exported_is_imported_as_it_was(backend: Backend) -> None:
    mine, theirs = backend.store("mine"), backend.store("theirs")
    await mine.add_all(contents())
    library = export_library(await mine.list(), {})
    rows = [row.content for row in read_library(json.dumps(library), file="library.json")]
    done = await theirs.import_all(rows)
    assert len(done.added) == len(contents())
    assert [one.content for one in await theirs.list()] == [one.content for one in await mine.list()]
    again = await theirs.import_all(rows)
    assert (again.added, again.changed, len(again.unchanged)) == ([], [], len(contents()))


@pytest.mark.parametrize(
    ("on_conflict", "cues", "summary"),
    [("merge", ("a", "b"), "add 3"), ("replace", ("b",), "add 4"), ("skip", ("a",), "add 3")],
)
async def test_importing_a_name_that_is_taken(store: ConceptStore, on_conflict: Any, cues: Any, summary: str) -> None:
    await store.add(routine("Ember rule", "add 3", cues=["a"]))
    await store.import_all([routine("Ember rule", "add 4", cues=["b"])], on_conflict=on_conflict)
    found = (await store.get("Ember rule")).content
    assert (found.cues, found.summary) == (cues, summary)
    with pytest.raises(Conflict):
        await store.import_all([routine("Moss rule", "x"), routine("Ember rule", "y")], on_conflict="fail")
    assert [one.content.name for one in await store.list()] == ["Ember rule"]


async def test_what_must_not_be_kept_is_refused_whole(store: ConceptStore) -> None:
    wrong = insight("Secret", "use the key", "sk-" + "a" * 40)
    with pytest.raises(DataError, match="holds an API key"):
        await store.import_all([routine("Moss rule", "x"), wrong])
    assert await store.list() == []


async def test_many_writers_lose_nothing(backend: Backend) -> None:
    stores = [backend.store() for _ in range(4)]

    async def write(number: int, store: ConceptStore) -> None:
        for row in range(5):
            await store.add(routine(f"Rule {number} {row}", f"do thing {number} number {row}"))
            await store.search(f"thing {number}")

    await asyncio.gather(*(write(number, store) for number, store in enumerate(stores)))
    assert len(await stores[0].list()) == 20
    for store in stores:
        assert len(await store.search("rule thing number do", limit=100)) == 20
    assert (await stores[0].check()).is_sound


async def test_a_writer_that_dies_anywhere_loses_nothing(backend: Backend) -> None:
    """At every point between the texts' write and the last mark, for every verb that writes."""
    verbs = {
        "add": lambda store: store.add(routine("Moss rule", "reverse the list")),
        "update": lambda store: store.update("Ember rule", routine("Ember rule", "reverse the list")),
        "delete": lambda store: store.delete("Ember rule"),
        "merge": lambda store: _merge(store),
    }
    for verb, act in verbs.items():
        for point in range(14):
            project = f"{verb}-{point}-{secrets.token_hex(2)}"
            store = backend.store(project)
            await store.add_all([routine("Ember rule", "add 3"), routine("Fire rule", "add three")])
            await store.search("rule")
            died = await _die(backend, project, point, act)
            fresh = backend.store(project)
            names = {
                hit.concept.content.name: hit.concept.content.summary for hit in await fresh.search("rule", limit=9)
            }
            assert names == {one.content.name: one.content.summary for one in await fresh.list()}, (verb, point)
            await fresh.reindex()
            assert (await fresh.check()).is_sound, (verb, point)
            if not died:
                break
        else:
            pytest.fail(f"{verb} has more points than were tried")


async def _merge(store: ConceptStore) -> None:
    kept, other = await store.get("Ember rule"), await store.get("Fire rule")
    await store.merge(kept.id, [other.id])


async def _die(backend: Backend, project: str, point: int, act: Callable[[ConceptStore], Any]) -> bool:
    """Let a writer of its own die at its nth step; returns whether it came so far."""
    try:
        await act(backend.dying_store(project, point))
    except DiedError:
        return True
    return False


async def test_check_finds_and_repairs_every_difference(backend: Backend) -> None:
    store = backend.store()
    concepts = [written.concept for written in await store.add_all(contents())]
    assert (await store.check()).is_sound
    await backend.spoil_index(store, missing=[concepts[0]], orphan="con-nobody:1")
    found = await store.check()
    assert found.missing == [concepts[0].id]
    assert found.orphans == ["con-nobody:1"]
    assert not found.is_sound
    await store.reindex()
    assert (await store.check()).is_sound


async def test_a_small_memory_is_searched_whole_though_the_index_leaves_something_out(backend: Backend) -> None:
    store = backend.store()
    concepts = [written.concept for written in await store.add_all(contents())]
    query = "numbers that are odd"
    before = await store.search(query)
    assert before[0].concept.content.name == "Frost rule"
    assert before[0].similarity is not None
    await backend.spoil_index(store, missing=[concepts[1]], orphan="con-nobody:1")
    after = await store.search(query)
    assert [(hit.concept.id, hit.score) for hit in after] == [(hit.concept.id, hit.score) for hit in before]
    assert after[0].similarity == pytest.approx(before[0].similarity, abs=1e-4)


async def test_an_index_that_lost_everything_is_made_again(backend: Backend) -> None:
    store = backend.store()
    await store.add_all(contents())
    snapshot = await store.snapshot()
    before = await store.search("ember rule numbers")
    frozen = await store.search("ember rule numbers", snapshot=snapshot.id)
    await backend.lose_index()
    assert [hit.concept.id for hit in await store.search("ember rule numbers")] == [hit.concept.id for hit in before]
    assert await store.search("ember rule numbers", snapshot=snapshot.id) == frozen
    assert (await store.check()).is_sound


async def test_without_its_index_the_memory_keeps_what_is_written(backend: Backend) -> None:
    store = backend.store()
    await store.add(routine("Ember rule", "add 3"))
    async with backend.index_away():
        written = await store.add(routine("Moss rule", "reverse the list"))
        assert written.unindexed
        with pytest.raises(MemoryUnavailable):
            await store.search("moss")
        assert {one.content.name for one in await store.list()} == {"Ember rule", "Moss rule"}
    assert (await store.search("moss"))[0].concept.content.name == "Moss rule"
    assert (await store.check()).is_sound


async def test_a_write_with_a_key_is_made_once_by_whoever_comes_first(backend: Backend) -> None:
    stores = [backend.store() for _ in range(3)]
    await stores[0].add(routine("Moss rule", "sort"))
    # As attempts at one job's distillation: all decide anew, one of them writes.
    proposed = [
        Proposal(routine(name, "say"), Provenance(source="job", job_id="job-1")) for name in ("Ember rule", "Moss rule")
    ]
    reports = await asyncio.gather(*(write_proposals(store, proposed, once="job-1") for store in stores))
    assert sorted(report.repeated for report in reports) == [False, True, True]
    assert {next(one.content.name for one in report.added) for report in reports} == {"Ember rule"}
    assert len(await stores[0].history("Ember rule")) == 1
    assert await stores[0].size() == (2, 2)
    assert (await stores[0].check()).is_sound


async def test_a_write_that_was_decided_on_an_earlier_state_is_refused(store: ConceptStore) -> None:
    assert await store.size() == (0, 0)
    kept = (await store.add(routine("Ember rule", "add 3"))).concept
    size, last_change = await store.size()
    assert size == 1
    await store.set_archived(kept.id, archived=True)
    edit = Edit(id="con-new", action="add", content=routine("Moss rule", "sort"), expected_version=0)
    with pytest.raises(Conflict, match="changed meanwhile"):
        await store.write_edits([edit], at_change=last_change)
    size, last_change = await store.size()
    assert size == 0
    await store.write_edits([edit], once="key", at_change=last_change)
    with pytest.raises(Conflict):
        await store.write_edits([Edit(id="con-2", action="add", content=routine("A", "a"))], once="key")
    assert [one.content.name for one in await store.list()] == ["Moss rule"]


async def test_writers_of_one_concept_at_the_same_time_leave_no_vector_behind(backend: Backend) -> None:
    stores = [backend.store() for _ in range(4)]
    await stores[0].add(routine("Ember rule", "add 3"))

    async def extend(store: ConceptStore, number: int) -> None:
        for step in range(4):
            used = routine("Ember rule", "add 3", used_in=[f"problem {number} {step}"])
            await write_proposals(store, [Proposal(used, Provenance(source="job"))])

    await asyncio.gather(*(extend(store, number) for number, store in enumerate(stores)))
    await stores[0].search("ember")
    concept = await stores[0].get("Ember rule")
    assert (concept.version, len(concept.content.used_in)) == (17, 16)
    check = await stores[0].check()
    assert check.is_sound, check
