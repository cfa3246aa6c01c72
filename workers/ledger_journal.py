"""The durable side of a ledger whose counters live in Redis: the truth about calls, and about what was spent.

Every change is written here first and told to Redis afterwards, where it may be told twice. So whatever Redis forgets
can be built anew from here, and is then never less than was spent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from solvent.usage import Budget, Usage


@dataclass(frozen=True)
class ScopeEntry:
    """A job, a batch or an API key."""

    scope: str
    parent: str | None
    budget: Budget
    daily: bool
    """Its caps hold for each day (UTC) by itself."""
    fingerprint: str
    started_at: float
    """Unix time, of the ledger's clock."""
    result: str | None = None
    resumed: bool = False
    """It was there before it was opened."""


@dataclass(frozen=True)
class CallEntry:
    """A call that was asked for."""

    scope: str
    call: str
    day: str
    """Day (UTC, ISO 8601) in which it counts in daily scopes."""
    reserved: Usage
    ticket: str
    """Who asked: `HOLDER#NUMBER`, another for each time; empty where it is known that nobody will end the call."""
    used: Usage | None = None
    """None until it is committed."""
    overrun: bool = False
    """More was used than was reserved (`solvent.agents.budget.exceeds`)."""
    artifact: str | None = None
    note: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What calls of a scope, and of all scopes below it, come to; as it was at one moment."""

    spent: Usage
    """Of the committed calls."""
    overrun: bool
    """One of them overran."""
    open: Sequence[CallEntry] = ()
    """The calls that were not committed: in flight, or spent in full for good."""


class LedgerJournal(Protocol):
    """Scopes and calls of a ledger.

    Safe for concurrent use on one event loop, and by any number of processes. Every method is one transaction, durable
    when it returns; all raise `StoreError` where the database does not answer.
    """

    async def open(
        self, scope: str, *, parent: str | None, budget: Budget, daily: bool, fingerprint: str, started_at: float
    ) -> ScopeEntry:
        """Enter a scope, or replace the caps of the one that is there, which keeps its start and its result.

        Raises:
            ConfigError: it is there with another parent, fingerprint or kind, or the parent is not there.
        """
        ...

    async def entry(self, scope: str) -> ScopeEntry | None:
        """Return a scope, or None where it was never opened."""
        ...

    async def finish(self, scope: str, result: str) -> None:
        """Keep the artifact id of a scope's final result. Raises `ConfigError` where it was never opened."""
        ...

    async def restart(self, scope: str, started_at: float) -> ScopeEntry:
        """Give a scope a new start and no result. Raises `ConfigError` where it was never opened."""
        ...

    async def asked(self, scope: str, call: str, *, day: str, reserved: Usage, ticket: str) -> CallEntry:
        """Write a call down at its worst case, before Redis is asked, and return how it stands then.

        Where a call of this id is open under the same ticket, day and amounts are replaced. Where it is open under
        another, or committed, it stays as it is: the caller sees that in what is returned.
        """
        ...

    async def committed(
        self, scope: str, call: str, used: Usage, *, artifact: str | None, note: Mapping[str, JsonValue]
    ) -> CallEntry:
        """Put what was used in the place of an open call, and return it. The same values again change nothing.

        Raises:
            InternalError: there is no such call, or it was committed with other values.
        """
        ...

    async def dropped(self, scope: str, call: str, *, ticket: str | None = None) -> CallEntry | None:
        """Forget an open call (of this ticket, where one is given): nothing was generated.

        Returns what was forgotten; None where there was no such open call.
        """
        ...

    async def forfeited(self, scope: str, call: str) -> CallEntry | None:
        """Take the ticket from an open call: nobody will end it. Returns the call, or None where there was none."""
        ...

    async def calls(self, ids: Sequence[tuple[str, str]]) -> Sequence[CallEntry]:
        """Return those of these calls, by scope and id, that are there."""
        ...

    async def load(self, scope: str, *, day: str | None = None) -> Standing:
        """Return what a scope and all below it come to, of one day or altogether; nothing where it is not known."""
        ...
