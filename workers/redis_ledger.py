"""The ledger of a cluster: accounts in Redis, which decide; a journal in the database, which remembers.

A change is written to the journal first and told to Redis afterwards, where each operation is one call of a script and
may be told twice. So whatever is killed in between, what was spent is never forgotten, and accounts that Redis lost
are built again from the journal.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from pydantic import JsonValue

from solvent.agents.budget import (
    NOTHING,
    Ask,
    Granted,
    Refused,
    Reservation,
    Scope,
    Settled,
    Unfinished,
    replace_usage,
    worst_case,
)
from solvent.agents.job import StopReason
from solvent.errors import InternalError, StoreError
from solvent.usage import Budget, Usage
from solvent.workers.ledger_codec import MICRO, Keys, day_text
from solvent.workers.ledger_journal import CallEntry, LedgerJournal
from solvent.workers.ledger_tasks import LedgerTasks, stubbornly
from solvent.workers.redis_accounts import Accounts, Chain, room_topic
from solvent.workers.redis_script import LedgerScript
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.wakeups import Wakeups

if TYPE_CHECKING:
    from solvent.settings import Settings

T = TypeVar("T")
LEASE_S = 30.0
"""For how long calls of a holder that is not heard of count as in flight; afterwards they are spent for good."""
PATIENCE_S = 120.0
"""For how long a Redis that is away is waited for."""
JOURNAL_PATIENCE_S = 20.0
"""For how long a journal that fails is tried again; less than a lease of the service's store."""
POLL_S = 5.0
"""Who waits for room looks again after this long by itself: a wake-up may be lost with its connection."""
CLOSING_PATIENCE_S = 1.0
DAY_S = 86_400

_log = logging.getLogger(__name__)


