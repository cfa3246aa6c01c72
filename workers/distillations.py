"""What is to be distilled: jobs that ended and whose lessons are not yet in the memory. The protocol of its table.

It is queued in the transaction that ends a job, so a crash loses none; a claim, its lease and its fencing token decide
who does it, as with jobs and trajectories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from solvent.agents.learned import Learned
from solvent.usage import Usage


@dataclass(frozen=True)
class DistilClaim:
    """The right to distil what a job taught, until the lease ends."""

    job_id: str
    holder: str
    token: int
    """Fencing token: grows with every claim."""
    attempt: int


class Lessons(BaseModel):
    """What became of what a project's jobs taught."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    waiting: int = 0
    """That no worker has begun, or that wait for another try."""
    running: int = 0
    oldest_waiting_s: float | None = None
    jobs: int = 0
    """The newest jobs that the rest is counted of: at most 500."""
    ended: dict[str, int] = Field(default_factory=dict)
    """Of those that learned, by status (`LearnedStatus`)."""
    tokens: int = 0
    """What that took."""
    mean_s: float | None = None
    """From a job's end to that of its distillation; None where no worker distilled one of these."""


class Distillations(Protocol):
    """Safe for concurrent use by any number of processes; all times are the database's. All raise `StoreError`."""

    async def claim(self, job_id: str, *, holder: str, lease_s: float) -> DistilClaim | None:
        """Take it, or return None: there is none, it has ended, or another holds it."""
        ...

    async def beat(self, claim: DistilClaim, *, lease_s: float) -> bool:
        """Prolong a claim; returns False where it is lost."""
        ...

    async def end(self, claim: DistilClaim, learned: Learned, usage: Usage) -> None:
        """Put what was learned, and what the job has spent now, into the job's result; nothing follows.

        Raises:
            LeaseLostError: another holds it, or the job was deleted.
        """
        ...

    async def give_back(
        self, claim: DistilClaim, *, counts: bool = False, error: Mapping[str, str | None] | None = None
    ) -> None:
        """End a claim; does nothing where it is lost. One that counts waits until the reaper sends it again.

        Args:
            claim: of the caller.
            counts: this attempt failed.
            error: why: the cause that is named where attempts run out.
        """
        ...

    async def due(self, *, max_attempts: int, unseen_s: float, limit: int = 1000) -> Sequence[str]:
        """Return ids of jobs that nobody holds and of which no message was sent within `unseen_s`, the oldest first.

        What was claimed `max_attempts` times without an end is ended as failed, with the cause in the job's result.
        """
        ...

    async def lessons(self, project: str) -> Lessons:
        """Return what became of a project's lessons, also of jobs that learned before they ended."""
        ...
