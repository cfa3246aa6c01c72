"""What a job's search leaves of its cap for writing down what it taught."""

from __future__ import annotations

from typing import Any

import pytest

from solvent.agents.job import JobResult, Outcome, StopReason
from solvent.agents.learned import LearnedStatus
from solvent.agents.lessons import Learner, LearnRules
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.models.base import ChatRequest
from solvent.usage import Budget

CAP = 3000
ONE_AFTER_THE_OTHER = {"wave": 1, "repairs": 0, "max_trajectories": 64}
CONCEPT = "concept: Print rule\nkind: routine\nsummary: print the word that is asked for"


@pytest.fixture
def live(bench: Any) -> Any:
    store = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    bench.changes.update(memory=store, learner=Learner(store, LearnRules(share=1.0, reserve=0.25)))
    return bench


async def solve(live: Any, reply: Any, *said: str, **spec: Any) -> JobResult:
    """Run a job whose programs print these one after another, and the last one for ever."""
    left = list(said)

    def script(request: ChatRequest) -> str:
        prompt = request.messages[-1].content
        if "Which ideas" in prompt:
            return CONCEPT
        if "pseudocode:" in prompt:
            return "summary: prints a word\npseudocode:\n```\nprint the word\n```"
        return str(reply(left.pop(0) if len(left) > 1 else left[0]))

    values = {"memory": "live", "parameters": ONE_AFTER_THE_OTHER, "budget": Budget(tokens=CAP)}
    result: JobResult = await live.run(script, **{**values, **spec})
    return result


async def test_a_search_that_finds_nothing_ends_before_the_reserve(live: Any, reply: Any) -> None:
    result = await solve(live, reply, "no")
    assert (result.outcome, result.stop_reason) == (Outcome.EXHAUSTED, StopReason.CAP_TOKENS)
    assert 0.6 * CAP < result.usage.tokens <= 0.75 * CAP
    # What was given up is not held.
    assert await live.ledger.usage("job") == result.usage
    without = await solve(live, reply, "no", memory="off", id="other")
    assert without.usage.tokens > 0.75 * CAP


async def test_what_is_found_late_is_still_written(live: Any, reply: Any) -> None:
    unsolved = await solve(live, reply, "no")
    # The last attempt that the search may make is the one that succeeds.
    said = [*["no"] * (unsolved.usage.trajectories - 2), "ok"]
    result = await solve(live, reply, *said, id="late")
    assert result.outcome is Outcome.SOLVED
    assert result.learned is not None
    assert (result.learned.status, result.learned.names) == (LearnedStatus.WRITTEN, ("Print rule",))
    assert result.usage.tokens <= CAP


async def test_gone_through_again_it_ends_the_same(live: Any, reply: Any) -> None:
    result = await solve(live, reply, "no")
    again = await solve(live, reply, "no")
    assert (again.usage, again.stop_reason) == (result.usage, result.stop_reason)


async def test_a_job_without_a_cap_is_not_held_back(live: Any, reply: Any) -> None:
    result = await solve(live, reply, *["no"] * 20, "ok", budget=Budget(trajectories=30))
    assert (result.outcome, result.usage.trajectories) == (Outcome.SOLVED, 21)