class RedisLedger:
    """A `Ledger` for any number of processes that share one Redis server and one journal.

    Where it waits for room, it does so for calls of all of them. A process that dies is not waited for longer than its
    lease; what it had reserved stays spent. Deadlines and days are by the clock of the Redis server.

    Args:
        url: of the Redis server (7.0 or later).
        journal: where the truth is; shared by all processes, closed by who made it.
        wakeups: over the same Redis, to share with others of this process; by default its own.
        holder: name of this process, another for each; by default made of host, process and chance.
        namespace: first part of all keys in Redis.
        lease_s: see `LEASE_S`; the same for all processes.
        patience_s: see `PATIENCE_S`.
        poll_s: see `POLL_S`.
        clock: Unix time in place of the server's own; for tests.
    """

    def __init__(
        self,
        url: str,
        journal: LedgerJournal,
        *,
        wakeups: Wakeups | None = None,
        holder: str | None = None,
        namespace: str = "solvent",
        lease_s: float = LEASE_S,
        patience_s: float = PATIENCE_S,
        poll_s: float = POLL_S,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.holder = "_".join((holder or _name_of_this_process()).replace("#", "_").split())
        keys = Keys(namespace)
        self._journal = journal
        self._script = LedgerScript(url, keys, holder=self.holder, lease_s=lease_s, patience_s=patience_s, clock=clock)
        self._accounts = Accounts(self._script, journal, keys)
        self._wakeups = wakeups or RedisWakeups(url)
        self._shares_wakeups = wakeups is not None
        self._tasks = LedgerTasks(self.ping, lease_s / 3)
        self._poll_s = poll_s
        self._numbers = count()
        self._forfeits: set[asyncio.Task[None]] = set()

    async def open(
        self,
        scope: str,
        budget: Budget,
        *,
        parent: str | None = None,
        fingerprint: str = "",
        daily: bool = False,
    ) -> Scope:
        """See `Ledger.open`."""

        async def work() -> Scope:
            now = await self._script.now()
            entry = await self._journal.open(
                scope, parent=parent, budget=budget, daily=daily, fingerprint=fingerprint, started_at=now / MICRO
            )
            spent = await self._accounts.configure(entry, _day_of(now))
            return Scope(entry.started_at, spent, entry.resumed, entry.result)

        return await self._tasks.whole(work())

    async def reserve(self, scope: str, call: str, ask: Ask) -> Reservation:
        """See `Ledger.reserve`."""
        chain = await self._accounts.chain(scope)
        while True:
            work = self._tasks.begin(self._ask(chain, call, ask))
            try:
                answer = await asyncio.shield(work)
            except asyncio.CancelledError:
                # The grant may still come, and nobody will make the call.
                self._tasks.begin(self._give_back(work, scope, call))
                raise
            if answer is not None:
                return answer
            await self._room(chain, call, ask)

    async def _ask(self, chain: Chain, call: str, ask: Ask) -> Reservation | None:
        """Ask once; None where it pays to wait for room."""
        await self._forfeits_told()
        scope = chain[0].scope
        ticket = f"{self.holder}#{next(self._numbers)}"
        worst = worst_case(ask, ask.max_tokens)
        day = _day_of(await self._script.now())
        while True:
            entry = await self._asked(scope, call, day, worst, ticket)
            if entry.used is not None:
                # Its end may not have reached Redis, where the one who wrote it died.
                await self._tell("commit", entry)
                return Settled(entry.used, entry.artifact, dict(entry.note))
            if entry.ticket != ticket:
                return Unfinished()
            try:
                status, *more = await self._accounts.reserve(chain, call, day, ask, ticket=ticket)
            except StoreError:
                await self._drop(entry)
                raise
            if status != "day":
                break
            day = int(more[0])
        if status == "granted":
            granted = Granted(worst_case(ask, int(more[0])), int(more[0]))
            if granted.reserved != worst:
                await self._asked(scope, call, day, granted.reserved, ticket)
            return granted
        await self._drop(entry)
        return Refused(StopReason(more[0]), chain[int(more[1])].scope) if status == "refused" else None

    async def _drop(self, entry: CallEntry) -> None:
        """Forget a call that was asked for and is not made.

        Redis is told also where it refused: an account may have been built from the journal since, with the call in it.
        """
        try:
            await self._journal.dropped(entry.scope, entry.call, ticket=entry.ticket)
        except StoreError:
            self._tasks.later(lambda: self._drop(entry))
            raise
        await self._tell("release", entry)

    async def _asked(self, scope: str, call: str, day: int, reserved: Usage, ticket: str) -> CallEntry:
        asked = CallEntry(scope, call, day_text(day), reserved, ticket)
        try:
            return await self._written(
                lambda: self._journal.asked(scope, call, day=asked.day, reserved=reserved, ticket=ticket)
            )
        except StoreError:
            # It may have been written all the same, and nobody will make the call.
            self._tasks.later(lambda: self._drop(asked))
            raise

    async def _written(self, write: Callable[[], Awaitable[T]]) -> T:
        return await stubbornly(write, min(JOURNAL_PATIENCE_S, self._script.patience_s))

    async def _room(self, chain: Chain, call: str, ask: Ask) -> None:
        """Wait until a call would be answered otherwise than with waiting."""
        async with self._wakeups.listen(room_topic(chain)) as listener:
            while True:
                day = _day_of(await self._tasks.whole(self._script.now()))
                status, *more = await self._tasks.whole(self._accounts.reserve(chain, call, day, ask, ticket=None))
                if status != "wait":
                    return
                await listener.wait(min(int(more[0]) / MICRO, self._poll_s))

    async def _give_back(self, work: asyncio.Task[Reservation | None], scope: str, call: str) -> None:
        if isinstance(await work, Granted):
            await self._release(scope, call)

    async def commit(
        self,
        scope: str,
        call: str,
        used: Usage,
        *,
        artifact: str | None = None,
        note: dict[str, JsonValue] | None = None,
    ) -> None:
        """See `Ledger.commit`."""

        async def work() -> None:
            entry = await self._written(
                lambda: self._journal.committed(scope, call, used, artifact=artifact, note=note or {})
            )
            await self._tell("commit", entry)

        await self._tasks.whole(work())

    async def release(self, scope: str, call: str) -> None:
        """See `Ledger.release`."""
        await self._tasks.whole(self._release(scope, call))

    async def _release(self, scope: str, call: str) -> None:
        try:
            entry = await self._journal.dropped(scope, call)
        except StoreError:
            self._tasks.later(lambda: self._forfeit(scope, call))
            raise
        if entry is None:
            raise InternalError(f"call {call!r} of {scope!r} cannot be released: it is not in flight")
        await self._tell("release", entry)

    def forfeit(self, scope: str, call: str) -> None:
        """See `Ledger.forfeit`; called on the event loop, it is done in the background."""
        task = self._tasks.begin(self._forfeit(scope, call))
        self._forfeits.add(task)
        task.add_done_callback(self._forfeits.discard)

    async def _forfeit(self, scope: str, call: str) -> None:
        try:
            entry = await self._written(lambda: self._journal.forfeited(scope, call))
        except StoreError:
            self._tasks.later(lambda: self._forfeit(scope, call))
            raise
        if entry is not None:
            await self._tell("forfeit", entry)

    async def _tell(self, operation: str, entry: CallEntry) -> None:
        """Tell Redis what the journal has; where it does not answer, go on trying after the error."""
        try:
            await self._accounts.settle(operation, await self._accounts.chain(entry.scope), entry)
        except StoreError:
            self._tasks.later(lambda: self._tell(operation, entry))
            raise

    async def _forfeits_told(self) -> None:
        if self._forfeits:
            await asyncio.wait(set(self._forfeits))

    async def usage(self, scope: str, *, in_flight: bool = True) -> Usage:
        """See `Ledger.usage`."""
        await self._forfeits_told()
        chain = await self._accounts.chain(scope)
        day = _day_of(await self._tasks.whole(self._script.now()))
        if in_flight:
            await self._tasks.whole(self._tell_for_the_dead(chain, day))
        spent, flying = await self._tasks.whole(self._accounts.usage(chain, day))
        return spent if in_flight else replace_usage(spent, flying, NOTHING)

    async def _tell_for_the_dead(self, chain: Chain, day: int) -> None:
        """Tell Redis the ends of calls that others wrote into the journal and died before they told them."""
        tickets = await self._accounts.of_others(chain, day)
        if not tickets:
            return
        known = {(entry.scope, entry.call): entry for entry in await self._journal.calls(list(tickets))}
        for (scope, call), ticket in tickets.items():
            entry = known.get((scope, call))
            if entry is None:
                # Whoever is asking for it has it in the journal first, so this was dropped.
                await self._tell("release", CallEntry(scope, call, day_text(day), NOTHING, ticket))
            elif entry.used is not None:
                await self._tell("commit", entry)

    async def finish(self, scope: str, result: str) -> None:
        """See `Ledger.finish`."""
        await self._tasks.whole(self._journal.finish(scope, result))

    async def restart(self, scope: str) -> None:
        """See `Ledger.restart`."""

        async def work() -> None:
            now = await self._script.now()
            entry = await self._journal.restart(scope, now / MICRO)
            await self._accounts.configure(entry, _day_of(now))

        await self._tasks.whole(work())

    def clock(self) -> float:
        """Return Unix time by the clock that scopes start by, which is not this machine's."""
        return self._script.clock()

    async def ping(self) -> None:
        """Raise `StoreError` where Redis does not answer within the ledger's patience."""
        await self._script("beat")

    async def aclose(self) -> None:
        """End what is being done, say that this holder is gone, and close the connections; safe to call twice."""
        if self._tasks.closed:
            return
        self._script.patience_s = min(self._script.patience_s, CLOSING_PATIENCE_S)
        await self._tasks.aclose()
        try:
            await self._script("leave")
        except StoreError as error:
            _log.warning("the ledger's lease was not given back, and ends by itself: %s", error)
        await self._script.aclose()
        if not self._shares_wakeups:
            await self._wakeups.aclose()


async def open_ledger(settings: Settings, journal: LedgerJournal, *, wakeups: Wakeups | None = None) -> RedisLedger:
    """Return the ledger of a worker process.

    Raises:
        StoreError: Redis does not answer.
    """
    ledger = RedisLedger(settings.redis_url, journal, wakeups=wakeups)
    try:
        await ledger.ping()
    except BaseException:
        await ledger.aclose()
        raise
    return ledger


def _day_of(now: int) -> int:
    return now // (DAY_S * MICRO)


def _name_of_this_process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
