"""The budget decision: pure, so every cap is checked against every ask."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.budget import Account, Ask, Granted, Refused, decide
from solvent.agents.job import StopReason
from solvent.usage import Budget, Usage


def one(budget: Budget, spent: Usage, ask: Ask, **more: Any) -> Granted | Refused:
    return decide([Account("job", budget, spent, **more)], ask)


def test_no_cap_grants_everything() -> None:
    ask = Ask(fixed=Usage(prompt_tokens=10, model_calls=1), max_tokens=100, samples=3)
    granted = one(Budget(), Usage(), ask)
    assert granted == Granted(Usage(prompt_tokens=10, completion_tokens=300, model_calls=1), 100)


def test_max_tokens_is_clipped_to_what_the_cap_still_allows() -> None:
    ask = Ask(fixed=Usage(prompt_tokens=10, model_calls=1), max_tokens=100, floor=16)
    granted = one(Budget(tokens=100), Usage(prompt_tokens=40), ask)
    assert isinstance(granted, Granted)
    assert granted.max_tokens == 50


def test_below_the_floor_is_refused() -> None:
    ask = Ask(fixed=Usage(prompt_tokens=10), max_tokens=100, floor=16)
    assert one(Budget(tokens=100), Usage(prompt_tokens=75), ask) == Refused(StopReason.CAP_TOKENS, "job")


def test_a_wish_below_the_floor_is_its_own_floor() -> None:
    ask = Ask(max_tokens=4, floor=16)
    assert isinstance(one(Budget(tokens=4), Usage(), ask), Granted)


def test_the_tighter_of_job_and_batch_decides() -> None:
    ask = Ask(fixed=Usage(model_calls=1), max_tokens=50, floor=10)
    accounts = [
        Account("job", Budget(tokens=100), Usage()),
        Account("batch", Budget(tokens=60), Usage(prompt_tokens=30)),
    ]
    granted = decide(accounts, ask)
    assert isinstance(granted, Granted)
    assert granted.max_tokens == 30
    full = [accounts[0], Account("batch", Budget(tokens=60), Usage(prompt_tokens=60))]
    assert decide(full, ask) == Refused(StopReason.CAP_TOKENS, "batch")


def test_every_cap_has_its_stop_reason() -> None:
    cases = [
        (Budget(trajectories=1), Usage(trajectories=1), Ask(fixed=Usage(trajectories=1)), StopReason.CAP_TRAJECTORIES),
        (Budget(model_calls=1), Usage(model_calls=1), Ask(fixed=Usage(model_calls=1)), StopReason.CAP_CALLS),
        (Budget(completion_tokens=9), Usage(completion_tokens=9), Ask(max_tokens=5), StopReason.CAP_TOKENS),
        (Budget(sandbox_cpu_s=2), Usage(sandbox_cpu_s=1), Ask(fixed=Usage(sandbox_cpu_s=1.5)), StopReason.CAP_SANDBOX),
        (Budget(cost=1.0), Usage(cost=0.9), Ask(max_tokens=10, floor=8, token_cost=0.05), StopReason.CAP_COST),
    ]
    for budget, spent, ask, reason in cases:
        assert one(budget, spent, ask) == Refused(reason, "job")


def test_a_call_of_another_unit_passes_a_full_cap() -> None:
    assert isinstance(one(Budget(tokens=5), Usage(prompt_tokens=5), Ask(fixed=Usage(sandbox_cpu_s=1))), Granted)


def test_after_the_deadline_everything_is_refused() -> None:
    assert one(Budget(deadline_s=3), Usage(), Ask(), elapsed_s=3.0) == Refused(StopReason.DEADLINE, "job")
    assert isinstance(one(Budget(deadline_s=3), Usage(), Ask(), elapsed_s=2.9), Granted)


def test_an_overrun_refuses_model_calls_only_where_a_cap_holds() -> None:
    ask = Ask(fixed=Usage(model_calls=1), max_tokens=5)
    assert one(Budget(tokens=10**9), Usage(), ask, overrun=True) == Refused(StopReason.CAP_TOKENS, "job")
    assert one(Budget(cost=1e9), Usage(), ask, overrun=True) == Refused(StopReason.CAP_COST, "job")
    assert isinstance(one(Budget(), Usage(), ask, overrun=True), Granted)


amounts = st.integers(0, 400)
caps = st.none() | st.integers(0, 500)


@given(caps, caps, caps, amounts, amounts, amounts, st.integers(0, 300), st.integers(1, 50), st.integers(1, 4))
def test_a_grant_never_passes_a_cap_and_is_the_largest_that_does_not(
    tokens: int | None,
    completion: int | None,
    batch: int | None,
    spent_prompt: int,
    spent_completion: int,
    prompt: int,
    max_tokens: int,
    floor: int,
    samples: int,
) -> None:
    spent = Usage(prompt_tokens=spent_prompt, completion_tokens=spent_completion)
    ask = Ask(fixed=Usage(prompt_tokens=prompt), max_tokens=max_tokens, floor=floor, samples=samples)
    budgets = [Budget(tokens=tokens, completion_tokens=completion), Budget(tokens=batch)]
    answer = decide([Account("job", budgets[0], spent), Account("batch", budgets[1], spent)], ask)

    def fits(generated: int) -> bool:
        after = spent + Usage(prompt_tokens=prompt, completion_tokens=generated * samples)
        return all(
            (prompt == 0 and generated == 0)
            or (
                (budget.tokens is None or after.tokens <= budget.tokens)
                and (
                    budget.completion_tokens is None
                    or generated == 0
                    or after.completion_tokens <= budget.completion_tokens
                )
            )
            for budget in budgets
        )

    if isinstance(answer, Granted):
        assert fits(answer.max_tokens)
        assert answer.max_tokens == max_tokens or not fits(answer.max_tokens + 1)
        assert answer.max_tokens >= min(floor, max_tokens)
    else:
        assert not fits(min(floor, max_tokens))


def test_a_price_that_is_nearly_nothing_allows_nothing_where_nothing_is_left() -> None:
    ask = Ask(fixed=Usage(model_calls=1), max_tokens=10, floor=1, token_cost=5e-324)
    assert one(Budget(cost=0.0), Usage(cost=2e-9), ask) == Refused(StopReason.CAP_COST, "job")
    assert isinstance(one(Budget(cost=1.0), Usage(), ask), Granted)
