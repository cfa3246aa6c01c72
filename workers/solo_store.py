"""The store of one job that this process runs alone, without SQLAlchemy: its import would come before the first token.

The rows are those that the service's store makes with the same operations; a contract test compares them one by one.
Statements go through the standard library's sqlite3, each in one transaction, durable when it returns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from solvent.agents.events import SCHEMA_VERSION, Event, JobFinished, read_event
from solvent.agents.job import JobResult, JobStatus
from solvent.errors import NotFound, StoreError, boundary
from solvent.workers.records import JobRecord, iso
from solvent.workers.row_values import content_values, error_text, job_values
from solvent.workers.service_records import Beat, Claim, LeaseKind, LeaseLostError, StoredEvent

MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
BUSY_S = 30.0
_TIME = "SELECT (julianday('now') - 2440587.5) * 86400.0"


def newest_revision() -> str:
    """Return the schema of this version, by the names of the migrations."""
    return max(path.stem.partition("_")[0] for path in MIGRATIONS.glob("r[0-9]*.py"))


class SoloStore:
    """The part of `ServiceStore` that the holder of a single job needs (`HolderStore`). For use by one thread.

    Args:
        connection: to a database with the tables of this version.
        path: its file, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: Path) -> SoloStore | None:
        """Open a database; None where there is none with the tables of this version yet.

        Raises:
            StoreError: it cannot be opened, or is no database.
        """
        if not path.exists():
            return None
        with boundary(StoreError, f"open the database (SQLite at {path})", sqlite3.Error):
            connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            try:
                if _revision(connection) == newest_revision():
                    connection.execute("PRAGMA foreign_keys=ON")
                    return cls(connection, path)
            except BaseException:
                connection.close()
                raise
            connection.close()
        return None

    def close(self) -> None:
        """Close the database; safe to call twice."""
        self._connection.close()

    def store_claimed(self, record: JobRecord, *, holder: str, lease_s: float) -> tuple[JobRecord, Claim]:
        """Store a job as begun and held; returns it as stored.

        Args:
            record: a job of no batch and no API key, not yet stored.
            holder: who runs it.
            lease_s: how long it is held without a beat.

        Raises:
            StoreError: it cannot be written.
        """
        with self._transaction("store a job") as time:
            stored = record.model_copy(update={"status": JobStatus.RUNNING, "created_at": iso(time)})
            values = job_values(stored, time)
            deadline_s = values["deadline_s"]
            begun = {
                "begun_at": time,
                "awake_since": time,
                "deadline_at": None if deadline_s is None else time + deadline_s,
                "attempts": 1,
                "last_holder": holder,
            }
            insert(self._connection, "job", {**values, **begun})
            insert(self._connection, "job_content", content_values(stored))
            lease = {"job_id": record.id, "trajectory": "", "holder": holder}
            lease_times = {"claimed_at": time, "expires_at": time + lease_s}
            token = insert(self._connection, "lease", {**lease, **lease_times})
        return stored, Claim(LeaseKind.JOB, record.id, holder, token, 1, deadline_s)

    async def claim(
        self, kind: LeaseKind, id: str, *, holder: str, lease_s: float, uncounted_from: int | None = None
    ) -> Claim | None:
        """Return None: its only job was claimed as it was stored."""
        return None

    async def count_attempt(self, claim: Claim) -> None:
        """Do nothing: its only claim counted at once."""

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        """See `ServiceStore.beat`."""
        lost, stopped = [], []
        with self._transaction("prolong leases") as time:
            for claim in claims:
                prolong = "UPDATE lease SET expires_at = ? WHERE token = ? AND holder = ?"
                if not self._connection.execute(prolong, (time + lease_s, claim.token, holder)).rowcount:
                    lost.append(claim)
                    continue
                query = "SELECT 1 FROM job WHERE id = ? AND (status = ? OR deadline_at <= ?)"
                if self._connection.execute(query, (claim.id, JobStatus.CANCELLING.value, time)).fetchone():
                    stopped.append(claim)
        return Beat(lost, stopped)

    async def add_events(self, job_id: str, events: Sequence[Event]) -> Sequence[int]:
        """See `ServiceStore.add_events`."""
        with self._transaction(f"append to the log of job {job_id!r}") as time:
            return self._append(job_id, events, time)

    async def events(self, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[StoredEvent]:
        """See `ServiceStore.events`."""
        query = "SELECT sequence, body, time FROM event WHERE job_id = ? AND sequence > ? ORDER BY sequence LIMIT ?"
        with boundary(StoreError, f"read the log of job {job_id!r} (SQLite at {self._path})", sqlite3.Error):
            rows = self._connection.execute(query, (job_id, after, limit)).fetchall()
        return [StoredEvent(job_id, sequence, read_event(json.loads(body)), time) for sequence, body, time in rows]

    async def finish(self, claim: Claim, result: JobResult) -> None:
        """See `ServiceStore.finish`."""
        with self._transaction(f"end job {claim.id!r}") as time:
            drop = "DELETE FROM lease WHERE token = ? AND holder = ?"
            if not self._connection.execute(drop, (claim.token, claim.holder)).rowcount:
                raise LeaseLostError(f"{claim.kind} {claim.id!r} is not held by {claim.holder!r} any more")
            begun_at = self._connection.execute("SELECT begun_at FROM job WHERE id = ?", (claim.id,)).fetchone()[0]
            ended = {
                "status": result.status.value,
                "outcome": result.outcome.value if result.outcome is not None else None,
                "ended_at": time,
                "awake_since": None,
                **result.usage.model_dump(),
            }
            self._update("job", "id", claim.id, ended)
            texts = {"result": result.model_dump_json(), "error": error_text(result.error)}
            self._update("job_content", "job_id", claim.id, texts)
            last = JobFinished(job_id=claim.id, time_s=max(0.0, time - (begun_at or time)), result=result)
            self._append(claim.id, [last], time)

    async def lapse(self, holder: str) -> int:
        """See `ServiceStore.lapse`."""
        with self._transaction(f"end the leases of {holder!r}"):
            return self._connection.execute("UPDATE lease SET expires_at = 0 WHERE holder = ?", (holder,)).rowcount

    def _append(self, job_id: str, events: Sequence[Event], time: float) -> list[int]:
        count = "UPDATE job SET last_event = last_event + ? WHERE id = ? RETURNING last_event"
        numbered = self._connection.execute(count, (len(events), job_id)).fetchone()
        if numbered is None:
            raise NotFound(f"there is no job {job_id!r}")
        numbers = list(range(numbered[0] - len(events) + 1, numbered[0] + 1))
        for sequence, event in zip(numbers, events, strict=True):
            place = {"job_id": job_id, "sequence": sequence, "version": SCHEMA_VERSION, "time": time}
            insert(self._connection, "event", {**place, "type": event.type, "body": event.model_dump_json()})
        return numbers

    def _update(self, table: str, key: str, id: str, values: Mapping[str, Any]) -> None:
        changes = ", ".join(f"{name} = :{name}" for name in values)
        statement = f"UPDATE {table} SET {changes} WHERE {key} = :its_id"  # noqa: S608  # own names
        self._connection.execute(statement, {**values, "its_id": id})

    @contextmanager
    def _transaction(self, what: str) -> Iterator[float]:
        with boundary(StoreError, f"{what} (SQLite at {self._path})", sqlite3.Error), writing(self._connection) as time:
            yield time


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[float]:
    """Write in one transaction, whole or not at all; gives the database's time, as `sql.rows.database_time`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield float(connection.execute(_TIME).fetchone()[0])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, table: str, values: Mapping[str, Any], *, or_ignore: bool = False) -> int:
    """Insert one row; returns its number. Names are this project's own, never a user's."""
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    how = "INSERT OR IGNORE" if or_ignore else "INSERT"
    done = connection.execute(f"{how} INTO {table} ({names}) VALUES ({places})", values)
    return done.lastrowid or 0


def _revision(connection: sqlite3.Connection) -> str | None:
    has_table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.execute(has_table).fetchone() is None:
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])
