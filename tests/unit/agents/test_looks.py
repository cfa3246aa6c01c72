"""A job that is given another share of its batch's budget asks a memory that grows anew; what it wrote before stays."""

from __future__ import annotations

from typing import Any

import pytest
from concept_parts import routine

from solvent.agents.job import JobSpec, Outcome
from solvent.agents.job_parts import fingerprint, prepare
from solvent.agents.replaying import shown_throughout
from solvent.memory.concept import Content
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.models.base import ChatRequest

PROBLEM = "Print ok by the print rule and by the other rule."
ONE, OTHER = routine("Print rule", "print a word"), routine("Other rule", "make it small")
PARAMETERS = {"wave": 2, "repairs": 0, "max_trajectories": 64}


@pytest.fixture
async def store() -> ConceptStore:
    made = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await made.add(ONE)
    return made


class Shares:
    """A job with one share of its budget after the other; its model is right where a prompt shows `OTHER`."""

    def __init__(self, bench: Any, reply: Any, echo: Any, store: ConceptStore) -> None:
        bench.changes["memory"] = store
        self.bench, self.problem = bench, echo(statement=PROBLEM)
        self._reply = reply

    async def run(self, share: int, model_calls: int, **spec: Any) -> Any:
        def script(request: ChatRequest) -> str:
            return str(self._reply("ok" if OTHER.summary in request.messages[-1].content else "no"))

        given = {"memory": "read", "parameters": PARAMETERS, "budget": {"tokens": 250 * model_calls}, **spec}
        return await self.bench.run(script, self.problem, share=share, **given)

    def spec(self, share: int) -> JobSpec:
        return JobSpec(id="job", problem=self.problem, share=share, memory="read", parameters=PARAMETERS)


@pytest.fixture
def shares(bench: Any, reply: Any, echo: Any, store: ConceptStore) -> Shares:
    return Shares(bench, reply, echo, store)


def names(shares: Shares) -> list[tuple[str, ...]]:
    return [event.names for event in shares.bench.of_type("concepts")]


async def test_with_another_share_the_job_sees_what_was_learned_meanwhile(shares: Shares, store: ConceptStore) -> None:
    first = await shares.run(1, 3)
    assert first.outcome is Outcome.EXHAUSTED
    spent = first.usage
    await store.add(OTHER)

    second = await shares.run(2, 8)

    assert second.outcome is Outcome.SOLVED
    assert [sorted(shown) for shown in names(shares)] == [["Print rule"], ["Other rule", "Print rule"]]
    assert len(first.memory.chosen) == 1
    assert set(first.memory.chosen) < set(second.memory.chosen)
    # What was written before is not asked for again, and what is new has the new prompt.
    assert all(OTHER.summary in prompt for prompt in shares.bench.prompts)
    assert second.usage.model_calls == spent.model_calls + len(shares.bench.prompts)


async def test_what_was_written_before_keeps_what_it_was_shown(shares: Shares, store: ConceptStore) -> None:
    first = await shares.run(1, 3)
    await store.add(Content.model_validate({**OTHER.model_dump(), "summary": "make it large"}))
    second = await shares.run(2, 5)
    assert second.outcome is Outcome.EXHAUSTED
    assert second.usage.trajectories > first.usage.trajectories
    job = prepare(shares.spec(2), shares.bench.deps(), lambda _: None)

    async def never() -> str:
        raise AssertionError("it was not asked")

    begun = [f"t{number}" for number in range(second.usage.trajectories)]
    looks = [await job.context.calls.once(f"memory/look/{name}", never) for name in begun]
    wrote = first.usage.model_calls
    assert 0 < wrote < first.usage.trajectories
    assert looks == ["1"] * wrote + ["2"] * (len(begun) - wrote)


async def test_gone_through_again_a_share_shows_the_same(shares: Shares, store: ConceptStore) -> None:
    await shares.run(1, 3)
    await shares.run(2, 5)
    await store.add(OTHER)
    shares.bench.events.clear()
    third = await shares.run(2, 5)
    assert (shares.bench.prompts, names(shares)) == ([], [])
    assert third.outcome is Outcome.EXHAUSTED


async def test_only_what_was_shown_all_the_time_counts_as_shown(shares: Shares, store: ConceptStore) -> None:
    await shares.run(1, 3)
    await store.add(OTHER)
    await shares.run(2, 8)
    job = prepare(shares.spec(2), shares.bench.deps(), lambda _: None)
    assert [one.name for one in await shown_throughout(job.context)] == ["Print rule"]


def test_a_share_is_stored_where_there_are_several_and_changes_no_fingerprint(shares: Shares) -> None:
    first, second = shares.spec(1), shares.spec(2)
    assert '"share"' not in first.model_dump_json()
    assert '"share":2' in second.model_dump_json()
    assert fingerprint(first) == fingerprint(second)
