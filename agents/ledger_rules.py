"""The rules of a ledger, over rows that a subclass keeps."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import JsonValue

from solvent.agents.budget import (
    Account,
    Ask,
    Granted,
    Refused,
    Reservation,
    Scope,
    Settled,
    Unfinished,
    decide,
    exceeds,
    replace_usage,
)
from solvent.agents.job import StopReason
from solvent.errors import ConfigError, InternalError
from solvent.usage import Budget, Usage

T = TypeVar("T")
NOTHING = Usage()


@dataclass(frozen=True)
class ScopeRow:
    """A job or batch."""

    scope: str
    parent: str | None
    budget: Budget
    started_at: float
    fingerprint: str
    spent: Usage = NOTHING
    overrun: bool = False
    result: str | None = None


@dataclass(frozen=True)
class CallRow:
    """A reserved call; `used` is None until it is committed."""

    reserved: Usage
    used: Usage | None = None
    artifact: str | None = None
    note: str = "{}"


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

    async def open(self, scope: str, budget: Budget, *, parent: str | None = None, fingerprint: str = "") -> Scope:
        """See `Ledger.open`."""

        def work() -> Scope:
            with self._transaction():
                if parent is not None:
                    self._known(parent)
                row = self._scope(scope)
                if row is None:
                    self._put_scope(ScopeRow(scope, parent, budget, self._clock(), fingerprint))
                    row, resumed = self._known(scope), False
                else:
                    resumed = True
                    if (row.parent, row.fingerprint) != (parent, fingerprint):
                        raise ConfigError(
                            f"{scope!r} was started before with another problem, strategy, model or seed",
                            remedy="give it another id, or the settings of its first start",
                        )
                    self._put_scope(replace(row, budget=budget))
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
            chain = self._chain(scope)
            now = self._clock()
            answer = decide(
                [Account(r.scope, r.budget, r.spent, max(0.0, now - r.started_at), r.overrun) for r in chain], ask
            )
            whole = isinstance(answer, Granted) and answer.max_tokens == ask.max_tokens
            late = isinstance(answer, Refused) and answer.reason is StopReason.DEADLINE
            names = tuple(row.scope for row in chain)
            if not whole and not late and any(set(names) & set(live) for live in list(self._live.values())):
                return None
            if isinstance(answer, Granted):
                self._put_call(scope, call, CallRow(answer.reserved))
                for row in chain:
                    self._put_scope(replace(row, spent=row.spent + answer.reserved))
        if isinstance(answer, Granted):
            self._live[scope, call] = names
        return answer

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
                wanted = None if known is None else CallRow(known.reserved, used, artifact, text)
                if known is None or (known.used is not None and known != wanted):
                    raise InternalError(f"call {call!r} of {scope!r} is not reserved, or was committed otherwise")
                if known.used is not None or wanted is None:
                    return
                self._put_call(scope, call, wanted)
                over = exceeds(used, known.reserved)
                for row in self._chain(scope):
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
                for row in self._chain(scope):
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
                spent = self._known(scope).spent
                running = [] if in_flight else [key for key, names in list(self._live.items()) if scope in names]
                for key in running:
                    row = self._call(*key)
                    if row is not None and row.used is None:
                        spent = replace_usage(spent, row.reserved, NOTHING)
                return spent

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
            raise ConfigError(f"the ledger does not know {scope!r}", remedy="open it before its jobs")
        return row

    def _chain(self, scope: str) -> list[ScopeRow]:
        chain = [self._known(scope)]
        while chain[-1].parent is not None:
            chain.append(self._known(chain[-1].parent))
        return chain
