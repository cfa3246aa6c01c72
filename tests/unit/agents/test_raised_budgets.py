"""Jobs that a cap ended, and that go on with a larger one: nothing is spent twice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from solvent.agents.job import JobResult, JobStatus, Outcome, StopReason
from solvent.agents.job_parts import may_go_on
from solvent.usage import Budget, Usage

Block = Callable[[str], str]
FRESH = {"wave": 1, "repairs": 0}


async def test_a_job_goes_on_where_its_cap_stopped_it(bench: Any, reply: Block) -> None:
    bench.profile = bench.profile.model_copy(update={"prompts": "starter"})
    replies = [reply("no"), reply("still no"), reply("ok")]
    whole = await bench.run(replies, parameters=FRESH, id="whole")
    cap = whole.usage.tokens * 2 // 3

    first = await bench.run(replies[:2], parameters=FRESH, budget=Budget(tokens=cap))
    assert (first.outcome, first.stop_reason) == (Outcome.EXHAUSTED, StopReason.CAP_TOKENS)
    assert first.usage.tokens <= cap
    made = first.usage.model_calls
    second = await bench.run(replies[made:], parameters=FRESH, budget=Budget(tokens=10 * cap))

    assert second.outcome is Outcome.SOLVED
    assert len(bench.model.requests) == second.usage.model_calls - made, "earlier replies are read from the store"
    assert second.usage.tokens >= first.usage.tokens
    # It has ended now, whatever it is given.
    assert await bench.run([], parameters=FRESH, budget=Budget(tokens=20 * cap)) == second


async def test_a_job_that_has_all_that_it_may_have_comes_to_the_same_end(bench: Any, reply: Block) -> None:
    bench.profile = bench.profile.model_copy(update={"prompts": "starter"})
    budget = Budget(tokens=130)
    first = await bench.run(lambda _: reply("no"), parameters=FRESH, budget=budget)
    assert first.outcome is Outcome.EXHAUSTED

    again = await bench.run([], parameters=FRESH, budget=budget)

    assert (again.outcome, again.answer, again.usage.tokens) == (first.outcome, first.answer, first.usage.tokens)
    assert bench.model.requests == []


def ended(reason: StopReason, outcome: Outcome = Outcome.EXHAUSTED) -> JobResult:
    return JobResult(
        job_id="j",
        problem_id="p",
        status=JobStatus.COMPLETED,
        outcome=outcome,
        stop_reason=reason,
        usage=Usage(prompt_tokens=50, completion_tokens=50, cost=1.0, sandbox_cpu_s=2.0),
    )


@pytest.mark.parametrize(
    ("reason", "budget", "goes_on"),
    [
        (StopReason.CAP_TOKENS, Budget(tokens=100), False),
        (StopReason.CAP_TOKENS, Budget(tokens=101), True),
        (StopReason.CAP_TOKENS, Budget(tokens=500, completion_tokens=50), False),
        (StopReason.CAP_TOKENS, Budget(), True),
        (StopReason.CAP_COST, Budget(cost=1.0), False),
        (StopReason.CAP_COST, Budget(cost=1.5), True),
        (StopReason.CAP_SANDBOX, Budget(sandbox_cpu_s=3.0), True),
        (StopReason.CAP_CALLS, Budget(model_calls=9), False),
        (StopReason.DEADLINE, Budget(), False),
    ],
)
def test_only_a_cap_that_was_raised_lets_a_job_go_on(reason: StopReason, budget: Budget, goes_on: bool) -> None:
    assert may_go_on(ended(reason), budget) is goes_on
    assert not may_go_on(ended(reason, Outcome.SOLVED), budget)
    assert not may_go_on(ended(reason, Outcome.UNSOLVED), budget)
