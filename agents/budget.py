"""Budget ledger: nothing is spent that was not reserved, and nothing that was reserved is forgotten.

Life of a call: `reserve` (its worst case counts as spent from now on) -> do it -> `commit` (what it really used takes
the reservation's place) or `release` (it is known that nothing was generated). A call that never gets to its end,
whatever killed it, stays spent at its full reservation. So the caps of a budget hold through any crash.

Calls have deterministic ids: a job that is resumed asks for the same ids, and gets what was committed before
(`Settled`) instead of spending twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from solvent.agents.job import StopReason
from solvent.usage import Budget, Usage

NOTHING = Usage()
NANO = 1_000_000_000
SLACK = 1
"""Nano units by which seconds and cost may pass their caps, so that the rounding of one amount decides nothing."""


def nano(amount: float) -> int:
    """Return seconds or cost in whole nano units: what caps are compared in, since sums of whole numbers never drift.

    It undoes `from_nano` exactly up to 2**51 nano units (2.2 million seconds, or units of the currency); what is above
    2**62 (also infinity) counts as 2**62.
    """
    return math.floor(min(amount * NANO, 2.0**62) + 0.5)


def from_nano(amount: int) -> float:
    """Return nano units as seconds or cost."""
    return amount / NANO


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ask(_Frozen):
    """Worst case of one call.

    The generated tokens are elastic: where a cap does not allow `max_tokens` any more, fewer are granted, but never
    fewer than `floor`.
    """

    fixed: Usage = Usage()
    """Everything but generated tokens and their cost: an upper bound of the prompt, the call itself, CPU seconds."""
    max_tokens: int = Field(default=0, ge=0)
    """Completion tokens wanted per sample; 0 for a call that generates nothing."""
    floor: int = Field(default=1, ge=1)
    """Fewest completion tokens per sample that are worth a call."""
    samples: int = Field(default=1, ge=1)
    token_cost: float = Field(default=0.0, ge=0)
    """Cost of one completion token."""


@dataclass(frozen=True)
class Granted:
    """The call may be made, with at most `max_tokens` completion tokens per sample."""

    reserved: Usage
    max_tokens: int = 0


@dataclass(frozen=True)
class Refused:
    """The call may not be made: `reason` names the cap, `scope` whose cap it is (the job's, its batch's, its key's)."""

    reason: StopReason
    scope: str


@dataclass(frozen=True)
class Settled:
    """The call was committed before: what it used and where its result lies. Making it again would spend twice."""

    used: Usage
    artifact: str | None
    note: dict[str, JsonValue]


@dataclass(frozen=True)
class Unfinished:
    """The call was reserved before and never ended: it stays spent. Try again under the next attempt's id."""


Reservation = Granted | Refused | Settled | Unfinished


@dataclass(frozen=True)
class Account:
    """One scope as the decision sees it: its caps, and what is spent (committed and in flight together)."""

    scope: str
    budget: Budget
    spent: Usage
    elapsed_s: float = 0.0
    overrun: bool = False
    """An endpoint used more than was reserved: its bounds do not hold, so no cap could be kept any more."""
    in_flight: Usage = NOTHING
    """The part of `spent` that belongs to calls which are being made, and may be given back when they end."""


def worst_case(ask: Ask, max_tokens: int) -> Usage:
    """Return what a call may use with this many completion tokens per sample."""
    fixed, generated = ask.fixed, max_tokens * ask.samples
    cost = from_nano(nano(fixed.cost) + nano(generated * ask.token_cost))
    return fixed.model_copy(update={"completion_tokens": fixed.completion_tokens + generated, "cost": cost})


def decide(accounts: Sequence[Account], ask: Ask) -> Granted | Refused:
    """Return whether a call fits all accounts (a job's and its batch's), and with how many completion tokens.

    Pure. The grant is the largest `max_tokens` up to the wanted one that no cap forbids. `workers/redis_ledger.lua` has
    the same rule; a property test compares them.
    """
    allowed = ask.max_tokens
    binding: Refused | None = None
    for account in accounts:
        refusal = _refusal_of_fixed(account, ask.fixed)
        if refusal is not None:
            return Refused(refusal, account.scope)
        for reason, limit in _token_limits(account, ask):
            if limit < allowed:
                allowed, binding = limit, Refused(reason, account.scope)
    if binding is not None and allowed < min(ask.floor, ask.max_tokens):
        return binding
    return Granted(worst_case(ask, allowed), allowed)


def pays_to_wait(accounts: Sequence[Account], ask: Ask, answer: Granted | Refused) -> bool:
    """Return whether calls in flight, if all they hold came back, would make room for a better answer. Pure."""
    if isinstance(answer, Granted) and answer.max_tokens == ask.max_tokens:
        return False
    ended = [replace(each, spent=replace_usage(each.spent, each.in_flight, NOTHING)) for each in accounts]
    best = decide(ended, ask)
    return isinstance(best, Granted) and (isinstance(answer, Refused) or best.max_tokens > answer.max_tokens)


def _refusal_of_fixed(account: Account, fixed: Usage) -> StopReason | None:
    cap, spent = account.budget, account.spent
    if cap.deadline_s is not None and account.elapsed_s >= cap.deadline_s:
        return StopReason.DEADLINE
    if account.overrun and fixed.model_calls:
        if cap.tokens is not None or cap.completion_tokens is not None:
            return StopReason.CAP_TOKENS
        if cap.cost is not None:
            return StopReason.CAP_COST
    checks = (
        (cap.trajectories, spent.trajectories, fixed.trajectories, 0, StopReason.CAP_TRAJECTORIES),
        (cap.model_calls, spent.model_calls, fixed.model_calls, 0, StopReason.CAP_CALLS),
        (cap.tokens, spent.tokens, fixed.tokens, 0, StopReason.CAP_TOKENS),
        (cap.completion_tokens, spent.completion_tokens, fixed.completion_tokens, 0, StopReason.CAP_TOKENS),
        (_nano(cap.sandbox_cpu_s), nano(spent.sandbox_cpu_s), nano(fixed.sandbox_cpu_s), SLACK, StopReason.CAP_SANDBOX),
        (_nano(cap.cost), nano(spent.cost), nano(fixed.cost), SLACK, StopReason.CAP_COST),
    )
    for limit, used, more, slack, reason in checks:
        if limit is not None and more > 0 and used + more > limit + slack:
            return reason
    return None


def _nano(amount: float | None) -> int | None:
    return None if amount is None else nano(amount)


def _token_limits(account: Account, ask: Ask) -> list[tuple[StopReason, int]]:
    """Return the largest max_tokens per sample that each cap allows, given that the fixed part fits."""
    cap, spent, fixed = account.budget, account.spent, ask.fixed
    limits: list[tuple[StopReason, int]] = []
    if cap.tokens is not None:
        limits.append((StopReason.CAP_TOKENS, (cap.tokens - spent.tokens - fixed.tokens) // ask.samples))
    if cap.completion_tokens is not None:
        free = cap.completion_tokens - spent.completion_tokens - fixed.completion_tokens
        limits.append((StopReason.CAP_TOKENS, free // ask.samples))
    rate = ask.token_cost * NANO * ask.samples
    if cap.cost is not None and rate > 0:
        free_cost = nano(cap.cost) - nano(spent.cost) - nano(fixed.cost) + SLACK
        limits.append((StopReason.CAP_COST, math.floor(max(0.0, min(free_cost / rate, ask.max_tokens)))))
    return [(reason, max(0, limit)) for reason, limit in limits]


def replace_usage(total: Usage, old: Usage, new: Usage) -> Usage:
    """Return `total` with `old` taken out and `new` put in; never below zero (sums of floats round)."""
    fields = Usage.model_fields
    return Usage(**{name: max(0, getattr(total, name) - getattr(old, name) + getattr(new, name)) for name in fields})


def exceeds(used: Usage, reserved: Usage) -> bool:
    """Return whether a model call used more tokens or cost than was reserved.

    CPU seconds are left out: the kernel stops a program a scheduler tick late, which is no broken promise.
    """
    return (
        used.tokens > reserved.tokens
        or used.completion_tokens > reserved.completion_tokens
        or nano(used.cost) > nano(reserved.cost) + SLACK
    )


@dataclass(frozen=True)
class Scope:
    """A job, a batch or an API key in the ledger."""

    started_at: float
    """Unix time of its first start; deadlines count from here, also after a crash."""
    spent: Usage
    resumed: bool
    """It was there before."""
    result: str | None
    """Artifact id of its final result, once it ended."""


class Ledger(Protocol):
    """Keeps the reservations of any number of jobs. Safe for concurrent use on one event loop.

    An operation takes effect whole or not at all, also when its task is cancelled while it waits.
    """

    async def open(
        self,
        scope: str,
        budget: Budget,
        *,
        parent: str | None = None,
        fingerprint: str = "",
        daily: bool = False,
    ) -> Scope:
        """Enter a scope, or find it again as it was left. Caps of its parent and of all above that hold as well.

        So a job nests in its batch, and that in the API key that pays for it. A scope that is there keeps its first
        start, and takes the caps given now.

        Args:
            scope: its name.
            budget: its caps.
            parent: name of the scope that it belongs to, opened before.
            fingerprint: what must be the same whenever it is opened.
            daily: the caps hold for each day (UTC) by itself; a call counts in the day in which it was reserved. What
                is told of the scope's spending is the present day's.

        Raises:
            ConfigError: it is there with another fingerprint or parent, or the parent is not there.
        """
        ...

    async def reserve(self, scope: str, call: str, ask: Ask) -> Reservation:
        """Reserve the worst case of a call in its scope and all above at once.

        Where the whole of it does not fit now, but would if calls in flight gave back what they hold, wait for them
        rather than grant less or refuse. In flight are the calls of all processes that the ledger hears of: a ledger
        of one machine knows its own process, one of a cluster all of them.
        """
        ...

    async def commit(
        self,
        scope: str,
        call: str,
        used: Usage,
        *,
        artifact: str | None = None,
        note: dict[str, JsonValue] | None = None,
    ) -> None:
        """Put what was used in place of the reservation, together with where the result lies.

        Usage above the reservation is recorded as it is, and the scope is marked: from then on model calls are refused
        where a cap of tokens or cost holds.

        Raises:
            InternalError: the call is not reserved, or was committed with other values.
        """
        ...

    async def release(self, scope: str, call: str) -> None:
        """Give a reservation back: it is known that nothing was generated. The id may be reserved again."""
        ...

    def forfeit(self, scope: str, call: str) -> None:
        """Say that a call of this process ended without its usage being known: it stays spent in full."""
        ...

    async def usage(self, scope: str, *, in_flight: bool = True) -> Usage:
        """Return what is spent: committed calls as used, all others at their full reservation.

        Without `in_flight`, calls that this process is making are left out: the figure to show while they run. Caps
        always count them.
        """
        ...

    async def finish(self, scope: str, result: str) -> None:
        """Keep the artifact id of the scope's final result."""
        ...

    async def restart(self, scope: str) -> None:
        """Begin a new clock for a scope that ended; what it spent and committed stays."""
        ...

    async def aclose(self) -> None:
        """Close the store; safe to call twice."""
        ...
