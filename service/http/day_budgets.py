"""Refuses jobs of a key whose budget of the day is spent: they could only end as exhausted."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from solvent.agents.budget import Ledger
from solvent.errors import ConfigError, DependencyError, QuotaExceeded
from solvent.usage import Budget, Usage
from solvent.workers.ledger_journal import LedgerJournal
from solvent.workers.scopes import key_scope

Spent = Callable[[str], Awaitable[Usage]]
"""Returns what a key has spent today."""
KEPT_S = 10.0
"""How old a key's figure may be: the ledger holds the cap to the token, this only spares its jobs the way."""
_KEYS = 1000
DAY_S = 86_400.0


class DayBudgets:
    """What keys have spent today, as far as it was asked for lately.

    Args:
        spent: asks the ledger.
        clock: Unix time.
    """

    def __init__(self, spent: Spent, clock: Callable[[], float] = time.time) -> None:
        self._spent = spent
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Usage]] = OrderedDict()

    async def refusal(self, key_id: str, budget: Budget) -> QuotaExceeded | None:
        """Return why jobs of this key are not taken now, or None."""
        if budget == Budget():
            return None
        now = self._clock()
        known = self._known.get(key_id)
        if known is None or not 0 <= now - known[0] < KEPT_S or now // DAY_S != known[0] // DAY_S:
            try:
                known = now, await self._spent(key_id)
            except DependencyError:
                # Whether jobs can be stored at all is asked next; their budget is held where they run.
                return None
            self._known[key_id] = known
            self._known.move_to_end(key_id)
            if len(self._known) > _KEYS:
                self._known.popitem(last=False)
        cap = spent_cap(budget, known[1])
        if cap is None:
            return None
        return QuotaExceeded(
            f"API key {key_id!r} has spent its budget of the day ({cap})",
            retry_after_s=DAY_S - now % DAY_S,
            quota="day_budget",
            remedy="send again tomorrow (UTC), or have the budget raised",
        )


def spent_cap(budget: Budget, spent: Usage) -> str | None:
    """Return the name of a cap that is reached, or None. Pure."""
    for name, cap in budget.model_dump(exclude_none=True).items():
        if name != "deadline_s" and getattr(spent, name) >= cap:
            return name
    return None


async def spent_today(journal: LedgerJournal, key_id: str) -> Usage:
    """Return what a key's calls of today have used, as the journal has it. Raises `StoreError`."""
    day = datetime.now(UTC).date().isoformat()
    return (await journal.load(key_scope(key_id), day=day)).spent


async def spent_in(ledger: Ledger, key_id: str) -> Usage:
    """Return what a key has spent today by the ledger of this process. Raises `StoreError`."""
    try:
        return await ledger.usage(key_scope(key_id), in_flight=False)
    except ConfigError:
        # No job of it has begun yet.
        return Usage()
