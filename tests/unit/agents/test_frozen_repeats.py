"""A job that reads a snapshot repeats its result exactly: the same prompts, calls and texts, whatever was learned."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from concept_parts import routine

from solvent.memory.concept import ConceptStatus
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.trial import load_trial
from solvent.memory.vectors import InMemoryVectors
from solvent.models.base import ChatRequest, Chunk
from solvent.models.profiles import ModelProfile
from solvent.models.registry import load_profile
from solvent.models.starter.model import StarterModel
from solvent.problems.problem import IoTest
from solvent.settings import Settings

STATEMENT = "You are given a list of whole numbers.\n1. Apply the Ember order.\nPrint the final list."


class Watched(StarterModel):
    """The bundled model; keeps what it was asked and what it wrote."""

    def __init__(self, profile: ModelProfile) -> None:
        super().__init__(profile)
        self.calls: list[tuple[str, str, int | None]] = []

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        text = ""
        async for chunk in super().stream(request):
            text += chunk.text
            yield chunk
        self.calls.append((request.messages[-1].content, text, request.sampling.seed))


class Trial:
    """Its policy holds out half of the jobs."""

    policy = load_trial(hold_out=0.5)

    async def drop_probabilities(self, concepts: Any) -> Any:
        raise AssertionError("a snapshot's job asks for no changing chances")


@pytest.fixture
async def model() -> AsyncIterator[Watched]:
    made = Watched(load_profile("starter", Settings(config_dir=None)))
    yield made
    await made.aclose()


async def test_a_frozen_job_repeats_its_result(bench: Any, echo: Any, model: Watched) -> None:
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    await store.add_all(
        [routine("Ember order", "sort the numbers in descending order"), routine("Frost cut", "drop the last number")]
    )
    snapshot = await store.snapshot()
    profile = load_profile("starter", Settings(config_dir=None))
    bench.changes |= {"memory": store, "trial": Trial(), "model": model, "profile": profile}
    tests = (IoTest(name="a", stdin="3 1 2", expected="3 2 1"), IoTest(name="b", stdin="5 6", expected="6 5"))
    problem = echo(statement=STATEMENT, public_tests=tests, hidden_tests=())
    outcomes = {}
    for seed in range(4):
        runs = []
        for id in ("first", "second"):
            model.calls.clear()
            result = await bench.run(
                [], problem, id=f"{id}-{seed}", seed=seed, memory=f"frozen:{snapshot.id}",
                parameters={"wave": 1, "repairs": 0, "max_trajectories": 2},
            )  # fmt: skip
            told = result.model_dump(exclude={"job_id": True, "wall_s": True, "usage": {"sandbox_cpu_s"}})
            runs.append((told, sorted(model.calls)))
            # What is learned meanwhile changes nothing.
            ember = await store.get("Ember order")
            status = ConceptStatus.DEMOTED if ember.status is ConceptStatus.ACTIVE else ConceptStatus.ACTIVE
            await store.stand(ember.id, status, reason="test", expected_version=ember.version)
            await store.add(routine(f"Ember order of {id} {seed}", "sort the numbers in ascending order"))
        assert runs[0] == runs[1]
        assert len(runs[0][1]) == 2
        outcomes[seed] = runs[0]
    assert {told["memory"].get("held_out", False) for told, _ in outcomes.values()} == {True, False}
    shown = [calls[0][0] for told, calls in outcomes.values() if "held_out" not in told["memory"]]
    assert all("- Ember order: sort the numbers in descending order" in prompt for prompt in shown)
