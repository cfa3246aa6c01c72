"""Ledgers of one machine: in memory, and in an SQLite file that survives `kill -9`."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
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
from solvent.errors import ConfigError, InternalError, StoreError, boundary
from solvent.usage import Budget, Usage

T = TypeVar("T")
NOTHING = Usage()


@dataclass(frozen=True)
class _ScopeRow:
    scope: str
    parent: str | None
    budget: Budget
    started_at: float
    fingerprint: str
    spent: Usage = NOTHING
    overrun: bool = False
    result: str | None = None


@dataclass(frozen=True)
class _CallRow:
    reserved: Usage
    used: Usage | None = None
    artifact: str | None = None
    note: str = "{}"


class _Ledger(ABC):
    """The rules, over rows that a subclass keeps. `_transaction` makes what happens inside it whole or nothing."""

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
    def _scope(self, scope: str) -> _ScopeRow | None: ...

    @abstractmethod
    def _put_scope(self, row: _ScopeRow) -> None: ...

    @abstractmethod
    def _call(self, scope: str, call: str) -> _CallRow | None: ...

    @abstractmethod
    def _put_call(self, scope: str, call: str, row: _CallRow | None) -> None: ...

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
                    self._put_scope(_ScopeRow(scope, parent, budget, self._clock(), fingerprint))
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
                self._put_call(scope, call, _CallRow(answer.reserved))
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
                wanted = None if known is None else _CallRow(known.reserved, used, artifact, text)
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

    def _known(self, scope: str) -> _ScopeRow:
        row = self._scope(scope)
        if row is None:
            raise ConfigError(f"the ledger does not know {scope!r}", remedy="open it before its jobs")
        return row

    def _chain(self, scope: str) -> list[_ScopeRow]:
        chain = [self._known(scope)]
        while chain[-1].parent is not None:
            chain.append(self._known(chain[-1].parent))
        return chain


class MemoryLedger(_Ledger):
    """A ledger that ends with its process: for tests and for jobs that need no resume."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._scopes: dict[str, _ScopeRow] = {}
        self._calls: dict[tuple[str, str], _CallRow] = {}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        yield

    def _scope(self, scope: str) -> _ScopeRow | None:
        return self._scopes.get(scope)

    def _put_scope(self, row: _ScopeRow) -> None:
        self._scopes[row.scope] = row

    def _call(self, scope: str, call: str) -> _CallRow | None:
        return self._calls.get((scope, call))

    def _put_call(self, scope: str, call: str, row: _CallRow | None) -> None:
        if row is None:
            del self._calls[scope, call]
        else:
            self._calls[scope, call] = row

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    async def _do(self, work: Callable[[], T], *, ends: tuple[str, str] | None = None) -> T:
        try:
            return work()
        finally:
            if ends is not None:
                self.forfeit(*ends)


SCHEMA = """
CREATE TABLE IF NOT EXISTS scope (
    id TEXT PRIMARY KEY, parent TEXT, budget TEXT NOT NULL, started_at REAL NOT NULL, fingerprint TEXT NOT NULL,
    spent TEXT NOT NULL, overrun INTEGER NOT NULL, result TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS call (
    scope TEXT NOT NULL, id TEXT NOT NULL, reserved TEXT NOT NULL, used TEXT, artifact TEXT, note TEXT NOT NULL,
    PRIMARY KEY (scope, id)
) WITHOUT ROWID;
"""


class SqliteLedger(_Ledger):
    """A ledger in one SQLite file, for any number of processes of one machine.

    Each operation is one immediate transaction in WAL mode with a flush to disk, run in a thread, so a slow disk or
    another process's transaction does not hold up the event loop.

    Raises:
        StoreError: the file cannot be opened as a ledger.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._path = path
        self._lock = threading.RLock()
        with boundary(StoreError, f"open the budget ledger at {path}", sqlite3.Error, OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database: sqlite3.Connection | None = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=30
            )
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(SCHEMA)

    async def aclose(self) -> None:
        """Close the file; safe to call twice."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    @property
    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise InternalError(f"the budget ledger at {self._path} is used after it was closed")
        return self._database

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        database = self._open_database
        with boundary(StoreError, f"write the budget ledger at {self._path}", sqlite3.Error):
            database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _scope(self, scope: str) -> _ScopeRow | None:
        row = self._open_database.execute("SELECT * FROM scope WHERE id = ?", (scope,)).fetchone()
        if row is None:
            return None
        name, parent, budget, started_at, fingerprint, spent, overrun, result = row
        return _ScopeRow(
            name,
            parent,
            Budget.model_validate_json(budget),
            started_at,
            fingerprint,
            Usage.model_validate_json(spent),
            bool(overrun),
            result,
        )

    def _put_scope(self, row: _ScopeRow) -> None:
        self._open_database.execute(
            "INSERT OR REPLACE INTO scope VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.scope,
                row.parent,
                row.budget.model_dump_json(),
                row.started_at,
                row.fingerprint,
                row.spent.model_dump_json(),
                int(row.overrun),
                row.result,
            ),
        )

    def _call(self, scope: str, call: str) -> _CallRow | None:
        row = self._open_database.execute(
            "SELECT reserved, used, artifact, note FROM call WHERE scope = ? AND id = ?", (scope, call)
        ).fetchone()
        if row is None:
            return None
        reserved, used, artifact, note = row
        return _CallRow(
            Usage.model_validate_json(reserved),
            None if used is None else Usage.model_validate_json(used),
            artifact,
            note,
        )

    def _put_call(self, scope: str, call: str, row: _CallRow | None) -> None:
        if row is None:
            self._open_database.execute("DELETE FROM call WHERE scope = ? AND id = ?", (scope, call))
            return
        used = None if row.used is None else row.used.model_dump_json()
        self._open_database.execute(
            "INSERT OR REPLACE INTO call VALUES (?, ?, ?, ?, ?, ?)",
            (scope, call, row.reserved.model_dump_json(), used, row.artifact, row.note),
        )

    async def _do(self, work: Callable[[], T], *, ends: tuple[str, str] | None = None) -> T:
        def locked() -> T:
            with self._lock:
                return work()

        done = asyncio.get_running_loop().run_in_executor(None, locked)
        if ends is not None:
            # The work goes on when this task is cancelled, and whoever waits for room must still be woken after it.
            done.add_done_callback(lambda _: self.forfeit(*ends))
        return await asyncio.shield(done)
