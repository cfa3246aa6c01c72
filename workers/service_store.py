"""What the service keeps in its database, and the one way to it: SQLite (one machine) or PostgreSQL (cluster).

Who runs what is decided here and nowhere else: a message only says "look at this id". A *claim* makes the caller the
holder of a job or a trajectory for `lease_s` seconds; a holder beats to keep it, and every write of a holder names its
claim and fails with `LeaseLostError` once another holds it. So a message may come twice, late, or never.

All times are the database's own (seconds since 1970, UTC): no clock of a worker decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from pydantic import JsonValue

from solvent.agents.events import Event
from solvent.agents.job import JobResult
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.usage import Budget, Usage
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.service_records import (
    ApiKey,
    BatchCounts,
    Beat,
    Claim,
    Due,
    LeaseKind,
    QueuedJob,
    ScopeEntry,
    StoredEvent,
    TrajectoryRecord,
)


class ServiceStore(Protocol):
    """Jobs, batches, trajectories, leases, events and keys.

    Safe for concurrent use on one event loop, and for any number of processes (PostgreSQL: of machines).
    Every method is one transaction, durable when it returns. All raise `StoreError` when the database does not answer
    or refuses; a connection that broke is made again by the next call.
    """

    # Submission

    async def submit(
        self,
        jobs: Sequence[JobRecord],
        *,
        batch: BatchRecord | None = None,
        key_id: str | None = None,
        queue: str = "interactive",
        priority: int = 0,
        idempotency_key: str | None = None,
        request_digest: str = "",
    ) -> Sequence[JobRecord]:
        """Store jobs (and the batch that they belong to) as queued, or nothing of them.

        With an idempotency key that the same API key used within 24 hours for a request of the same digest, nothing is
        stored and the jobs of that first request are returned.

        Raises:
            ConfigError: that idempotency key came with another request.
            QuotaExceeded: more jobs of this API key would wait than it may have.
        """
        ...

    # Reading

    async def job(self, job_id: str) -> JobRecord:
        """Return a job.

        Raises:
            NotFound: there is none of this id.
        """
        ...

    async def batch(self, batch_id: str) -> BatchRecord:
        """Return a batch.

        Raises:
            NotFound: there is none of this id.
        """
        ...

    async def batch_counts(self, batch_id: str) -> BatchCounts:
        """Return how a batch stands, counted in the database."""
        ...

    def batch_jobs(self, batch_id: str, *, ended_after: str | None = None) -> AsyncIterator[JobRecord]:
        """Give the jobs of a batch in their order, in pages.

        With `ended_after` (a cursor, "" for the beginning) only those that ended, in the order in which they ended.
        """
        ...

    async def recent(self, *, key_id: str | None, limit: int, before: str | None = None) -> Sequence[JobRecord]:
        """Return the newest jobs, newest first, from the job `before` on."""
        ...

    # Claims

    async def claim(self, kind: LeaseKind, id: str, *, holder: str, lease_s: float) -> Claim | None:
        """Take the lease, or return None: it is held, ended, cancelled before it began, or over its key's concurrency.

        A queued job becomes running.
        """
        ...

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        """Prolong all claims of a holder in one statement, and hear which are lost or to be stopped."""
        ...

    async def give_back(self, claim: Claim, *, counts: bool = False) -> None:
        """End a lease; what it was for may be claimed at once. `counts`: this attempt failed."""
        ...

    # What holders write

    async def start_trajectories(self, claim: Claim, plans: Sequence[Plan]) -> None:
        """Store trajectories of a claimed job as queued; others stay as they are. Raises `LeaseLostError`."""
        ...

    async def cancel_trajectories(self, claim: Claim, names: Sequence[str]) -> None:
        """Ask for trajectories of a claimed job to stop. Raises `LeaseLostError`."""
        ...

    async def end_trajectory(self, claim: Claim, outcome: TrajectoryOutcome) -> None:
        """Store how a claimed trajectory ended and end its lease. Raises `LeaseLostError`."""
        ...

    async def trajectory(self, job_id: str, name: str) -> TrajectoryRecord:
        """Return a trajectory. Raises `NotFound`."""
        ...

    async def untold(self, claim: Claim) -> Sequence[TrajectoryRecord]:
        """Return the ended trajectories of a claimed job that `tell` has not marked, in the order of their end."""
        ...

    async def tell(self, claim: Claim, names: Sequence[str]) -> None:
        """Mark outcomes as told to the strategy. Raises `LeaseLostError`."""
        ...

    async def rest(self, claim: Claim) -> bool:
        """End the lease of a job that waits for trajectories.

        Returns True where an outcome has come meanwhile: the caller sends a message for the job, or claims it again.
        """
        ...

    async def finish(self, claim: Claim, result: JobResult) -> None:
        """Store how a claimed job ended, cancel what is left of its trajectories, and end its lease.

        Raises:
            LeaseLostError: another holds the job.
        """
        ...

    # From outside

    async def cancel(self, *, job_id: str | None = None, batch_id: str | None = None) -> int:
        """Ask for a job, or all jobs of a batch, to stop; those that no one has begun become cancelled at once.

        Returns how many had not ended. Holders hear of it with their next beat, or sooner through a notification.
        """
        ...

    async def retry(self, *, job_id: str | None = None, batch_id: str | None = None) -> Sequence[QueuedJob]:
        """Queue failed, cancelled and expired jobs again; returns them."""
        ...

    async def due(self, *, max_attempts: int, unseen_s: float, limit: int = 1000) -> Due:
        """Do what the reaper does, whole and at once; safe for any number of reapers.

        Leases that ended are taken away. What was claimed `max_attempts` times without an end is ended: the trajectory
        with an error, the job as failed, each with its cause. Jobs past their deadline that nobody holds become
        expired. Returned is what is ready and held by nobody and of which no message was sent within `unseen_s`.
        """
        ...

    # Events

    async def add_events(self, job_id: str, events: Sequence[Event]) -> Sequence[int]:
        """Append to a job's log; returns their sequence numbers."""
        ...

    async def events(self, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[StoredEvent]:
        """Return the events after a sequence number, in order."""
        ...

    # Keys

    async def add_key(self, key: ApiKey, secret_digest: str) -> None:
        """Store an API key with the digest of its secret."""
        ...

    async def key_of(self, secret_digest: str) -> ApiKey | None:
        """Return the key of a secret's digest, or None where there is none or it was revoked."""
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys, newest first."""
        ...

    async def revoke_key(self, key_id: str) -> None:
        """Revoke a key; what it submitted goes on. Raises `NotFound`."""
        ...

    # Whole

    async def gauges(self) -> Mapping[str, float]:
        """Return counts for metrics and scaling: jobs by queue and status, trajectories, leases, the longest wait."""
        ...

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        ...


class LedgerJournal(Protocol):
    """Durable side of a ledger that lives in Redis: enough to build the accounts anew, never less than was spent."""

    async def open(self, scope: str, *, parents: Sequence[str], fingerprint: str, budget: Budget) -> ScopeEntry:
        """Enter a scope, or return it as it is, with its caps replaced by those given."""
        ...

    async def asked(self, scope: str, call: str, *, parents: Sequence[str], reserved: Usage, holder: str) -> None:
        """Write a call down at its worst case, before Redis is asked."""
        ...

    async def committed(
        self, scope: str, call: str, used: Usage, *, artifact: str | None, note: Mapping[str, JsonValue]
    ) -> None:
        """Put what was used in its place."""
        ...

    async def dropped(self, scope: str, call: str) -> None:
        """Forget a call that was refused or of which it is known that nothing was generated."""
        ...

    async def load(self, scope: str) -> Mapping[str, Any]:
        """Return spent usage and calls of a scope, its children's included."""
        ...
