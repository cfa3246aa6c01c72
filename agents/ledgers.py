"""Ledgers of one machine: in memory, and in an SQLite file that survives `kill -9`."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from solvent.agents.ledger_rules import CallRow, RowLedger, ScopeRow
from solvent.errors import InternalError, StoreError, boundary
from solvent.usage import Budget, Usage

T = TypeVar("T")


class MemoryLedger(RowLedger):
    """A ledger that ends with its process: for tests and for jobs that need no resume."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._scopes: dict[str, ScopeRow] = {}
        self._calls: dict[tuple[str, str], CallRow] = {}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        yield

    def _scope(self, scope: str) -> ScopeRow | None:
        return self._scopes.get(scope)

    def _put_scope(self, row: ScopeRow) -> None:
        self._scopes[row.scope] = row

    def _call(self, scope: str, call: str) -> CallRow | None:
        return self._calls.get((scope, call))

    def _put_call(self, scope: str, call: str, row: CallRow | None) -> None:
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
    spent TEXT NOT NULL, overrun INTEGER NOT NULL, result TEXT,
    daily INTEGER NOT NULL DEFAULT 0, day TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS call (
    scope TEXT NOT NULL, id TEXT NOT NULL, reserved TEXT NOT NULL, used TEXT, artifact TEXT, note TEXT NOT NULL,
    day TEXT NOT NULL DEFAULT '', PRIMARY KEY (scope, id)
) WITHOUT ROWID;
"""
LATER_COLUMNS = (
    ("scope", "daily", "INTEGER NOT NULL DEFAULT 0"),
    ("scope", "day", "TEXT NOT NULL DEFAULT ''"),
    ("call", "day", "TEXT NOT NULL DEFAULT ''"),
)
"""Columns that files of earlier versions do not have."""


class SqliteLedger(RowLedger):
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
            self._add_later_columns(self._database)

    @staticmethod
    def _add_later_columns(database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")
        for table, column, kind in LATER_COLUMNS:
            names = {row[0] for row in database.execute("SELECT name FROM pragma_table_info(?)", (table,))}
            if column not in names:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        database.execute("COMMIT")

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

    def _scope(self, scope: str) -> ScopeRow | None:
        row = self._open_database.execute(
            "SELECT id, parent, budget, started_at, fingerprint, spent, overrun, result, daily, day"
            " FROM scope WHERE id = ?",
            (scope,),
        ).fetchone()
        if row is None:
            return None
        name, parent, budget, started_at, fingerprint, spent, overrun, result, daily, day = row
        return ScopeRow(
            name,
            parent,
            Budget.model_validate_json(budget),
            started_at,
            fingerprint,
            Usage.model_validate_json(spent),
            bool(overrun),
            result,
            bool(daily),
            day,
        )

    def _put_scope(self, row: ScopeRow) -> None:
        self._open_database.execute(
            "INSERT OR REPLACE INTO scope (id, parent, budget, started_at, fingerprint, spent, overrun, result, daily,"
            " day) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row.scope,
                row.parent,
                row.budget.model_dump_json(),
                row.started_at,
                row.fingerprint,
                row.spent.model_dump_json(),
                int(row.overrun),
                row.result,
                int(row.daily),
                row.day,
            ),
        )

    def _call(self, scope: str, call: str) -> CallRow | None:
        row = self._open_database.execute(
            "SELECT reserved, used, artifact, note, day FROM call WHERE scope = ? AND id = ?", (scope, call)
        ).fetchone()
        if row is None:
            return None
        reserved, used, artifact, note, day = row
        return CallRow(
            Usage.model_validate_json(reserved),
            None if used is None else Usage.model_validate_json(used),
            artifact,
            note,
            day,
        )

    def _put_call(self, scope: str, call: str, row: CallRow | None) -> None:
        if row is None:
            self._open_database.execute("DELETE FROM call WHERE scope = ? AND id = ?", (scope, call))
            return
        used = None if row.used is None else row.used.model_dump_json()
        self._open_database.execute(
            "INSERT OR REPLACE INTO call (scope, id, reserved, used, artifact, note, day) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (scope, call, row.reserved.model_dump_json(), used, row.artifact, row.note, row.day),
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
