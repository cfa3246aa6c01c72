"""Trials of concepts on both databases: what jobs show changes a status, once, and a person takes it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from concept_parts import routine

from solvent.agents.job import Answer, JobResult, JobStatus, Outcome, StopReason
from solvent.agents.recalled import MemoryUse
from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.vectors import InMemoryVectors
from solvent.settings import Settings
from solvent.workers.concept_memory import ConceptMemory
from solvent.workers.database import open_service_database
from solvent.workers.memory_report import MemoryReport, read_report
from solvent.workers.sql.concepts import SqlConceptTexts
from solvent.workers.sql.engine import Database
from solvent.workers.sql.utility import SqlUtilityStore


@dataclass
class Place:
    memory: ConceptMemory
    store: ConceptStore
    jobs: int = 0

    async def run(self, concept: Concept, *, solved: bool, shown: bool = True, **use: Any) -> None:
        """Do what a job's end does that found this concept."""
        self.jobs += 1
        key = f"{concept.id}:{concept.version}"
        chosen: dict[str, Any] = {"chosen": (key,)} if shown else {"dropped": (key,)}
        result = JobResult(
            job_id=f"job-{self.jobs}",
            problem_id="p",
            status=JobStatus.COMPLETED,
            outcome=Outcome.SOLVED if solved else Outcome.UNSOLVED,
            stop_reason=StopReason.MAX_ROUNDS,
            answer=Answer(text="x", trajectory="t0"),
            memory=MemoryUse(**{"policy": "read", "retrieved": (key,), "hold_out": 0.1, **chosen, **use}),
        )
        count = self.memory.counter("mine")
        # An end may be told more than once.
        await asyncio.gather(count(result), count(result))

    async def report(self) -> MemoryReport:
        return await read_report(self.memory, "mine")


@pytest_asyncio.fixture
async def place(service_url: str, tmp_path: Any) -> AsyncIterator[Place]:
    migrated = await open_service_database(service_url)
    await migrated.aclose()
    database = Database(service_url)
    settings = Settings(home=tmp_path, shared_concepts=("library",))
    texts = SqlConceptTexts(database, owned=True)
    memory = ConceptMemory(settings, texts, InMemoryVectors(), HashedEmbedder(), SqlUtilityStore(database))
    yield Place(memory, memory.of("mine"))
    await memory.aclose()


async def blame(place: Place, concept: Concept) -> None:
    """End jobs that say that a concept does harm, until there is nothing more to say."""
    for number in range(24):
        await place.run(concept, shown=number % 2 == 0, solved=number % 2 == 1)


async def test_harm_demotes_and_a_person_restores(place: Place) -> None:
    concept = (await place.store.add(routine("Ember rule", "add 3"))).concept
    await blame(place, concept)
    demoted = await place.store.get("Ember rule")
    assert demoted.status is ConceptStatus.DEMOTED
    last = (await place.store.history(concept.id))[-1]
    assert (last.action, last.concept.provenance.source) == ("demote", "trial")
    assert "does harm with probability" in last.concept.provenance.note
    assert "jobs with it" in last.concept.provenance.note
    # Once: what comes later finds it demoted already.
    assert len(await place.store.history(concept.id)) == 2
    assert (await place.store.search("Ember rule"))[0].concept.status is ConceptStatus.DEMOTED
    assert (await place.store.snapshot()).members == 0
    report = await place.report()
    assert (report.concepts["demoted"], report.jobs["shown"]) == (1, 24)
    assert report.worst[0].name == "Ember rule"

    back = (await place.store.set_archived(concept.id, archived=False)).concept
    assert (back.status, back.tried_since) == (ConceptStatus.ACTIVE, back.version)
    await place.run(back, solved=False)
    assert (await place.store.get("Ember rule")).status is ConceptStatus.ACTIVE


async def test_further_uses_keep_what_is_known_and_other_words_do_not(place: Place) -> None:
    concept = (await place.store.add(routine("Ember rule", "add 3"))).concept
    for _ in range(5):
        await place.run(concept, solved=True)
    used = (await place.store.update(concept.id, routine("Ember rule", "add 3", used_in=["p"]))).concept
    trial = place.memory.trial("mine")
    assert (await trial.evidence([used]))[concept.id].with_it == 5
    odds = (await trial.drop_probabilities([used]))[concept.id]
    changed = (await place.store.update(concept.id, routine("Ember rule", "add 4"))).concept
    assert (await trial.evidence([changed]))[concept.id].with_it == 0
    assert (await trial.drop_probabilities([changed]))[concept.id] > odds


async def test_demoted_ones_are_archived_when_nothing_speaks_for_them(place: Place) -> None:
    concept = (await place.store.add(routine("Ember rule", "add 3"))).concept
    await blame(place, concept)
    demoted = await place.store.get(concept.id)
    for _ in range(place.memory.trial("mine").policy.archive_after):
        await place.run(demoted, solved=False, chosen=(), dropped=())
    archived = await place.store.get(concept.id)
    assert archived.status is ConceptStatus.ARCHIVED
    assert "since it was demoted" in archived.provenance.note
    assert list(await place.store.search("Ember rule")) == []


async def test_a_shared_concept_is_left_out_and_stays_as_it_is(place: Place) -> None:
    concept = (await place.memory.of("library").add(routine("Ember rule", "add 3"))).concept
    await blame(place, concept)
    assert (await place.store.get("Ember rule")).status is ConceptStatus.ACTIVE
    odds = await place.memory.trial("mine").drop_probabilities([concept])
    assert odds[concept.id] == 1 - place.memory.trial("mine").policy.probe
    # What one project finds out is not another's business.
    assert (await place.memory.trial("library").drop_probabilities([concept]))[concept.id] < 0.5
    assert (await place.report()).worst[0].id == concept.id


async def test_jobs_without_chance_prove_nothing(place: Place) -> None:
    concept = (await place.store.add(routine("Ember rule", "add 3"))).concept
    for number in range(24):
        await place.run(concept, shown=number % 2 == 0, solved=number % 2 == 1, hold_out=0.0)
    assert (await place.store.get(concept.id)).status is ConceptStatus.ACTIVE
