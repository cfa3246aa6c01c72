"""A ledger's journal in memory. It outlives the ledgers that write it, as a database outlives their processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import JsonValue

from solvent.agents.budget import exceeds
from solvent.agents.ledger_rules import conflict, unknown
from solvent.errors import InternalError
from solvent.usage import Budget, Usage
from solvent.workers.ledger_journal import CallEntry, ScopeEntry, Standing


class MemoryJournal:
    def __init__(self) -> None:
        self.scopes: dict[str, ScopeEntry] = {}
        self.calls_made: dict[tuple[str, str], CallEntry] = {}

    async def open(
        self, scope: str, *, parent: str | None, budget: Budget, daily: bool, fingerprint: str, started_at: float
    ) -> ScopeEntry:
        if parent is not None and parent not in self.scopes:
            raise unknown(parent)
        known = self.scopes.get(scope)
        if known is None:
            self.scopes[scope] = ScopeEntry(scope, parent, budget, daily, fingerprint, started_at)
            return self.scopes[scope]
        if (known.parent, known.daily, known.fingerprint) != (parent, daily, fingerprint):
            raise conflict(scope)
        self.scopes[scope] = replace(known, budget=budget)
        return replace(self.scopes[scope], resumed=True)

    async def entry(self, scope: str) -> ScopeEntry | None:
        return self.scopes.get(scope)

    async def finish(self, scope: str, result: str) -> None:
        self.scopes[scope] = replace(self._known(scope), result=result)

    async def restart(self, scope: str, started_at: float) -> ScopeEntry:
        self.scopes[scope] = replace(self._known(scope), started_at=started_at, result=None)
        return self.scopes[scope]

    async def asked(self, scope: str, call: str, *, day: str, reserved: Usage, ticket: str) -> CallEntry:
        known = self.calls_made.get((scope, call))
        if known is None or (known.used is None and known.ticket == ticket):
            self.calls_made[scope, call] = CallEntry(scope, call, day, reserved, ticket)
        return self.calls_made[scope, call]

    async def committed(
        self, scope: str, call: str, used: Usage, *, artifact: str | None, note: Mapping[str, JsonValue]
    ) -> CallEntry:
        known = self.calls_made.get((scope, call))
        if known is not None:
            note = json.loads(json.dumps(note))
            wanted = replace(known, used=used, overrun=exceeds(used, known.reserved), artifact=artifact, note=note)
            if known.used is None or known == wanted:
                self.calls_made[scope, call] = wanted
                return wanted
        raise InternalError(f"call {call!r} of {scope!r} is not reserved, or was committed otherwise")

    async def dropped(self, scope: str, call: str, *, ticket: str | None = None) -> CallEntry | None:
        known = self.calls_made.get((scope, call))
        if known is None or known.used is not None or ticket not in (None, known.ticket):
            return None
        return self.calls_made.pop((scope, call))

    async def forfeited(self, scope: str, call: str) -> CallEntry | None:
        known = self.calls_made.get((scope, call))
        if known is None or known.used is not None:
            return None
        self.calls_made[scope, call] = replace(known, ticket="")
        return self.calls_made[scope, call]

    async def calls(self, ids: Sequence[tuple[str, str]]) -> Sequence[CallEntry]:
        return [self.calls_made[place] for place in ids if place in self.calls_made]

    async def load(self, scope: str, *, day: str | None = None) -> Standing:
        rows = [row for row in self.calls_made.values() if self._under(row.scope, scope) and day in (None, row.day)]
        spent = sum((row.used for row in rows if row.used is not None), Usage())
        still_open = [row for row in rows if row.used is None]
        return Standing(spent, any(row.overrun for row in rows), still_open)

    def _under(self, scope: str | None, above: str) -> bool:
        while scope is not None and scope != above:
            scope = self.scopes[scope].parent if scope in self.scopes else None
        return scope == above

    def _known(self, scope: str) -> ScopeEntry:
        if scope not in self.scopes:
            raise unknown(scope)
        return self.scopes[scope]
