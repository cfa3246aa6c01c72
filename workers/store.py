"""Embedded job store: batches, jobs, results and events in one SQLite file.

The standard library's sqlite3 and not SQLAlchemy, because `solvent solve` opens it before the first token and
SQLAlchemy takes long to import (docs/decisions/0007-embedded-store.md).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from solvent.agents.job import JobResult, JobSpec, JobStatus
from solvent.errors import ConfigError, StoreError, boundary
from solvent.workers.records import BatchRecord, JobRecord

SCHEMA_VERSION = 1
_BUSY_TIMEOUT_S = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY,
    batch_id TEXT REFERENCES batch(id),
    position INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    status TEXT NOT NULL,
    spec TEXT,
    result TEXT,
    error TEXT,
    created_at TEXT NOT NULL,
    finished_at TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS job_in_batch ON job(batch_id, position) WHERE batch_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_by_time ON job(created_at);
CREATE TABLE IF NOT EXISTS event (
    job_id TEXT NOT NULL REFERENCES job(id),
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id, sequence)
) STRICT, WITHOUT ROWID;
"""

_JOB_COLUMNS = "id, batch_id, position, custom_id, status, spec, result, error, created_at, finished_at"


_Record = TypeVar("_Record", JobRecord, BatchRecord)


def utc_now() -> str:
    """Return the time as stored: UTC, ISO 8601, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class JobStore:
    """Jobs and batches in the file at `path`, made with its folder if it is not there.

    Any number of processes may have it open; each change is one transaction, durable when the call returns.
    For use by one thread.

    Raises:
        StoreError: the file cannot be opened, is no store, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with boundary(StoreError, f"open the job store at {path}", OSError, sqlite3.Error):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA foreign_keys=ON")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"the job store at {path} has schema {version}, this version knows {SCHEMA_VERSION}",
                    remedy="upgrade solvent, or choose another SOLVENT_HOME",
                )
            if version < SCHEMA_VERSION:
                self._connection.executescript(f"{_SCHEMA} PRAGMA user_version={SCHEMA_VERSION};")

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._connection.close()

    def add_job(self, spec: JobSpec, custom_id: str) -> JobRecord:
        """Store a single job as queued."""
        record = JobRecord(id=spec.id, custom_id=custom_id, spec=spec, created_at=utc_now())
        with self._transaction() as connection:
            self._insert(connection, record)
        return record

    def add_batch(self, batch: BatchRecord, jobs: Iterable[JobRecord]) -> None:
        """Store a batch and all its jobs, or nothing."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO batch (id, source, body, created_at) VALUES (?, ?, ?, ?)",
                (batch.id, batch.source, batch.model_dump_json(), batch.created_at),
            )
            for job in jobs:
                self._insert(connection, job)

    def set_status(self, job_id: str, status: JobStatus) -> None:
        """Change a job's status."""
        with self._transaction() as connection:
            connection.execute("UPDATE job SET status = ? WHERE id = ?", (status.value, job_id))

    def finish(self, result: JobResult) -> None:
        """Store how a job ended."""
        error = json.dumps(result.error) if result.error else None
        with self._transaction() as connection:
            connection.execute(
                "UPDATE job SET status = ?, result = ?, error = ?, finished_at = ? WHERE id = ?",
                (result.status.value, result.model_dump_json(), error, utc_now(), result.job_id),
            )

    def add_event(self, job_id: str, kind: str, body: str) -> None:
        """Append an event (JSON text) to a job's log."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO event (job_id, sequence, type, body) VALUES "
                "(?1, (SELECT coalesce(max(sequence), 0) + 1 FROM event WHERE job_id = ?1), ?2, ?3)",
                (job_id, kind, body),
            )

    def events(self, job_id: str) -> list[str]:
        """Return a job's events as JSON texts, in order."""
        with self._reading() as connection:
            rows = connection.execute("SELECT body FROM event WHERE job_id = ? ORDER BY sequence", (job_id,))
            return [row[0] for row in rows]

    def job(self, job_id: str) -> JobRecord:
        """Return the job whose id is, or begins or ends with, `job_id`.

        Raises:
            ConfigError: none or several match.
        """
        return self._one(self._jobs("id = ?1 OR id LIKE ?2 OR id LIKE ?3", job_id), "job", job_id)

    def batch(self, batch_id: str) -> BatchRecord:
        """Return the batch whose id is, or begins or ends with, `batch_id`.

        Raises:
            ConfigError: none or several match.
        """
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT body FROM batch WHERE id = ?1 OR id LIKE ?2 OR id LIKE ?3 ORDER BY created_at",
                self._patterns(batch_id),
            ).fetchall()
        return self._one([BatchRecord.model_validate_json(row[0]) for row in rows], "batch", batch_id)

    def is_batch(self, wanted: str) -> bool:
        """Return whether `wanted` is a batch's id, or the beginning or end of one."""
        with self._reading() as connection:
            query = "SELECT 1 FROM batch WHERE id = ?1 OR id LIKE ?2 OR id LIKE ?3"
            return connection.execute(query, self._patterns(wanted)).fetchone() is not None

    def latest_batch(self, source: str) -> BatchRecord | None:
        """Return the newest batch read from `source`, or None."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT body FROM batch WHERE source = ? ORDER BY created_at DESC, id DESC LIMIT 1", (source,)
            ).fetchone()
        return BatchRecord.model_validate_json(row[0]) if row else None

    def batch_jobs(self, batch_id: str) -> list[JobRecord]:
        """Return the jobs of a batch in their order."""
        return self._jobs("batch_id = ?1", batch_id, order="position")

    def recent(self, limit: int) -> tuple[list[BatchRecord], list[JobRecord]]:
        """Return the newest batches and the newest jobs outside batches, at most `limit` of each, newest first."""
        with self._reading() as connection:
            batches = connection.execute("SELECT body FROM batch ORDER BY created_at DESC LIMIT ?", (limit,)).fetchall()
        jobs = self._jobs("batch_id IS NULL", order=f"created_at DESC LIMIT {int(limit)}")
        return [BatchRecord.model_validate_json(row[0]) for row in batches], jobs

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with boundary(StoreError, f"write to the job store at {self._path}", sqlite3.Error):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with boundary(StoreError, f"read the job store at {self._path}", sqlite3.Error):
            yield self._connection

    @staticmethod
    def _insert(connection: sqlite3.Connection, job: JobRecord) -> None:
        connection.execute(
            f"INSERT INTO job ({_JOB_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # a constant
            (
                job.id,
                job.batch_id,
                job.position,
                job.custom_id,
                job.status.value,
                job.spec.model_dump_json() if job.spec else None,
                job.result.model_dump_json() if job.result else None,
                json.dumps(job.error) if job.error else None,
                job.created_at,
                job.finished_at,
            ),
        )

    @staticmethod
    def _patterns(wanted: str) -> tuple[str, str, str]:
        escaped = wanted.replace("%", "").replace("_", "")
        return wanted, f"{escaped}%", f"%{escaped}"

    def _jobs(self, condition: str, wanted: str | None = None, *, order: str = "created_at") -> list[JobRecord]:
        values = self._patterns(wanted)[: condition.count("?")] if wanted is not None else ()
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_JOB_COLUMNS} FROM job WHERE {condition} ORDER BY {order}",  # noqa: S608  # own constants
                values,
            ).fetchall()
        return [self._job(row) for row in rows]

    @staticmethod
    def _job(row: tuple[str, ...]) -> JobRecord:
        names = [name.strip() for name in _JOB_COLUMNS.split(",")]
        values = dict(zip(names, row, strict=True))
        spec, result, error = values.pop("spec"), values.pop("result"), values.pop("error")
        return JobRecord.model_validate(
            {
                **values,
                "spec": JobSpec.model_validate_json(spec) if spec else None,
                "result": JobResult.model_validate_json(result) if result else None,
                "error": json.loads(error) if error else None,
            }
        )

    @staticmethod
    def _one(found: list[_Record], what: str, wanted: str) -> _Record:
        exact = [record for record in found if record.id == wanted]
        matches = exact or found
        if len(matches) == 1:
            return matches[0]
        if not matches:
            raise ConfigError(f"no {what} matches {wanted!r}", remedy="`solvent run list` shows them")
        raise ConfigError(f"{len(matches)} {what}s match {wanted!r}", remedy="give more of the id")
