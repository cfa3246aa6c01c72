"""What a trajectory recalls, what its prompts show of it, and what happens where the memory does not answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from concept_parts import insight, routine

from solvent.agents import choosing, recall
from solvent.agents.job import JobSpec, JobStatus
from solvent.agents.job_parts import fingerprint, prepare
from solvent.agents.recalled import Recalled, snapshot_of
from solvent.errors import ConfigError, MemoryUnavailable
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.models.base import Message, Role
from solvent.models.profiles import ModelProfile
from solvent.models.scripted import ScriptedModel


@pytest.fixture
async def store() -> ConceptStore:
    made = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await made.add_all(
        [
            routine("Print rule", "print the word ok in small letters"),
            insight("Large answers", "the answer may be huge", "take the remainder"),
            routine("Ember rule", "add 3 to every number"),
            routine("Frost rule", "print every odd number"),
        ]
    )
    return made


class Away:
    """A memory whose index does not answer."""

    async def search(self, query: str, **_: Any) -> list[Any]:
        raise MemoryUnavailable("cannot search (Chroma at 127.0.0.1:1)")


def profile(bench: Any, *roles: Role) -> ModelProfile:
    return bench.profile.model_copy(update={"roles": roles} if roles else {})


async def test_the_best_concepts_are_shown_in_the_form_of_the_prompt_style(bench: Any, reply: Any, store: Any) -> None:
    bench.changes["memory"] = store
    result = await bench.run([reply("ok")], strategy="single", memory="read")
    (event,) = bench.of_type("concepts")
    assert event.names == ("Print rule",)
    assert len(event.retrieved) == 4
    assert "- Print rule: print the word ok in small letters\n" in bench.prompts[0]
    assert result.memory is not None
    assert result.memory.policy == "read"
    assert result.memory.chosen == event.chosen
    assert result.memory.chosen == result.memory.retrieved[:1]
    assert result.memory.note == ""


async def test_a_repair_is_shown_the_same_concepts(bench: Any, reply: Any, store: Any) -> None:
    bench.changes["memory"] = store
    await bench.run([reply("no"), reply("ok")], parameters={"wave": 1}, memory="read")
    assert len(bench.of_type("concepts")) == 1
    assert all("- Print rule: print the word ok" in prompt for prompt in bench.prompts)
    assert len(bench.prompts) == 2


async def test_a_frozen_job_reads_its_snapshot(bench: Any, reply: Any, store: Any) -> None:
    bench.changes["memory"] = store
    snapshot = await store.snapshot()
    await store.update("Print rule", routine("Print rule", "print the word ok twice"))
    result = await bench.run([reply("ok")], strategy="single", memory=f"frozen:{snapshot.id}")
    assert result.memory.snapshot == snapshot.id
    assert "print the word ok in small letters" in bench.prompts[0]


async def test_a_memory_that_does_not_answer_stops_no_job(bench: Any, reply: Any) -> None:
    bench.changes["memory"] = Away()
    result = await bench.run([reply("ok")], strategy="single", memory="read")
    assert result.status is JobStatus.COMPLETED
    (event,) = bench.of_type("concepts")
    assert event.note == "without concepts: cannot search (Chroma at 127.0.0.1:1)"
    assert result.memory.note == event.note
    assert result.memory.chosen == ()
    assert "```\nnone\n```" in bench.prompts[0]


async def test_a_memory_that_hangs_is_waited_for_no_longer_than_is_said(
    bench: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging:
        async def search(self, query: str, **_: Any) -> list[Any]:
            await asyncio.Event().wait()
            return []

    monkeypatch.setattr(recall, "SEARCH_TIMEOUT_S", 0.01)
    bench.changes["memory"] = Hanging()
    result = await bench.run([reply("ok")], strategy="single", memory="read")
    assert result.status is JobStatus.COMPLETED
    assert result.memory.note == "without concepts: the memory did not answer within 0.01 s"


async def test_the_model_chooses_where_its_profile_names_the_role(bench: Any, reply: Any, store: Any) -> None:
    bench.changes["memory"] = store
    bench.changes["profile"] = profile(bench, "solve", "refine", "choose")
    result = await bench.run(["Only the second fits.\n2", reply("ok")], strategy="single", memory="read")
    choosing, solving = bench.prompts
    offered = [line for line in choosing.splitlines() if line.startswith("2. ")]
    assert len(result.memory.chosen) == 1
    assert result.memory.chosen[0] == result.memory.retrieved[1]
    assert f"- {offered[0][3:]}\n" in solving
    assert result.usage.model_calls == 2


@pytest.mark.parametrize("said", ["none of this", "17", ""])
async def test_a_choice_that_cannot_be_read_leaves_the_best_ones(bench: Any, reply: Any, store: Any, said: str) -> None:
    bench.changes["memory"] = store
    bench.changes["profile"] = profile(bench, "solve", "choose")
    result = await bench.run([said, reply("ok")], strategy="single", memory="read")
    assert result.memory.chosen == result.memory.retrieved[:1]
    assert "the best ones by search" in result.memory.note


async def test_choosing_nothing_shows_nothing(bench: Any, reply: Any, store: Any) -> None:
    bench.changes["memory"] = store
    bench.changes["profile"] = profile(bench, "solve", "choose")
    result = await bench.run(["none", reply("ok")], strategy="single", memory="read")
    assert (result.memory.chosen, result.memory.note) == ((), "")
    assert "```\nnone\n```" in bench.prompts[-1]


async def test_choosing_takes_no_large_part_of_a_budget(bench: Any, reply: Any, store: Any) -> None:
    bench.changes["memory"] = store
    bench.changes["profile"] = profile(bench, "solve", "choose")
    result = await bench.run([reply("ok")], strategy="single", memory="read", budget={"tokens": 3000})
    assert "too much of the budget" in result.memory.note
    assert result.usage.model_calls == 1


async def test_concepts_take_their_share_of_a_prompt_and_no_more(
    bench: Any, reply: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = (await ScriptedModel([]).count_prompt_tokens([Message(role="user", content="p " * 250)])) * 2.5
    monkeypatch.setattr(choosing, "PROMPT_SHARE", room / ScriptedModel([]).info.context_tokens)
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await store.add_all([routine(f"Print rule {number}", "p " * 250) for number in range(3)])
    bench.changes["memory"] = store
    statement = "Print ok by Print rule 0, Print rule 1 and Print rule 2."
    result = await bench.run([reply("ok")], echo(statement=statement), strategy="single", memory="read")
    shown = len(result.memory.chosen)
    assert shown == 2
    assert f"{3 - shown} left out" in result.memory.note
    assert bench.prompts[0].count("- Print rule") == shown


async def test_what_was_recalled_stays_when_a_run_is_gone_through_again(
    bench: Any, reply: Any, store: Any, echo: Any
) -> None:
    bench.changes["memory"] = store
    await bench.run([reply("ok")], strategy="single", memory="read")
    # As a process that was killed before its checkpoint: what is left of the run is in the ledger.
    deps = bench.deps()
    job = prepare(JobSpec(id="job", problem=echo(), strategy="single", memory="read"), deps, bench.events.append)

    async def never() -> str:
        raise AssertionError("the memory is asked again")

    record = Recalled.model_validate_json(await job.context.calls.once("memory/recall", never))
    assert tuple(f"{one.id}:{one.version}" for one in record.chosen) == bench.of_type("concepts")[0].chosen


async def test_a_job_that_came_to_nothing_says_what_it_was_shown(bench: Any, store: Any) -> None:
    bench.changes["memory"] = store
    parameters = {"wave": 1, "repairs": 0, "max_trajectories": 2}
    result = await bench.run(["no program", "none either"], memory="read", parameters=parameters)
    assert result.answer is None
    assert len(result.memory.chosen) == 1


async def test_a_policy_without_a_memory_is_refused(bench: Any, reply: Any) -> None:
    with pytest.raises(ConfigError, match="no memory is open"):
        await bench.run([reply("ok")], strategy="single", memory="read")


async def test_a_job_without_a_policy_never_asks(bench: Any, reply: Any) -> None:
    bench.changes["memory"] = Away()
    result = await bench.run([reply("ok")])
    assert result.memory is None
    assert bench.of_type("concepts") == []


@pytest.mark.parametrize("policy", ["", "frozen", "frozen:", "frozen:../x", "on", "frozen:snap-XYZ"])
def test_unknown_policies_are_refused(policy: str) -> None:
    with pytest.raises(ConfigError, match="policy"):
        snapshot_of(policy)


def test_a_job_without_memory_is_stored_as_before(echo: Any) -> None:
    plain = JobSpec(id="job", problem=echo())
    assert '"memory":' not in plain.model_dump_json()
    assert '"memory":"read"' in plain.model_copy(update={"memory": "read"}).model_dump_json()
    assert fingerprint(plain) != fingerprint(plain.model_copy(update={"memory": "read"}))
