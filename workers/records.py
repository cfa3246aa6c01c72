"""Rows of the job store, as values."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from solvent.agents.job import JobResult, JobSpec, JobStatus
from solvent.models.base import Role
from solvent.usage import Budget, Usage


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    created_at: str
    """UTC, ISO 8601."""


class JobRecord(_Frozen):
    """One job, or one row of a batch that could not be read (`spec` is None and `error` says why)."""

    id: str
    batch_id: str | None = None
    position: int = 0
    """Place in the batch, from 0."""
    custom_id: str
    key_id: str | None = None
    """API key that submitted it, in the service."""
    project: str = "default"
    """Of that key: jobs of one project see each other."""
    queue: str = "interactive"
    """`interactive` or `batch`."""
    end_number: int | None = None
    """Place in the order in which its batch's jobs ended, from 1; in the service."""
    status: JobStatus = JobStatus.QUEUED
    spec: JobSpec | None = None
    result: JobResult | None = None
    error: dict[str, str | None] | None = None
    created_at: str
    finished_at: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do. A cancelled job is not ended: `resume` goes on with it."""
        return self.status in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.EXPIRED}

    @property
    def usage(self) -> Usage:
        """What it has spent, as far as its result says."""
        return self.result.usage if self.result else Usage()
