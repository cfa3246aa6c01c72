"""Carries the jobs of earlier versions, which lay in a file of their own, over into the one store.

Rows are copied in one transaction and the old file is kept under another name, so nothing is lost and nothing comes
twice, whenever this is interrupted. What had not ended is cancelled there, since nobody may be waiting for it any more:
`solvent batch run --resume` and `solvent batch retry` go on with it, and what was spent is not spent again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from solvent.agents.events import SCHEMA_VERSION, JobFinished
from solvent.agents.job import JobResult, JobSpec, JobStatus, StopReason
from solvent.errors import StoreError, boundary
from solvent.usage import Usage
from solvent.workers.records import BatchRecord, JobRecord, Queue
from solvent.workers.row_values import batch_values, content_values, job_values
from solvent.workers.solo_store import BUSY_S, insert, writing

OLD_SCHEMA = 1
KEPT = ".carried-over"

logger = logging.getLogger(__name__)


def carry_over(old: Path, new: Path) -> None:
    """Copy all rows of `old` into the tables of `new`, and rename `old`.

    Raises:
        StoreError: one of the files cannot be read or written, or a newer version wrote the old one.
    """
    what = f"carry the jobs of {old} over to {new}"
    with boundary(StoreError, what, sqlite3.Error, OSError, ValueError):
        with closing(sqlite3.connect(old, timeout=BUSY_S, isolation_level=None)) as source:
            version = source.execute("PRAGMA user_version").fetchone()[0]
            if version > OLD_SCHEMA:
                raise StoreError(f"{old} has schema {version}, which no version had", remedy=f"move {old} away")
            jobs = _copy(source, new) if version == OLD_SCHEMA else 0
            # Also the log of the last writes goes into the file that is renamed.
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept = old.with_name(old.name + KEPT)
        old.rename(kept)
    logger.warning("%d jobs of %s are in %s now; the old file is kept as %s", jobs, old, new, kept.name)


def _copy(source: sqlite3.Connection, new: Path) -> int:
    source.row_factory = sqlite3.Row
    rows = source.execute("SELECT * FROM job ORDER BY finished_at IS NULL, finished_at, position").fetchall()
    jobs = [(_record(row), row) for row in rows]
    ends = Counter(record.batch_id for record, _ in jobs)
    numbers: Counter[str | None] = Counter()
    with closing(sqlite3.connect(new, timeout=BUSY_S, isolation_level=None)) as target:
        target.execute("PRAGMA foreign_keys=ON")
        with writing(target) as now:
            for row in source.execute("SELECT * FROM batch"):
                batch = BatchRecord.model_validate_json(row["body"])
                values = batch_values(batch, _seconds(batch.created_at, now), ended=ends[batch.id])
                insert(target, "batch", values, or_ignore=True)
            for record, row in jobs:
                numbers[record.batch_id] += 1
                number = None if record.batch_id is None else numbers[record.batch_id]
                times = _seconds(row["created_at"], now), _seconds(row["finished_at"], now)
                _insert_job(target, source, record, times, number)
    return len(jobs)


def _record(row: sqlite3.Row) -> JobRecord:
    """Return a job of the old store as it is carried over: ended."""
    spec = JobSpec.model_validate_json(row["spec"]) if row["spec"] else None
    result = JobResult.model_validate_json(row["result"]) if row["result"] else None
    status = JobStatus(row["status"])
    if status in {JobStatus.QUEUED, JobStatus.RUNNING} and spec is not None:
        status, result = JobStatus.CANCELLED, _cancelled(spec)
    return JobRecord(
        id=row["id"],
        batch_id=row["batch_id"],
        position=row["position"],
        custom_id=row["custom_id"],
        queue=Queue.INTERACTIVE if row["batch_id"] is None else Queue.BATCH,
        status=status,
        spec=spec,
        result=result,
        error=json.loads(row["error"]) if row["error"] else None,
        created_at=row["created_at"],
    )


def _cancelled(spec: JobSpec) -> JobResult:
    return JobResult(
        job_id=spec.id,
        problem_id=spec.problem.id,
        status=JobStatus.CANCELLED,
        stop_reason=StopReason.CANCELLED,
        strategy=spec.strategy,
        model=spec.model,
        model_for=spec.model_for,
    )


def _insert_job(
    target: sqlite3.Connection,
    source: sqlite3.Connection,
    record: JobRecord,
    times: tuple[float, float],
    number: int | None,
) -> None:
    created_at, ended_at = times
    result = record.result
    query = "SELECT type, body FROM event WHERE job_id = ? ORDER BY sequence"
    events = [(row["type"], row["body"]) for row in source.execute(query, (record.id,))]
    finished = "job.finished"
    if result is not None and (not events or events[-1][0] != finished):
        events.append((finished, JobFinished(job_id=record.id, result=result).model_dump_json()))
    ended: dict[str, Any] = {
        "ended_at": ended_at,
        "end_number": number,
        "outcome": result.outcome.value if result and result.outcome else None,
        "last_event": len(events),
        **(result.usage if result else Usage()).model_dump(),
    }
    insert(target, "job", {**job_values(record, created_at), **ended}, or_ignore=True)
    insert(target, "job_content", content_values(record), or_ignore=True)
    for sequence, (kind, body) in enumerate(events, start=1):
        place = {"job_id": record.id, "sequence": sequence, "version": SCHEMA_VERSION, "time": ended_at}
        insert(target, "event", {**place, "type": kind, "body": body}, or_ignore=True)


def _seconds(time: str | None, default: float) -> float:
    try:
        return datetime.fromisoformat(time or "").timestamp()
    except ValueError:
        return default
