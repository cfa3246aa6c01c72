"""Rows of the service's database, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from solvent.agents.events import SCHEMA_VERSION, Event
from solvent.agents.job import JobStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import StoreError
from solvent.usage import Budget, Usage
from solvent.workers.records import JobRecord

RETRIED = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED})
"""How a job has ended that may be queued again."""


class LeaseLostError(StoreError):
    """Another holds what the caller claimed: whatever it was about to write must not be written. It stops at once."""


class LeaseKind(StrEnum):
    """What can be claimed."""

    JOB = "job"
    TRAJECTORY = "trajectory"


@dataclass(frozen=True)
class Claim:
    """The right to work on one job or trajectory until the lease ends."""

    kind: LeaseKind
    id: str
    """Id of the job, or `JOB/TRAJECTORY`."""
    holder: str
    """Worker process: host, pid, start."""
    token: int
    """Fencing token: grows with every claim of the same thing."""
    attempt: int
    """1, and one more for each claim before it, since the last that ended in order, that lapsed or failed."""
    left_s: float | None = None
    """Seconds until the deadline of the job or its batch by the database's clock; None without one, under 0 past it."""
    plan: Plan | None = field(default=None, compare=False, repr=False)
    """Of a trajectory, where it is known and in a format that this version reads."""
    is_first: bool = field(default=False, compare=False, repr=False)
    """Surely nobody held this trajectory before."""


class ApiKey(BaseModel):
    """Who submits, and what they may."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    project: str = "default"
    day_budget: Budget = Budget()
    """Caps of all its jobs of one day (UTC)."""
    concurrency: int | None = Field(default=None, ge=1)
    """Most of its jobs that run at once."""
    queued: int | None = Field(default=None, ge=1)
    """Most of its jobs that may wait."""
    per_minute: int | None = Field(default=None, ge=1)
    """Most requests with jobs that it may send in a minute."""
    weight: float = Field(default=1.0, gt=0)
    """Share of the workers against other keys."""
    created_at: float = 0.0
    revoked_at: float | None = None


@dataclass(frozen=True)
class QueuedJob:
    """What is needed to send a message about a job."""

    id: str
    queue: str
    """`interactive` or `batch`."""


@dataclass(frozen=True)
class StoredEvent:
    """One event of a job's log."""

    job_id: str
    sequence: int
    """1, 2, 3, ... without a gap within a job."""
    event: Event
    time: float
    body: str | None = None
    """The event's JSON as it was written, which may say more than this version reads."""
    version: int = SCHEMA_VERSION
    """Form in which it was written."""


@dataclass(frozen=True)
class TrajectoryRecord:
    """One trajectory of a job."""

    job_id: str
    name: str
    plan: Plan
    outcome: TrajectoryOutcome | None = None
    cancel_requested: bool = False
    attempt: int = 0


@dataclass(frozen=True)
class EndedJob:
    """A job that nobody held when it ended."""

    id: str
    batch_id: str | None


@dataclass(frozen=True)
class Due:
    """What the reaper found: each id gets a message again."""

    jobs: Sequence[QueuedJob] = ()
    trajectories: Sequence[str] = ()
    """`JOB/TRAJECTORY`."""
    ended: Sequence[EndedJob] = ()
    """Jobs that were ended now, failed or expired: who watches them is to be woken, their checkpoints are to go."""
    lapsed: int = 0
    """Leases that were taken away, because nobody had prolonged them."""


@dataclass(frozen=True)
class Beat:
    """What a holder hears when it beats."""

    lost: Sequence[Claim] = ()
    """Held by another now, or given up."""
    cancelled: Sequence[Claim] = ()
    """To be stopped: the job (or this trajectory) was cancelled, or its deadline has passed."""


@dataclass(frozen=True)
class BatchStanding:
    """Where a batch stands in its plan."""

    ended: int
    """Number of the last end of one of its jobs."""
    open: bool
    """A job of it has not ended."""
    unsettled: bool
    """Its plan may still add jobs or raise budgets."""
    now: float
    """The database's time."""


@dataclass(frozen=True)
class PlanStep:
    """A step of a batch's plan, and what it was decided on."""

    ended: int
    """`BatchStanding.ended` at the decision: where it has changed, nothing is done."""
    added: Sequence[JobRecord] = ()
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """New budgets of jobs that ended for want of one."""
    settled: bool = False
    """Nothing follows any more."""


@dataclass(frozen=True)
class BatchCounts:
    """How a batch stands."""

    total: int
    by_status: Mapping[JobStatus, int]
    by_outcome: Mapping[str, int]
    usage: Usage
    unsettled: bool = False
    """Its plan may still add jobs or raise budgets: it goes on though all jobs may have ended."""
