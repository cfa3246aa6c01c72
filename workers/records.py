"""Rows of the store, as values."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from solvent.agents.job import JobResult, JobSpec, JobStatus
from solvent.models.base import Role
from solvent.usage import Budget, Usage
from solvent.workers.batch_plan import BatchPlan

FORMAT = 1
"""Format of specs, results, plans, outcomes and batches as stored."""
PLAN_FORMAT = 2
"""Format of batches with a plan: a version that does not know plans leaves them to others."""


class Queue(StrEnum):
    """Where a job waits."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


def iso(time: float) -> str:
    """Return a time (seconds since 1970) as records have it: UTC, ISO 8601, milliseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


def utc_now() -> str:
    """Return the time as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


ENDED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})
"""States in which nothing more happens by itself."""


class BatchRecord(_Frozen):
    """Many jobs under one budget."""

    id: str
    source: str
    """File or folder that it was read from, as an absolute path; `-` for standard input."""
    strategy: str
    model: str
    model_for: dict[Role, str] = Field(default_factory=dict)
    seed: int = 0
    budget: Budget = Budget()
    job_budget: Budget = Budget()
    """Caps of each job by itself."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    plan: BatchPlan = Field(default=BatchPlan(), exclude_if=lambda plan: plan.is_plain)
    """What it is beyond a list of jobs; left out of JSON where it is nothing, so that earlier versions read it."""
    created_at: str
    """UTC, ISO 8601."""
    begun_at: str | None = Field(default=None, exclude_if=lambda time: time is None)
    """When the first of its jobs began."""


class JobRecord(_Frozen):
    """One job, or one row of a batch that could not be read (`spec` is None and `error` says why)."""

    id: str
    batch_id: str | None = None
    position: int = 0
    """Place in the batch, from 0."""
    custom_id: str
    key_id: str | None = None
    """API key that submitted it; None without one."""
    project: str = "default"
    """Of that key: jobs of one project see each other."""
    queue: str = "interactive"
    """`interactive` or `batch`."""
    end_number: int | None = None
    """Place in the order in which its batch's jobs ended, from 1."""
    status: JobStatus = JobStatus.QUEUED
    spec: JobSpec | None = None
    result: JobResult | None = None
    error: dict[str, str | None] | None = None
    created_at: str
    finished_at: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in ENDED

    @property
    def usage(self) -> Usage:
        """What it has spent, as far as its result says."""
        return self.result.usage if self.result else Usage()
