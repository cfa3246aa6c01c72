"""The ledger's journal: scopes and calls (`LedgerJournal`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import JsonValue
from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.budget import exceeds, from_nano, nano
from solvent.agents.ledger_rules import conflict, unknown
from solvent.errors import InternalError
from solvent.usage import Budget, Usage
from solvent.workers.ledger_journal import CallEntry, ScopeEntry, Standing
from solvent.workers.sql.engine import Database
from solvent.workers.sql.postgres import hot
from solvent.workers.sql.rows import is_postgres
from solvent.workers.tables import ledger_call, ledger_scope

_EXACT = frozenset(name for name, field in Usage.model_fields.items() if field.annotation is float)
"""Amounts that are stored in nano units."""
_MOST_ASKED = 10_000
"""Calls under way whose reservations a process remembers."""
_CHUNK = 500
_UNDONE = {"done": False, "overrun": False, "note": "{}"}


def _enter(make: Any) -> Any:
    """Return the statement that writes a call down, or changes its day and amounts where the same ticket asked."""
    new = make(ledger_call)
    return (
        new.on_conflict_do_update(
            index_elements=["scope", "call"],
            set_={"day": new.excluded.day, "reserved": new.excluded.reserved},
            where=ledger_call.c.done.is_(False) & (ledger_call.c.ticket == new.excluded.ticket),
        )
    ).returning(ledger_call)


_ENTER_POSTGRES, _ENTER_SQLITE = hot(_enter(postgresql_insert)), _enter(sqlite_insert)
_COMMIT = hot(
    update(ledger_call)
    .where(
        ledger_call.c.scope == bindparam("of_scope"),
        ledger_call.c.call == bindparam("of_call"),
        ledger_call.c.reserved == bindparam("of_reserved"),
        ledger_call.c.done.is_(False),
    )
    .values(
        done=True,
        overrun=bindparam("new_overrun"),
        artifact=bindparam("new_artifact"),
        note=bindparam("new_note"),
        **{name: bindparam(f"new_{name}") for name in Usage.model_fields},
    )
    .returning(ledger_call)
)


class SqlLedgerJournal:
    """A `LedgerJournal` in the service's database.

    Args:
        database: with the tables of this version.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[tuple[str, str], Usage] = {}

    async def open(
        self, scope: str, *, parent: str | None, budget: Budget, daily: bool, fingerprint: str, started_at: float
    ) -> ScopeEntry:
        """See `LedgerJournal.open`."""

        async def work(connection: AsyncConnection) -> ScopeEntry:
            if parent is not None and await _scope(connection, parent) is None:
                raise unknown(parent)
            make = postgresql_insert if is_postgres(connection) else sqlite_insert
            caps = budget.model_dump_json()
            fixed = {"parent": parent, "daily": daily, "fingerprint": fingerprint}
            made = await connection.execute(
                make(ledger_scope)
                .values(id=scope, budget=caps, started_at=started_at, **fixed)
                .on_conflict_do_nothing()
                .returning(ledger_scope.c.id)
            )
            if made.first() is not None:
                return ScopeEntry(scope, parent, budget, daily, fingerprint, started_at)
            known = await _scope(connection, scope, lock=True)
            if known is None or (known.parent, known.daily, known.fingerprint) != (parent, daily, fingerprint):
                raise conflict(scope)
            await connection.execute(update(ledger_scope).where(ledger_scope.c.id == scope).values(budget=caps))
            return replace(known, budget=budget, resumed=True)

        return await self._database.write(f"open {scope!r} in the ledger's journal", work)

    async def entry(self, scope: str) -> ScopeEntry | None:
        """See `LedgerJournal.entry`."""
        return await self._database.read("read the ledger's journal", lambda connection: _scope(connection, scope))

    async def finish(self, scope: str, result: str) -> None:
        """See `LedgerJournal.finish`."""
        await self._change(scope, {"result": result})

    async def restart(self, scope: str, started_at: float) -> ScopeEntry:
        """See `LedgerJournal.restart`."""
        return await self._change(scope, {"started_at": started_at, "result": None})

    async def _change(self, scope: str, values: Mapping[str, Any]) -> ScopeEntry:
        async def work(connection: AsyncConnection) -> ScopeEntry:
            changed = update(ledger_scope).where(ledger_scope.c.id == scope).values(values).returning(ledger_scope)
            row = (await connection.execute(changed)).mappings().first()
            if row is None:
                raise unknown(scope)
            return _scope_entry(row)

        return await self._database.write(f"write {scope!r} in the ledger's journal", work, one_change=True)

    async def asked(self, scope: str, call: str, *, day: str, reserved: Usage, ticket: str) -> CallEntry:
        """See `LedgerJournal.asked`."""
        new = {"scope": scope, "call": call, "day": day, "reserved": reserved.model_dump_json(), "ticket": ticket}

        async def work(connection: AsyncConnection) -> CallEntry:
            enter = _ENTER_POSTGRES if is_postgres(connection) else _ENTER_SQLITE
            while True:
                row = (await connection.execute(enter, {**new, **_UNDONE})).mappings().first()
                row = row or (await connection.execute(_call(scope, call))).mappings().first()
                # Neither: the one that was in the way was dropped between the two statements.
                if row is not None:
                    return _call_entry(row)

        entry = await self._database.write("write down a call in the ledger's journal", work, one_change=True)
        if entry.used is None:
            self._asked[scope, call] = entry.reserved
            if len(self._asked) > _MOST_ASKED:
                self._asked.pop(next(iter(self._asked)))
        return entry

    async def committed(
        self, scope: str, call: str, used: Usage, *, artifact: str | None, note: Mapping[str, JsonValue]
    ) -> CallEntry:
        """See `LedgerJournal.committed`."""
        text = json.dumps(dict(note))
        amounts = _amounts(used)

        async def change(connection: AsyncConnection, reserved: Usage) -> RowMapping | None:
            values = {
                "of_scope": scope,
                "of_call": call,
                "of_reserved": reserved.model_dump_json(),
                "new_overrun": exceeds(used, reserved),
                "new_artifact": artifact,
                "new_note": text,
                **{f"new_{name}": amount for name, amount in amounts.items()},
            }
            row: RowMapping | None = (await connection.execute(_COMMIT, values)).mappings().first()
            return row

        async def work(connection: AsyncConnection) -> CallEntry:
            row = (await connection.execute(_call(scope, call, lock=True))).mappings().first()
            if row is None:
                raise InternalError(f"call {call!r} of {scope!r} is not reserved")
            if row["done"]:
                if (row["artifact"], json.loads(row["note"])) != (artifact, json.loads(text)) or any(
                    row[name] != amount for name, amount in amounts.items()
                ):
                    raise InternalError(f"call {call!r} of {scope!r} was committed otherwise")
                return _call_entry(row)
            changed = await change(connection, Usage.model_validate_json(row["reserved"]))
            assert changed is not None, "it is locked"
            return _call_entry(changed)

        what = "commit a call in the ledger's journal"
        reserved = self._asked.pop((scope, call), None)
        if reserved is not None:
            # As a rule it still stands as this process asked for it: then one statement does it.
            row = await self._database.write(what, lambda connection: change(connection, reserved), one_change=True)
            if row is not None:
                return _call_entry(row)
        return await self._database.write(what, work)

    async def dropped(self, scope: str, call: str, *, ticket: str | None = None) -> CallEntry | None:
        """See `LedgerJournal.dropped`."""

        async def work(connection: AsyncConnection) -> CallEntry | None:
            gone = delete(ledger_call).where(
                ledger_call.c.scope == scope, ledger_call.c.call == call, ledger_call.c.done.is_(False)
            )
            if ticket is not None:
                gone = gone.where(ledger_call.c.ticket == ticket)
            row = (await connection.execute(gone.returning(ledger_call))).mappings().first()
            return None if row is None else _call_entry(row)

        return await self._database.write("forget a call in the ledger's journal", work)

    async def forfeited(self, scope: str, call: str) -> CallEntry | None:
        """See `LedgerJournal.forfeited`."""

        async def work(connection: AsyncConnection) -> CallEntry | None:
            changed = await connection.execute(
                update(ledger_call)
                .where(ledger_call.c.scope == scope, ledger_call.c.call == call, ledger_call.c.done.is_(False))
                .values(ticket="")
                .returning(ledger_call)
            )
            row = changed.mappings().first()
            return None if row is None else _call_entry(row)

        return await self._database.write("give up a call in the ledger's journal", work, one_change=True)

    async def calls(self, ids: Sequence[tuple[str, str]]) -> Sequence[CallEntry]:
        """See `LedgerJournal.calls`."""

        async def work(connection: AsyncConnection) -> Sequence[CallEntry]:
            found: list[CallEntry] = []
            for start in range(0, len(ids), _CHUNK):
                named = tuple_(ledger_call.c.scope, ledger_call.c.call).in_(ids[start : start + _CHUNK])
                rows = await connection.execute(select(ledger_call).where(named))
                found.extend(_call_entry(row) for row in rows.mappings())
            return found

        return await self._database.read("read calls of the ledger's journal", work)

    async def load(self, scope: str, *, day: str | None = None) -> Standing:
        """See `LedgerJournal.load`."""
        return await self._database.read(
            "read the ledger's journal", lambda connection: _load(connection, scope, day), snapshot=True
        )


