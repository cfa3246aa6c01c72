"""How the ledger's script reads and writes amounts, caps and keys (`redis_ledger.lua`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from solvent.agents.budget import from_nano, nano
from solvent.usage import Budget, Usage

MICRO = 1_000_000
_EPOCH = date(1970, 1, 1).toordinal()


def amounts_of(usage: Usage) -> tuple[int, ...]:
    """Return the seven amounts in the script's order, CPU seconds and cost in nano units."""
    return (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.model_calls,
        usage.trajectories,
        usage.sandbox_runs,
        nano(usage.sandbox_cpu_s),
        nano(usage.cost),
    )


def sum_of(amounts: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the sum of amounts, place by place."""
    return tuple(sum(column) for column in zip(*amounts, strict=True))


def text_of(amounts: Sequence[int]) -> str:
    """Return amounts as the script takes them."""
    return " ".join(map(str, amounts))


def usage_of(text: str) -> Usage:
    """Return amounts that the script wrote."""
    prompt, completion, calls, trajectories, runs, cpu, cost = map(int, text.split())
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        model_calls=calls,
        trajectories=trajectories,
        sandbox_runs=runs,
        sandbox_cpu_s=from_nano(cpu),
        cost=from_nano(cost),
    )


def caps_text(budget: Budget) -> str:
    """Return the caps of a budget as the script takes them."""
    caps = (
        budget.tokens,
        budget.completion_tokens,
        budget.model_calls,
        budget.trajectories,
        None if budget.sandbox_cpu_s is None else nano(budget.sandbox_cpu_s),
        None if budget.cost is None else nano(budget.cost),
        None if budget.deadline_s is None else max(1, micro(min(budget.deadline_s, 1e9))),
    )
    return " ".join("-" if cap is None else str(cap) for cap in caps)


def micro(seconds: float) -> int:
    """Return seconds in whole microseconds."""
    return round(seconds * MICRO)


def day_text(day: int) -> str:
    """Return a day, counted from 1970-01-01, in ISO 8601."""
    return date.fromordinal(_EPOCH + day).isoformat()


def day_number(day: str) -> int:
    """Return the number of a day in ISO 8601."""
    return date.fromisoformat(day).toordinal() - _EPOCH


class Keys:
    """Names in Redis. The braces keep all of a ledger in one slot of a Redis cluster, as one script needs it."""

    def __init__(self, namespace: str) -> None:
        self._prefix = f"{{{namespace}:ledger}}"
        self.common = (f"{self._prefix}:run", f"{self._prefix}:holders")

    def account(self, scope: str, day: str | None) -> str:
        """Return the key of a scope's account, or of its account of a day."""
        return f"{self._prefix}:scope:{scope}" if day is None else f"{self._prefix}:day:{day}:{scope}"

    def build(self, name: str) -> str:
        """Return the key of an attempt to build an account."""
        return f"{self._prefix}:build:{name}"
