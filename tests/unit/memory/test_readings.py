"""Of what single solutions say of a concept, that holds which most problems say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from concept_parts import routine
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.concept_replies import proposed_of
from solvent.errors import DataError
from solvent.memory.concept import Content, Provenance, Reading
from solvent.memory.embed import HashedEmbedder
from solvent.memory.proposals import Proposal, combine
from solvent.memory.readings import against, settled, united, well_founded
from solvent.memory.screening import screen
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.memory.writer import write_proposals


def read(summary: str, *problems: str, name: str = "Ember cut") -> Content:
    return routine(name, summary, used_in=problems, readings=({"text": summary, "used_in": problems},))


def proposal(summary: str, problem: str, strength: int = 2) -> Proposal:
    return Proposal(read(summary, problem), Provenance(source="job", job_id=problem), strength)


async def written(*proposals: Proposal, first: Content | None = None) -> ConceptStore:
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    if first is not None:
        await store.add(first)
    for one in proposals:
        await write_proposals(store, [one])
    return store


async def test_what_more_problems_say_takes_the_place_of_what_was_first() -> None:
    store = await written(proposal("keep the first 3", "a"), proposal("keep the last 3", "b"))
    assert (await store.get("Ember cut")).content.summary == "keep the first 3"
    await write_proposals(store, [proposal("Keep the last  3.", "c")])
    concept = await store.get("Ember cut")
    assert concept.content.summary == "Keep the last  3.".replace("  ", " ")
    # What was found out about the old text says nothing of the new one.
    assert concept.tried_since == concept.version == 3
    await write_proposals(store, [proposal("keep the first 3", "d")])
    assert (await store.get("Ember cut")).content.summary == "Keep the last 3."


async def test_one_problem_counts_once() -> None:
    store = await written(proposal("first", "a"), proposal("last", "b"), proposal("last", "b", strength=9))
    assert (await store.get("Ember cut")).content.summary == "first"


async def test_what_a_person_wrote_is_not_outvoted() -> None:
    store = await written(
        *(proposal("keep the last 3", problem) for problem in "abc"), first=routine("Ember cut", "keep the first 3")
    )
    assert (await store.get("Ember cut")).content.summary == "keep the first 3"
    edited = (await store.get("Ember cut")).content.model_copy(update={"summary": "keep three"})
    await store.update("Ember cut", edited)
    await write_proposals(store, [proposal("keep the last 3", "d")])
    assert (await store.get("Ember cut")).content.summary == "keep three"


async def test_solutions_that_agree_with_a_person_do_not_open_a_vote() -> None:
    store = await written(proposal("keep the first 3", "a"), first=routine("Ember cut", "keep the first 3"))
    for problem in "bcd":
        await write_proposals(store, [proposal("keep the last 3", problem)])
    content = (await store.get("Ember cut")).content
    assert (content.summary, content.used_in) == ("keep the first 3", ("a", "b", "c", "d"))


def test_ids_of_problems_are_one_line_without_marks_for_a_terminal() -> None:
    assert Reading(text="a\nb", used_in=("p\n1", "\x1b[31mp2")).model_dump() == {
        "text": "a b",
        "used_in": ("p 1", "[31mp2"),
    }


async def test_what_failed_where_another_reading_helped_has_a_vote_less() -> None:
    store = await written(proposal("first", "a"))
    better = proposal("last", "b")
    await write_proposals(store, [replace(better, content=against(better.content, "first"))])
    content = (await store.get("Ember cut")).content
    assert content.summary == "last"
    assert content.readings == (
        Reading(text="last", used_in=("b",)),
        Reading(text="first", used_in=("a",), failed_in=("b",)),
    )
    assert not well_founded(read("last", "c"), content)
    for problem in "cd":
        await write_proposals(store, [proposal("first", problem)])
    content = (await store.get("Ember cut")).content
    assert content.summary == "first"
    assert well_founded(read("First.", "e"), content)
    # Its own problem is no other one.
    assert not well_founded(read("first", "d"), content)


def test_nothing_speaks_against_its_own_words_or_for_what_only_failed() -> None:
    said = read("first", "a")
    assert against(said, "First.") == said
    only_failed = routine(
        "Ember cut", "x", readings=(Reading(text="x", failed_in=("a",)), Reading(text="y", failed_in=()))
    )
    assert settled(only_failed).summary == "x"


async def test_within_a_batch_most_win_and_then_the_best_founded() -> None:
    (change,) = combine([proposal("first", "a", 9), proposal("last", "b", 1), proposal("last", "c", 1)], {})
    assert change.after.summary == "last"
    (change,) = combine([proposal("first", "a", 1), proposal("last", "b", 9)], {})
    assert change.after.summary == "last"


_TEXTS = st.sampled_from(["first 3", "First 3.", "last 3", "odd ones", *"uvwxyz"])
_SAID = st.builds(read, _TEXTS, st.sampled_from("abcdef"))
_READ = st.lists(st.one_of(_SAID, st.builds(against, _SAID, _TEXTS)), max_size=9)


@given(contents=_READ, data=st.data())
def test_the_order_does_not_matter_and_saying_it_again_changes_nothing(
    contents: list[Content], data: st.DataObject
) -> None:
    readings = united(contents)
    assert united(data.draw(st.permutations(contents))) == readings
    whole = routine("Ember cut", "x", readings=tuple(readings))
    assert united([whole, whole]) == readings
    assert united([*contents, *contents]) == readings


@given(contents=_READ)
def test_no_other_reading_has_more_votes_than_what_holds(contents: list[Content]) -> None:
    readings = tuple(united(contents))
    for reading in readings:
        after = settled(routine("Ember cut", reading.text, readings=readings))
        held = next(one for one in readings if one.text == after.summary)
        assert held.votes == max(one.votes for one in readings)


def test_a_reply_is_a_reading_of_its_problem() -> None:
    said = "concept: Ember cut\nkind: routine\nsummary: keep 3\nconcept: Care\nkind: insight\nsuggestion: count"
    proposed = proposed_of(said, used_in="p")
    assert proposed is not None
    assert [one.readings for one in proposed] == [(Reading(text="keep 3", used_in=("p",)),), ()]


def test_readings_are_screened_as_what_they_may_become() -> None:
    with pytest.raises(DataError, match=r"readings\.0"):
        screen(routine("Ember cut", "x", readings=({"text": "the key is sk-abcdefghijklmnopqrstuvwxyz"},)))