async def spent(connection: AsyncConnection, scope: str) -> Usage:
    """Return what the calls of a scope used, those that did not end at what was reserved for them."""
    calls = [ledger_call.c.scope == scope]
    total = _usage((await connection.execute(_sums().where(*calls))).mappings().one())
    reserved = select(ledger_call.c.reserved).where(*calls, ledger_call.c.done.is_(False))
    for row in await connection.execute(reserved):
        total += Usage.model_validate_json(row.reserved)
    return total


async def _load(connection: AsyncConnection, scope: str, day: str | None) -> Standing:
    below = select(ledger_scope.c.id).where(ledger_scope.c.id == scope).cte("below", recursive=True)
    below = below.union(select(ledger_scope.c.id).where(ledger_scope.c.parent == below.c.id))
    wanted: list[ColumnElement[bool]] = [ledger_call.c.scope.in_(select(below.c.id))]
    if day is not None:
        wanted.append(ledger_call.c.day == day)
    total = (await connection.execute(_sums().where(*wanted))).mappings().one()
    open_ = select(ledger_call).where(*wanted, ledger_call.c.done.is_(False))
    rows = await connection.execute(open_.order_by(ledger_call.c.scope, ledger_call.c.call))
    return Standing(_usage(total), bool(total["overruns"]), [_call_entry(row) for row in rows.mappings()])


