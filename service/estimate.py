"""What a batch would take, before any of it is run: bounds that must hold, and what earlier jobs lead one to expect.

Pure. Bounds come from budgets, the strategy's parameters and the model's context. Expectations come from jobs of the
same strategy and model that completed before; without any there are none, and the estimate says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from solvent.agents.job import JobStatus, Outcome
from solvent.agents.strategies.base import StrategyParameters
from solvent.models.profiles import ModelProfile
from solvent.usage import Budget
from solvent.workers.contest import entry_of
from solvent.workers.records import BatchRecord, JobRecord

RESAMPLES = 1000
QUANTILES = (0.1, 0.5, 0.9)
LEAST_JOBS = 5
"""Fewer earlier jobs than this are no ground for an expectation."""


@dataclass(frozen=True)
class Finished:
    """What an earlier job took."""

    tokens: int
    cost: float
    sandbox_cpu_s: float
    wall_s: float
    solved: bool
    same_options: bool
    """It had the parameters and caps of the batch's jobs."""


@dataclass(frozen=True)
class Ground:
    """What the bounds of a team's jobs rest on."""

    parameters: StrategyParameters
    profile: ModelProfile


def finished(record: JobRecord, like: JobRecord) -> Finished | None:
    """Return an earlier job as evidence for one like `like`, or None where it says nothing about it."""
    result, spec, wanted = record.result, record.spec, like.spec
    if result is None or spec is None or wanted is None or record.status is not JobStatus.COMPLETED:
        return None
    if (spec.strategy, spec.model, spec.model_for) != (wanted.strategy, wanted.model, wanted.model_for):
        return None
    usage = result.usage
    return Finished(
        tokens=usage.tokens,
        cost=usage.cost,
        sandbox_cpu_s=usage.sandbox_cpu_s,
        wall_s=result.wall_s,
        solved=result.outcome is Outcome.SOLVED,
        same_options=(spec.parameters, spec.budget) == (wanted.parameters, wanted.budget),
    )


def most_replies(strategy: str, parameters: StrategyParameters) -> int | None:
    """Return the most replies that a job asks for by its strategy; None where the strategy does not say."""
    if strategy == "single":
        return 1
    most = getattr(parameters, "max_trajectories", None)
    return None if most is None else int(most) * (1 + int(getattr(parameters, "repairs", 0)))


def job_bound(ground: Ground, strategy: str, budget: Budget) -> tuple[int | None, float | None]:
    """Return most tokens and most cost of a job; None for no bound."""
    replies = most_replies(strategy, ground.parameters)
    tokens = None if replies is None else replies * ground.profile.context_tokens
    if budget.model_calls is not None:
        by_calls = budget.model_calls * ground.profile.context_tokens
        tokens = by_calls if tokens is None else min(tokens, by_calls)
    if budget.tokens is not None:
        tokens = budget.tokens if tokens is None else min(tokens, budget.tokens)
    prices = ground.profile.prices
    dearest = max(prices.prompt_per_million, prices.completion_per_million) / 1_000_000
    cost = None if tokens is None else tokens * dearest
    if budget.cost is not None:
        cost = budget.cost if cost is None else min(cost, budget.cost)
    return tokens, cost


def estimate(
    batch: BatchRecord,
    jobs: Sequence[JobRecord],
    grounds: Mapping[int, Ground],
    history: Sequence[JobRecord],
    *,
    duplicates: int = 0,
    concurrency: int | None = None,
) -> dict[str, Any]:
    """Return the estimate as JSON values.

    Args:
        batch: as it would be stored.
        jobs: as they would be stored.
        grounds: by team (0 outside a contest).
        history: earlier jobs, newest first; those that are of no use are left out here.
        duplicates: rows that hold a problem which another row holds already.
        concurrency: jobs at once, where that is known.
    """
    planned = [job for job in jobs if job.spec is not None]
    repeats = batch.plan.contest.attempts if batch.plan.contest is not None else 1
    most_tokens, most_cost = _bounds(batch, planned, grounds, repeats)
    return {
        "rows": len({batch.plan.place(job.position).problem for job in jobs}),
        "unreadable": len(jobs) - len(planned),
        "errors": [job.error for job in jobs if job.error][:20],
        "duplicates": duplicates,
        "jobs": len(planned),
        "most_jobs": len(planned) * repeats,
        "at_most": {
            "tokens": _least(most_tokens, batch.budget.tokens),
            "cost": _least(most_cost, batch.budget.cost),
            "time_s": batch.budget.deadline_s,
        },
        "expected": _expected(batch, planned, history, concurrency),
        "allocation": batch.plan.allocation,
        "job_budget": planned[0].spec.budget.model_dump(exclude_none=True) if planned and planned[0].spec else {},
    }


