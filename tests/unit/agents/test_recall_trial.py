"""What chance leaves out of a job's prompts, and that it is the same whenever the job is run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from concept_parts import routine

from solvent.agents.choosing import reasons_of
from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.trial import TrialPolicy, is_held_out
from solvent.memory.vectors import InMemoryVectors
from solvent.models.profiles import ModelProfile


class Tried:
    """A trial with set odds."""

    def __init__(self, odds: Mapping[str, float] | None = None, **policy: Any) -> None:
        self.policy = TrialPolicy(**policy)
        self.asked = 0
        self._odds = odds or {}

    async def drop_probabilities(self, concepts: Sequence[Concept]) -> Mapping[str, float]:
        self.asked += 1
        return {one.id: self._odds.get(one.content.name, 0.0) for one in concepts}


@pytest.fixture
async def store() -> ConceptStore:
    made = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await made.add_all(
        [
            routine("Print rule", "print the word ok in small letters", notes=["call emit_word(text)"]),
            *(routine(f"Frost rule {number}", "print every odd number") for number in range(5)),
        ]
    )
    return made


def choosing_profile(bench: Any) -> ModelProfile:
    profile: ModelProfile = bench.profile.model_copy(update={"roles": ("solve", "choose")})
    return profile


def job_in(*, held_out: bool, **policy: Any) -> str:
    """The id of a job that is held out, or not, by this policy."""
    return next(id for id in (f"job-{n}" for n in range(1000)) if is_held_out(TrialPolicy(**policy), id) is held_out)


async def test_a_job_that_is_held_out_has_the_prompt_of_an_empty_memory(bench: Any, reply: Any, store: Any) -> None:
    bench.changes |= {"memory": store, "trial": Tried()}
    result = await bench.run([reply("ok")], strategy="single", memory="read", id=job_in(held_out=True))
    (event,) = bench.of_type("concepts")
    assert (event.held_out, event.hold_out, event.chosen, event.related) == (True, 0.1, (), ())
    assert result.memory.dropped == event.dropped == event.retrieved[:1]
    assert (result.memory.held_out, result.memory.hold_out) == (True, 0.1)
    held_out = bench.prompts[0]
    empty = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    bench.changes |= {"memory": empty}
    await bench.run([reply("ok")], strategy="single", memory="read", id=job_in(held_out=False))
    assert bench.prompts[0] == held_out
    await bench.run([reply("ok")], strategy="single", id="off")
    assert bench.prompts[0] != held_out


async def test_one_concept_is_left_out_by_itself(bench: Any, reply: Any, echo: Any, store: Any) -> None:
    bench.changes |= {"memory": store, "trial": Tried({"Print rule": 1.0})}
    problem = echo(statement="Print ok by the print rule, the Frost rule 0 and the Frost rule 1.")
    result = await bench.run([reply("ok")], problem, strategy="single", memory="read", id=job_in(held_out=False))
    (event,) = bench.of_type("concepts")
    assert "- Print rule" not in bench.prompts[0]
    assert len(event.names) == 2
    assert len(event.dropped) == 1
    assert not event.held_out
    assert result.memory.dropped == event.dropped
    assert all(name.startswith("Frost rule") for name in event.related)


@pytest.mark.parametrize("share", [0.0, 1.0])
async def test_without_chance_no_single_concept_is_left_out(bench: Any, reply: Any, store: Any, share: float) -> None:
    trial = Tried({"Print rule": 1.0}, hold_out=share)
    bench.changes |= {"memory": store, "trial": trial}
    result = await bench.run([reply("ok")], strategy="single", memory="read")
    assert result.memory.held_out is (share == 1.0)
    assert len(result.memory.chosen) == (0 if share else 1)
    assert trial.asked == 0


async def test_all_trajectories_ask_once_and_show_the_same(bench: Any, reply: Any, store: Any) -> None:
    trial = Tried(dict.fromkeys(("Print rule", "Frost rule 1", "Frost rule 2"), 0.5))
    bench.changes |= {"memory": store, "trial": trial}
    await bench.run([reply("no")] * 8, memory="read", parameters={"wave": 4, "repairs": 0}, budget={"model_calls": 4})
    assert len(bench.of_type("concepts")) == trial.asked == 1
    assert len(bench.prompts) > 1
    assert len(set(bench.prompts)) == 1


async def test_a_frozen_job_draws_by_its_problem_and_its_seed(bench: Any, reply: Any, store: Any) -> None:
    trial = Tried({"Print rule": 1.0}, hold_out=0.5)
    bench.changes |= {"memory": store, "trial": trial}
    snapshot = await store.snapshot()
    drawn = {}
    for seed in range(6):
        for id in ("one", "two"):
            job = f"{id}-{seed}"
            result = await bench.run(
                [reply("ok")], strategy="single", memory=f"frozen:{snapshot.id}", id=job, seed=seed
            )
            drawn.setdefault(seed, []).append((result.memory, bench.prompts[0]))
    assert all(first == second for first, second in drawn.values())
    assert {use.held_out for (use, _), _ in drawn.values()} == {True, False}
    # What single concepts are worth changes from day to day, and so no snapshot's job asks.
    assert trial.asked == 0


async def test_a_demoted_concept_is_offered_to_few_jobs(bench: Any, reply: Any, store: Any) -> None:
    found = await store.get("Print rule")
    await store.stand(found.id, ConceptStatus.DEMOTED, reason="it does harm", expected_version=found.version)
    assert [hit.concept.content.name for hit in await store.search("print rule ok", limit=1)] == ["Print rule"]
    bench.changes |= {"memory": store, "trial": Tried(hold_out=0.01, probe=0.3)}
    shown = 0
    for number in range(40):
        await bench.run([reply("ok")], strategy="single", memory="read", id=f"job-{number}")
        shown += "Print rule" in bench.prompts[0]
    assert 0 < shown < 30
    bench.changes |= {"trial": None}
    await bench.run([reply("ok")], strategy="single", memory="read", id="untried")
    assert "Print rule" not in bench.prompts[0]


async def test_the_reasons_of_the_choice_are_kept(bench: Any, reply: Any, store: Any) -> None:
    bench.changes |= {"memory": store, "profile": choosing_profile(bench)}
    said = "1: it says what to print\n2. odd numbers are not asked for\n99: no such note\n1"
    result = await bench.run([said, reply("ok")], strategy="single", memory="read")
    (event,) = bench.of_type("concepts")
    assert event.reasons == {
        event.retrieved[0]: "it says what to print",
        event.retrieved[1]: "odd numbers are not asked for",
    }
    assert len(result.memory.chosen) == 1
    assert len(event.related) == 5
    assert f"Related, by name only: {'; '.join(event.related)}" in bench.prompts[1]


def test_reasons_are_lines_that_begin_with_a_number() -> None:
    text = "Let me see.\n 1) fits *well*\n**2**: no\n2: again\n3: \n4 - 17\n5: " + "x" * 300 + "\n1, 2"
    found = reasons_of(text, 5)
    assert found[1] == "fits *well*"
    assert found[2] == "no"
    assert set(found) == {1, 2, 5}
    assert len(found[5]) == 200


async def test_what_the_answer_uses_is_cited(bench: Any, reply: Any, store: Any) -> None:
    bench.changes |= {"memory": store}
    used = f"{reply('ok')}".replace("print()", "print(); emit_word(1)")
    result = await bench.run([used], strategy="single", memory="read")
    (cited,) = result.memory.cited
    assert (await store.get(cited.rpartition(":")[0])).content.name == "Print rule"
    result = await bench.run([reply("ok")], strategy="single", memory="read", id="other")
    assert result.memory.cited == ()