def _sums() -> Select[Any]:
    # Calls that are not committed have used nothing yet.
    amounts = [func.coalesce(func.sum(ledger_call.c[name]), 0).label(name) for name in Usage.model_fields]
    overruns = func.count().filter(ledger_call.c.overrun.is_(True)).label("overruns")
    return select(*amounts, overruns)


def _amounts(used: Usage) -> dict[str, int]:
    return {name: nano(value) if name in _EXACT else value for name, value in used.model_dump().items()}


def _usage(row: RowMapping) -> Usage:
    amounts = {name: int(row[name]) for name in Usage.model_fields}
    return Usage(**{name: from_nano(value) if name in _EXACT else value for name, value in amounts.items()})


def _call(scope: str, call: str, *, lock: bool = False) -> Select[Any]:
    query = select(ledger_call).where(ledger_call.c.scope == scope, ledger_call.c.call == call)
    return query.with_for_update(key_share=True) if lock else query


def _call_entry(row: RowMapping) -> CallEntry:
    return CallEntry(
        scope=row["scope"],
        call=row["call"],
        day=row["day"],
        reserved=Usage.model_validate_json(row["reserved"]),
        ticket=row["ticket"],
        used=_usage(row) if row["done"] else None,
        overrun=bool(row["overrun"]),
        artifact=row["artifact"],
        note=json.loads(row["note"]),
    )


async def _scope(connection: AsyncConnection, scope: str, *, lock: bool = False) -> ScopeEntry | None:
    query = select(ledger_scope).where(ledger_scope.c.id == scope)
    found = await connection.execute(query.with_for_update(key_share=True) if lock else query)
    row = found.mappings().first()
    return None if row is None else _scope_entry(row)


def _scope_entry(row: RowMapping) -> ScopeEntry:
    return ScopeEntry(
        scope=row["id"],
        parent=row["parent"],
        budget=Budget.model_validate_json(row["budget"]),
        daily=bool(row["daily"]),
        fingerprint=row["fingerprint"],
        started_at=row["started_at"],
        result=row["result"],
    )