def _bounds(
    batch: BatchRecord, jobs: Sequence[JobRecord], grounds: Mapping[int, Ground], repeats: int
) -> tuple[int | None, float | None]:
    tokens: int | None = 0
    cost: float | None = 0.0
    for job in jobs:
        assert job.spec is not None, "rows that could not be read were left out"
        team = batch.plan.place(job.position).team
        # A round of an allocation may raise a job's caps up to its own limits.
        budget = batch.job_budget if batch.plan.allocation is not None else job.spec.budget
        most, dearest = job_bound(grounds[team], entry_of(batch, team).strategy, budget)
        tokens = None if tokens is None or most is None else tokens + most * repeats
        cost = None if cost is None or dearest is None else cost + dearest * repeats
    return tokens, cost


def _least(bound: float | None, cap: float | None) -> float | None:
    return min((each for each in (bound, cap) if each is not None), default=None)


def _expected(
    batch: BatchRecord, jobs: Sequence[JobRecord], history: Sequence[JobRecord], concurrency: int | None
) -> dict[str, Any]:
    """Return what earlier jobs lead one to expect; of a contest, for one attempt of each team at each problem."""
    if not jobs:
        return {"rests_on": 0, "why": "there is nothing to run"}
    groups: list[tuple[int, list[Finished]]] = []
    for team in range(batch.plan.teams):
        own = [job for job in jobs if batch.plan.place(job.position).team == team]
        found = [each for each in (finished(record, own[0]) for record in history) if each is not None] if own else []
        exact = [each for each in found if each.same_options]
        groups.append((len(own), exact if len(exact) >= LEAST_JOBS else found))
    least = min(len(found) for _, found in groups)
    if least < LEAST_JOBS:
        return {
            "rests_on": least,
            "why": f"fewer than {LEAST_JOBS} jobs of this strategy and model completed here: only bounds are known",
        }
    alike = all(each.same_options for _, found in groups for each in found)
    totals = {name: _total(groups, name, batch.seed) for name in ("tokens", "cost", "sandbox_cpu_s", "wall_s")}
    wall = totals.pop("wall_s")
    cap = batch.budget
    clipped = {
        "tokens": _clip(totals["tokens"], cap.tokens),
        "cost": _clip(totals["cost"], cap.cost),
        "sandbox_cpu_s": _clip(totals["sandbox_cpu_s"], cap.sandbox_cpu_s),
    }
    if concurrency:
        clipped["time_s"] = _clip({name: value / concurrency for name, value in wall.items()}, cap.deadline_s)
    return {
        "rests_on": sum(len(found) for _, found in groups),
        "same_options": alike,
        "solved": round(float(np.mean([each.solved for _, found in groups for each in found])), 4),
        "per_job_tokens": _quantiles([each.tokens for _, found in groups for each in found]),
        "per_job_s": _quantiles([each.wall_s for _, found in groups for each in found]),
        **clipped,
    }


def _total(groups: Sequence[tuple[int, Sequence[Finished]]], name: str, seed: int) -> dict[str, float]:
    """Return mean and range (80 %) of the sum over all jobs, each drawn from the earlier ones of its team."""
    drawn = np.random.default_rng(seed)
    sums = np.zeros(RESAMPLES)
    for jobs, found in groups:
        data = np.asarray([getattr(each, name) for each in found], dtype=float)
        # The sum of many draws is near enough to normal; drawing 100,000 jobs a thousand times is not needed.
        if jobs > 1000:
            sums += jobs * data.mean() + drawn.normal(0.0, 1.0, RESAMPLES) * data.std() * np.sqrt(jobs)
        else:
            sums += data[drawn.integers(0, len(data), (RESAMPLES, jobs))].sum(axis=1)
    low, high = np.quantile(sums, (QUANTILES[0], QUANTILES[-1]))
    return {"mean": float(sums.mean()), "low": float(max(0.0, low)), "high": float(high)}


def _clip(range_: Mapping[str, float], cap: float | None) -> dict[str, float]:
    return {name: round(value if cap is None else min(value, cap), 4) for name, value in range_.items()}


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    found = np.quantile(np.asarray(values, dtype=float), QUANTILES)
    return {f"p{round(q * 100)}": round(float(value), 3) for q, value in zip(QUANTILES, found, strict=True)}
