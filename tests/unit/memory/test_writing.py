"""Proposals become concepts: in any order the same, under one name, within the memory's size, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from concept_parts import routine
from hypothesis import given, settings
from hypothesis import strategies as st

from solvent.memory.concept import MOST_BYTES, ConceptKind, Content, Provenance
from solvent.memory.embed import HashedEmbedder
from solvent.memory.merging import merged
from solvent.memory.proposals import Proposal, combine
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.memory.writer import WriteReport, WriteRules, write_proposals

SECRET = "the key is sk-abcdefghijklmnopqrstuvwxyz"


def memory() -> ConceptStore:
    return ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())


def proposal(name: str, summary: str, *, job: str = "job-1", strength: int = 3, **fields: object) -> Proposal:
    return Proposal(routine(name, summary, **fields), Provenance(source="job", job_id=job), strength)


async def never(one: Content, other: Content) -> bool:
    raise AssertionError("nothing is to be asked")


async def always(one: Content, other: Content) -> bool:
    return True


_TEXTS = st.sampled_from(["add three to every number", "add 3 to each number", "drop odd numbers", "sort by length"])
_PROPOSALS = st.lists(
    st.builds(
        lambda name, summary, strength, job, cue, kind: Proposal(
            Content(
                name=name,
                kind=kind,
                summary=summary if kind is not ConceptKind.INSIGHT else "",
                suggestion=summary if kind is ConceptKind.INSIGHT else "",
                cues=(cue,),
                used_in=(f"problem-{job}",),
                readings=() if kind is ConceptKind.INSIGHT else ({"text": summary, "used_in": [f"problem-{job}"]},),
            ),
            Provenance(source="job", job_id=f"job-{job}"),
            strength,
        ),
        st.sampled_from(["Ember rule", "ember-rule", "Fire rule", "Moss rule", "Frost rule"]),
        _TEXTS,
        st.integers(0, 3),
        st.integers(0, 5),
        st.sampled_from(["a list is given", "a rule is named", "numbers are small"]),
        st.sampled_from(list(ConceptKind)),
    ),
    max_size=7,
)


async def library_of(known: Sequence[Proposal], batch: Sequence[Proposal]) -> dict[str, Content]:
    async def confirm(one: Content, other: Content) -> bool:
        # As a model that is asked about a pair: the same answer whenever it is asked.
        return {one.text[:3], other.text[:3]} == {"add"}

    store = memory()
    for one in known:
        await write_proposals(store, [one])
    await write_proposals(store, batch, confirm=confirm, rules=WriteRules(likeness=0.2))
    return {one.content.name: one.content for one in await store.list()}


@settings(max_examples=60, deadline=None)
@given(known=_PROPOSALS, batch=_PROPOSALS, data=st.data())
def test_any_order_of_a_batch_gives_the_same_library(
    known: list[Proposal], batch: list[Proposal], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(batch))
    assert asyncio.run(library_of(known[:2], batch)) == asyncio.run(library_of(known[:2], shuffled))


def test_the_best_founded_description_wins_and_nothing_of_the_others_is_lost() -> None:
    weak = proposal("Ember rule", "a lucky guess", strength=1, cues=["weak"], used_in=["p1"])
    strong = proposal("Ember rule", "add 3 to every number", strength=4, notes=["one pass"], used_in=["p2"])
    (change,) = combine([weak, strong], {})
    assert change.after.summary == "add 3 to every number"
    assert (change.after.cues, change.after.notes) == (("weak",), ("one pass",))
    assert set(change.after.used_in) == {"p1", "p2"}


def test_what_goes_over_the_size_of_a_concept_is_left_out() -> None:
    big = [f"{number} {'x' * 390}" for number in range(16)]
    uses = [f"problem {number} {'y' * 180}" for number in range(40)]
    joined = merged(routine("A", "a", cues=big), [routine("A", "b", notes=big, used_in=uses)])
    assert (joined.cues, joined.notes) == (tuple(big), tuple(big))
    assert 0 < len(joined.used_in) < 40
    assert len(joined.model_dump_json().encode()) <= MOST_BYTES


async def test_a_known_name_is_extended_and_a_new_one_added() -> None:
    store = memory()
    await write_proposals(store, [proposal("Ember rule", "add 3", used_in=["p1"])])
    report = await write_proposals(
        store,
        [proposal("ember rule", "add three", job="job-2", used_in=["p2"]), proposal("Moss rule", "sort", job="job-2")],
        confirm=never,
    )
    assert [one.content.name for one in report.extended] == ["Ember rule"]
    assert [one.content.name for one in report.added] == ["Moss rule"]
    assert (await store.get("Ember rule")).content.used_in == ("p1", "p2")
    history = await store.history("Ember rule")
    assert [record.concept.provenance.job_id for record in history] == ["job-1", "job-2"]


@pytest.mark.parametrize("confirmed", [True, False])
async def test_another_name_for_the_same_is_joined_where_it_is_confirmed(*, confirmed: bool) -> None:
    store = memory()
    asked: list[tuple[str, str]] = []

    async def confirm(one: Content, other: Content) -> bool:
        asked.append((one.name, other.name))
        return confirmed

    await write_proposals(store, [proposal("Ember rule", "add 3 to every number of the list")])
    again = proposal("Fire rule", "add 3 to every number of the list", job="job-2", used_in=["p2"])
    report = await write_proposals(store, [again], confirm=confirm)
    assert asked == [("Fire rule", "Ember rule")]
    assert report.joined == ((("Fire rule", "Ember rule"),) if confirmed else ())
    names = [one.content.name for one in await store.list()]
    assert names == (["Ember rule"] if confirmed else ["Ember rule", "Fire rule"])
    if confirmed:
        found = (await store.get("Ember rule")).content
        assert "also called Fire rule" in found.cues
        assert found.used_in == ("p2",)


async def test_nobody_is_asked_about_what_is_not_alike() -> None:
    store = memory()
    await write_proposals(store, [proposal("Ember rule", "add 3 to every number of the list")])
    await write_proposals(store, [proposal("Shortest paths", "breadth-first search over cells")], confirm=never)
    assert len(await store.list()) == 2


async def test_what_the_screening_refuses_is_told_and_the_rest_is_written() -> None:
    store = memory()
    report = await write_proposals(store, [proposal("Keys", SECRET), proposal("Moss rule", "sort")])
    assert [one.content.name for one in report.added] == ["Moss rule"]
    assert len(report.refused) == 1
    assert "API key" in report.refused[0]
    assert "sk-" not in report.refused[0]


async def test_the_same_write_is_made_once_for_all_time() -> None:
    store = memory()
    first = await write_proposals(store, [proposal("Ember rule", "add 3")], once="job-1")
    second = await write_proposals(store, [proposal("Ember rule", "add 3", cues=["new"])], once="job-1")
    assert (first.repeated, second.repeated) == (False, True)
    assert second.added == first.added
    assert (await store.get("Ember rule")).version == 1


@pytest.mark.parametrize("when_full", ["refuse", "archive"])
async def test_a_memory_that_is_full_takes_nothing_new_or_gives_up_the_least_useful(when_full: str) -> None:
    store = memory()
    rules = WriteRules(most_concepts=2, when_full=when_full)  # type: ignore[arg-type]  # one of both
    await write_proposals(store, [proposal("Ember rule", "add 3"), proposal("Moss rule", "sort")], rules=rules)
    await store.feedback("Ember rule", helpful=True)
    new = [proposal("Frost rule", "drop odd", job="job-2"), proposal("Moss rule", "sort", job="job-2", cues=["c"])]
    report = await write_proposals(store, new[:1], rules=rules)
    names = [one.content.name for one in await store.list()]
    if when_full == "refuse":
        assert names == ["Ember rule", "Moss rule"]
        assert "full" in report.refused[0]
        assert [one.content.name for one in (await write_proposals(store, new[1:], rules=rules)).extended] == [
            "Moss rule"
        ]
    else:
        assert names == ["Ember rule", "Frost rule"]
        assert [one.content.name for one in report.archived] == ["Moss rule"]


async def test_writers_at_the_same_time_lose_nothing() -> None:
    texts, vectors = InMemoryConceptTexts(), InMemoryVectors()
    stores = [ConceptStore(texts, vectors, HashedEmbedder()) for _ in range(4)]

    async def write(store: ConceptStore, number: int) -> list[WriteReport]:
        reports = []
        for step in range(5):
            job = f"job-{number}-{step}"
            shared = proposal("Ember rule", "add 3", job=job, used_in=[job])
            own = proposal(f"Rule {number} {step}", f"rule of {job}", job=job)
            reports.append(await write_proposals(store, [shared, own], once=job, rules=WriteRules(most_concepts=15)))
        return reports

    reports = await asyncio.gather(*(write(store, number) for number, store in enumerate(stores)))
    listed = {one.content.name: one.content for one in await stores[0].list()}
    assert len(listed["Ember rule"].used_in) == 20
    assert len(listed) == 15
    told = [
        *(len(one.added) for part in reports for one in part),
        sum(len(one.refused) for part in reports for one in part),
    ]
    assert sum(told) == 21
