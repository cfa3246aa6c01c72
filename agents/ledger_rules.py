"""The rules of a ledger, over rows that a subclass keeps."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import JsonValue

from solvent.agents.budget import (
    NOTHING,
    Account,
    Ask,
    Granted,
    Reservation,
    Scope,
    Settled,
    Unfinished,
    decide,
    exceeds,
    pays_to_wait,
    replace_usage,
)
from solvent.errors import ConfigError, InternalError
from solvent.usage import Budget, Usage

T = TypeVar("T")


@dataclass(frozen=True)
class ScopeRow:
    """A job, a batch or an API key."""

    scope: str
    parent: str | None
    budget: Budget
    started_at: float
    fingerprint: str
    spent: Usage = NOTHING
    overrun: bool = False
    result: str | None = None
    daily: bool = False
    day: str = ""
    """Of a daily scope: the day (UTC, ISO 8601) that `spent` and `overrun` are about."""


@dataclass(frozen=True)
class CallRow:
    """A reserved call; `used` is None until it is committed."""

    reserved: Usage
    used: Usage | None = None
    artifact: str | None = None
    note: str = "{}"
    day: str = ""
    """Day in which it counts in the daily scopes."""


def day_of(time_s: float) -> str:
    """Return the day (UTC, ISO 8601) of a Unix time."""
    return datetime.fromtimestamp(time_s, UTC).date().isoformat()


def account_of(row: ScopeRow, now: float) -> Account:
    """Return a scope as the decision sees it, without what is in flight."""
    return Account(row.scope, row.budget, row.spent, max(0.0, now - row.started_at), row.overrun)


def conflict(scope: str) -> ConfigError:
    """Return the error of a scope that is there with another fingerprint, parent or kind."""
    return ConfigError(
        f"{scope!r} was started before with another problem, strategy, model or seed",
        remedy="give it another id, or the settings of its first start",
    )


def unknown(scope: str) -> ConfigError:
    """Return the error of a scope that was never opened."""
    return ConfigError(f"the ledger does not know {scope!r}", remedy="open it before its jobs")


class RowLedger(ABC):
    """A `Ledger` over rows. `_transaction` makes what happens inside it whole or nothing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # Calls of this process between grant and end, with the scopes that they count in. Written under GIL-atomic
        # operations only: the event loop and the ledger's thread both touch it.
        self._live: dict[tuple[str, str], tuple[str, ...]] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    @contextmanager
    @abstractmethod
    def _transaction(self) -> Iterator[None]: ...

    @abstractmethod
    def _scope(self, scope: str) -> ScopeRow | None: ...

    @abstractmethod
    def _put_scope(self, row: ScopeRow) -> None: ...

    @abstractmethod
    def _call(self, scope: str, call: str) -> CallRow | None: ...

    @abstractmethod
    def _put_call(self, scope: str, call: str, row: CallRow | None) -> None: ...

    @abstractmethod
    async def _do(self, work: Callable[[], T], *, ends: tuple[str, str] | None = None) -> T:
        """Run `work`; then, however it went, the call `ends` is no longer in flight."""

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

        def work() -> Scope:
            with self._transaction():
                if parent is not None:
                    self._known(parent)
                row = self._scope(scope)
                if row is None:
                    self._put_scope(ScopeRow(scope, parent, budget, self._clock(), fingerprint, daily=daily))
                    row, resumed = self._known(scope), False
                else:
                    resumed = True
                    if (row.parent, row.fingerprint, row.daily) != (parent, fingerprint, daily):
                        raise conflict(scope)
                    self._put_scope(replace(row, budget=budget))
                    row = self._today(row, self._clock())
                return Scope(row.started_at, row.spent, resumed, row.result)

        return await self._do(work)

    async def reserve(self, scope: str, call: str, ask: Ask) -> Reservation:
        """See `Ledger.reserve`."""
        while True:
            room = asyncio.get_running_loop().create_future()
            self._waiting.add(room)
            try:
                work = asyncio.ensure_future(self._do(lambda: self._reserve(scope, call, ask)))
                try:
                    answer = await asyncio.shield(work)
                except asyncio.CancelledError:
                    # The grant may still come; nobody will make the call, so nobody may wait for its end.
                    work.add_done_callback(lambda _: self.forfeit(scope, call))
                    raise
                if answer is not None:
                    return answer
                await room
            finally:
                self._waiting.discard(room)

    def _reserve(self, scope: str, call: str, ask: Ask) -> Reservation | None:
        with self._transaction():
            known = self._call(scope, call)
            if known is not None:
                if known.used is None:
                    return Unfinished()
                return Settled(known.used, known.artifact, json.loads(known.note))
            now = self._clock()
            chain = self._chain(scope)
            # A clock that went back finds the days as they were: nothing that was spent is forgotten.
            day = max(day_of(now), *(row.day for row in chain))
            chain = [self._on(row, day) for row in chain]
            accounts = [account_of(row, now) for row in chain]
            answer = decide(accounts, ask)
            if not isinstance(answer, Granted) or answer.max_tokens < ask.max_tokens:
                accounts = [replace(each, in_flight=self._in_flight(each.scope, day)) for each in accounts]
                if pays_to_wait(accounts, ask, answer):
                    return None
            if isinstance(answer, Granted):
                self._put_call(scope, call, CallRow(answer.reserved, day=day))
                for row in chain:
                    self._put_scope(replace(row, spent=row.spent + answer.reserved))
        if isinstance(answer, Granted):
            self._live[scope, call] = tuple(row.scope for row in chain)
        return answer

    def _in_flight(self, scope: str, day: str) -> Usage:
        """Return what calls of this process hold of what a scope has spent."""
        held = NOTHING
        daily = self._known(scope).daily
        for key in [key for key, names in list(self._live.items()) if scope in names]:
            row = self._call(*key)
            if row is not None and row.used is None and (row.day == day or not daily):
                held += row.reserved
        return held

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
        text = json.dumps(note or {}, sort_keys=True)

        def work() -> None:
            with self._transaction():
                known = self._call(scope, call)
                wanted = None if known is None else CallRow(known.reserved, used, artifact, text, known.day)
                if known is None or (known.used is not None and known != wanted):
                    raise InternalError(f"call {call!r} of {scope!r} is not reserved, or was committed otherwise")
                if known.used is not None or wanted is None:
                    return
                self._put_call(scope, call, wanted)
                over = exceeds(used, known.reserved)
                for row in self._charged(scope, known):
                    spent = replace_usage(row.spent, known.reserved, used)
                    self._put_scope(replace(row, spent=spent, overrun=row.overrun or over))

        await self._do(work, ends=(scope, call))

    async def release(self, scope: str, call: str) -> None:
        """See `Ledger.release`."""

        def work() -> None:
            with self._transaction():
                known = self._call(scope, call)
                if known is None or known.used is not None:
                    raise InternalError(f"call {call!r} of {scope!r} cannot be released: it is not in flight")
                self._put_call(scope, call, None)
                for row in self._charged(scope, known):
                    self._put_scope(replace(row, spent=replace_usage(row.spent, known.reserved, NOTHING)))

        await self._do(work, ends=(scope, call))

    def forfeit(self, scope: str, call: str) -> None:
        """See `Ledger.forfeit`."""
        self._live.pop((scope, call), None)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def usage(self, scope: str, *, in_flight: bool = True) -> Usage:
        """See `Ledger.usage`."""

        def work() -> Usage:
            with self._transaction():
                row = self._today(self._known(scope), self._clock())
                if in_flight:
                    return row.spent
                return replace_usage(row.spent, self._in_flight(scope, row.day), NOTHING)

        return await self._do(work)

    async def finish(self, scope: str, result: str) -> None:
        """See `Ledger.finish`."""

        def work() -> None:
            with self._transaction():
                self._put_scope(replace(self._known(scope), result=result))

        await self._do(work)

    async def restart(self, scope: str) -> None:
        """See `Ledger.restart`."""

        def work() -> None:
            with self._transaction():
                self._put_scope(replace(self._known(scope), started_at=self._clock(), result=None))

        await self._do(work)

    def _known(self, scope: str) -> ScopeRow:
        row = self._scope(scope)
        if row is None:
            raise unknown(scope)
        return row

    def _on(self, row: ScopeRow, day: str) -> ScopeRow:
        """Return a scope as it is on a day: a daily one begins anew with each."""
        if not row.daily or row.day == day:
            return row
        return replace(row, day=day, spent=NOTHING, overrun=False)

    def _today(self, row: ScopeRow, now: float) -> ScopeRow:
        return self._on(row, max(day_of(now), row.day))

    def _charged(self, scope: str, call: CallRow) -> list[ScopeRow]:
        """Return the scopes in whose `spent` a call still counts."""
        return [row for row in self._chain(scope) if not row.daily or row.day == call.day]

    def _chain(self, scope: str) -> list[ScopeRow]:
        chain = [self._known(scope)]
        while chain[-1].parent is not None:
            chain.append(self._known(chain[-1].parent))
        return chain
