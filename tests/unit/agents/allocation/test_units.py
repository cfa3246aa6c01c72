"""Units: what sums of shares keep, every cap keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.agents.allocation.units import Units
from solvent.errors import ConfigError
from solvent.usage import Budget, Usage

CAPS = st.none() | st.integers(1, 10_000)
MONEY = st.none() | st.integers(1, 10_000).map(lambda cents: cents / 100)
BUDGETS = st.builds(Budget, tokens=CAPS, completion_tokens=CAPS, cost=MONEY, sandbox_cpu_s=MONEY)


def shared(budget: Budget) -> bool:
    return any(
        each is not None for each in (budget.tokens, budget.completion_tokens, budget.cost, budget.sandbox_cpu_s)
    )


@given(batch=BUDGETS.filter(shared), job=BUDGETS, parts=st.lists(st.integers(1, 100), min_size=1, max_size=10))
def test_shares_together_never_pass_a_cap(batch: Budget, job: Budget, parts: list[int]) -> None:
    units = Units(batch, job)
    budgets = [units.budget(units.cap * part // sum(parts)) for part in parts]

    for name in ("tokens", "completion_tokens", "cost", "sandbox_cpu_s"):
        cap, own = getattr(batch, name), getattr(job, name)
        given_ = [getattr(budget, name) for budget in budgets]
        if cap is not None:
            assert sum(given_) <= cap + 1e-6
        if own is not None:
            assert all(amount <= own for amount in given_)


@given(batch=BUDGETS.filter(shared), job=BUDGETS, units_=st.integers(0, 10_000))
def test_what_was_granted_is_read_back_and_never_as_more(batch: Budget, job: Budget, units_: int) -> None:
    units = Units(batch, job)
    share = min(units_, units.cap, units.limit if units.limit is not None else units.cap)

    back = units.granted(units.budget(share))

    assert back <= share
    # A job that has spent all of its budget holds no more than its share.
    budget = units.budget(share)
    most = [cap for cap in (budget.tokens, budget.completion_tokens) if cap is not None]
    assert units.spent(Usage(completion_tokens=min(most, default=0))) <= share


@given(batch=BUDGETS.filter(shared), job=BUDGETS, units_=st.integers(0, 10_000))
def test_reading_back_loses_at_most_the_rounding(batch: Budget, job: Budget, units_: int) -> None:
    units = Units(batch, job)
    share = min(units_, units.cap)
    own = getattr(job, units.leading)

    back = units.granted(units.budget(share))

    # Of the leading cap a share is exact, as far as the job's own cap allows it.
    if own is None:
        assert back >= share


@pytest.mark.parametrize("budget", [Budget(), Budget(deadline_s=60), Budget(model_calls=5), Budget(tokens=0)])
def test_a_budget_that_cannot_be_shared_is_refused(budget: Budget) -> None:
    with pytest.raises(ConfigError, match="shared"):
        Units(budget, Budget())


def test_a_share_holds_for_every_cap() -> None:
    units = Units(Budget(tokens=1000, cost=2.0, model_calls=7, deadline_s=60), Budget(tokens=300, trajectories=4))

    assert units.budget(250) == Budget(tokens=250, cost=0.5, trajectories=4)
    assert units.budget(500) == Budget(tokens=300, cost=1.0, trajectories=4)
    assert units.limit == 300
    assert units.spent(Usage(completion_tokens=100, cost=0.4)) == 200
