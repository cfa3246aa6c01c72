"""Columns of rows that are made anew, as values: for SQLAlchemy, and for the one statement that goes without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from solvent.workers.records import FORMAT, PLAN_FORMAT, BatchRecord, JobRecord, Queue


def job_values(record: JobRecord, time: float, *, priority: int = 0) -> dict[str, Any]:
    """Return the row of a job (`tables.job`) that is queued, or has ended before anything was done."""
    return {
        **record.model_dump(include={"id", "batch_id", "position", "custom_id", "key_id", "project", "queue"}),
        "end_number": record.end_number,
        "rank": -priority,
        "status": record.status.value,
        "submitted_at": time,
        "ended_at": time if record.ended else None,
        "sent_at": time if record.queue == Queue.INTERACTIVE and not record.ended else None,
        "deadline_s": record.spec.budget.deadline_s if record.spec is not None else None,
    }


def content_values(record: JobRecord) -> dict[str, Any]:
    """Return the row of a job's texts (`tables.job_content`)."""
    return {
        "job_id": record.id,
        "version": FORMAT,
        "spec": record.spec.model_dump_json() if record.spec is not None else None,
        "result": record.result.model_dump_json() if record.result is not None else None,
        "error": error_text(record.error),
    }


def batch_values(
    record: BatchRecord, time: float, *, ended: int, key_id: str | None = None, project: str = "default"
) -> dict[str, Any]:
    """Return the row of a batch (`tables.batch`) of which `ended` jobs have ended."""
    return {
        "id": record.id,
        "key_id": key_id,
        "project": project,
        "source": record.source,
        "body": record.model_dump_json(),
        "version": FORMAT if record.plan.is_plain else PLAN_FORMAT,
        "submitted_at": time,
        "deadline_s": record.budget.deadline_s,
        "last_end_number": ended,
        "unsettled_since": time if record.plan.has_steps else None,
    }


def error_text(error: Mapping[str, str | None] | None) -> str | None:
    """Return an error as stored."""
    return None if error is None else json.dumps(dict(error))
