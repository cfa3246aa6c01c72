"""What the service keeps in its database, and the one way to it: SQLite (one machine) or PostgreSQL (cluster).

Who runs what is decided here and nowhere else: a message only says "look at this id". A *claim* makes the caller the
holder of a job or a trajectory for `lease_s` seconds; a holder beats to keep it, and every write of a holder names its
claim and fails with `LeaseLostError` once another holds it. So a message may come twice, late, or never.

All times are the database's own (seconds since 1970, UTC): no clock of a worker decides anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from solvent.agents.events import Event
from solvent.agents.job import JobResult, JobStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import QuotaExceeded
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.service_records import (
    RETRIED,
    ApiKey,
    BatchCounts,
    BatchStanding,
    Beat,
    Claim,
    Due,
    LeaseKind,
    PlanStep,
    QueuedJob,
    StoredEvent,
    TrajectoryRecord,
)

STOP_CHANNEL = "solvent_stop"
"""Channel of PostgreSQL (LISTEN) on which the id of a job comes that is to stop, as a whole or trajectories of it."""


class HolderStore(Protocol):
    """What a process needs of the store for jobs that it holds; documented at `ServiceStore`."""

    async def claim(
        self, kind: LeaseKind, id: str, *, holder: str, lease_s: float, uncounted_from: int | None = None
    ) -> Claim | None:
        """See `ServiceStore`."""
        ...

    async def count_attempt(self, claim: Claim) -> None:
        """See `ServiceStore`."""
        ...

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        """See `ServiceStore`."""
        ...

    async def add_events(self, job_id: str, events: Sequence[Event]) -> Sequence[int]:
        """See `ServiceStore`."""
        ...

    async def events(self, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[StoredEvent]:
        """See `ServiceStore`."""
        ...

    async def finish(self, claim: Claim, result: JobResult) -> None:
        """See `ServiceStore`."""
        ...

    async def lapse(self, holder: str) -> int:
        """See `ServiceStore`."""
        ...


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
        refusal: QuotaExceeded | None = None,
    ) -> Sequence[JobRecord]:
        """Store jobs (and the batch that they belong to) as queued, or nothing of them; return them as stored.

        A job that comes as failed (a row that could not be read) is stored as that. With an idempotency key that the
        same API key used within 24 hours for a request of the same digest, nothing is stored and the jobs of that first
        request are returned.

        Jobs of the queue `interactive` count as sent: the caller sends a message for each. For those of the queue
        `batch`, `next_jobs` says when.

        Raises:
            Conflict: that idempotency key came with another request, or a job or batch of this id is there.
            QuotaExceeded: more jobs of this API key would wait than it may have, it sends too often, or it is
                `refusal`, which is raised unless an earlier request is answered again.
            NotFound: there is no such API key.
        """
        ...

    # Reading

    async def job(self, job_id: str, *, project: str | None = None) -> JobRecord:
        """Return a job.

        Raises:
            NotFound: there is none of this id, or none in that project.
        """
        ...

    async def batch(self, batch_id: str, *, project: str | None = None) -> BatchRecord:
        """Return a batch.

        Raises:
            NotFound: there is none of this id, or none in that project.
        """
        ...

    async def batch_counts(self, batch_id: str) -> BatchCounts:
        """Return how a batch stands, counted in the database; usage is that of its ended jobs. Raises `NotFound`."""
        ...

    def batch_jobs(self, batch_id: str, *, ended_after: str | None = None) -> AsyncIterator[JobRecord]:
        """Give the jobs of a batch in their order, in pages.

        With `ended_after` only those that ended, in the order in which they ended: "" for the beginning, else the
        `end_number` of the last job that the reader has, as text, or its id. A job that was retried gets another number
        when it ends again, so for it the id says less than the number did. What is given next can only have greater
        numbers: nothing ends in between later.

        Raises:
            NotFound: there is no such batch, or no ended job of that id in it.
        """
        ...

    async def recent(self, *, project: str | None, limit: int, before: str | None = None) -> Sequence[JobRecord]:
        """Return the newest jobs (of a project), newest first, from after the job `before` on. Raises `NotFound`."""
        ...

    async def recent_batches(
        self, *, project: str | None, limit: int, before: str | None = None
    ) -> Sequence[BatchRecord]:
        """Return the newest batches (of a project), newest first, from after the batch `before` on."""
        ...

    async def matching(self, part: str, *, limit: int) -> Sequence[str]:
        """Return the ids of jobs and batches that begin or end with `part`, at most `limit`; for a person's eyes."""
        ...

    # Plans of batches

    async def batch_standing(self, batch_id: str) -> BatchStanding:
        """Return where a batch stands in its plan. Raises `NotFound`."""
        ...

    async def take_step(self, batch_id: str, step: PlanStep) -> Sequence[JobRecord]:
        """Add jobs to a batch, and queue jobs again that ended for want of budget with the one that they get now.

        Returns those that are queued by it; none of them counts as sent. Nothing is done where a job has ended since
        the step was decided. A job that is there, or that did not end for want of budget, stays as it is.
        """
        ...

    async def unsettled_batches(self, limit: int) -> Sequence[str]:
        """Return ids of batches whose plans may have a next step, the oldest first."""
        ...

    # What to send messages for

    async def next_jobs(self, *, outstanding: int, unseen_s: float) -> Sequence[QueuedJob]:
        """Choose queued jobs to send messages for, so many that per queue at most `outstanding` are under way.

        A message is under way for `unseen_s` seconds or until its job is claimed. API keys get shares by their weight:
        next is always the key with the least jobs begun and under way for its weight, as long as its concurrency
        allows; within a key by priority, then by age. What is returned counts as sent.
        """
        ...

    # Claims

    async def claim(
        self, kind: LeaseKind, id: str, *, holder: str, lease_s: float, uncounted_from: int | None = None
    ) -> Claim | None:
        """Take the lease, or return None: it is not there, held, or ended, or over its key's concurrency.

        A queued job becomes running. A job that is to be cancelled, or whose deadline has passed, can be claimed, so
        that what it has is kept; trajectories of a job that ended cannot.

        Args:
            kind: of what is claimed.
            id: of the job, or `JOB/TRAJECTORY`.
            holder: the process.
            lease_s: until when it is held without a beat.
            uncounted_from: attempts of this number and later do not count yet; see `count_attempt`.
        """
        ...

    async def count_attempt(self, claim: Claim) -> None:
        """Count the attempt of a claim that was made uncounted: what was claimed begins only now.

        Raises:
            LeaseLostError: the caller does not hold it any more.
        """
        ...

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        """Prolong all claims of a holder in one statement, and hear which are lost or to be stopped."""
        ...

    async def give_back(
        self, claim: Claim, *, counts: bool = False, error: Mapping[str, str | None] | None = None
    ) -> None:
        """End a lease; what it was for may be claimed at once. Does nothing where the lease is lost.

        Args:
            claim: of the caller.
            counts: this attempt failed.
            error: why (`SolventError.to_dict()`): the cause that is named where attempts run out.
        """
        ...

    async def holders(self) -> Sequence[str]:
        """Return the names of all that hold a lease which has not lapsed."""
        ...

    async def lapse(self, holder: str) -> int:
        """End the leases of a holder that is known to be dead; returns how many. Their attempts count."""
        ...

    # What holders write

    async def start_trajectories(self, claim: Claim, plans: Sequence[Plan]) -> None:
        """Store trajectories of a claimed job as queued; others stay as they are. Raises `LeaseLostError`."""
        ...

    async def cancel_trajectories(self, claim: Claim, names: Sequence[str]) -> None:
        """Ask for trajectories of a claimed job to stop; those that nobody holds end at once, as cancelled.

        Raises:
            LeaseLostError: another holds the job.
        """
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

    async def unended(self, claim: Claim) -> Sequence[str]:
        """Return the names of the trajectories of a claimed job that have no outcome yet."""
        ...

    async def tell(self, claim: Claim, names: Sequence[str]) -> None:
        """Mark outcomes as told to the strategy. Raises `LeaseLostError`."""
        ...

    async def untell(self, claim: Claim) -> None:
        """Mark no outcome of a job as told: its search begins anew. Raises `LeaseLostError`."""
        ...

    async def rest(self, claim: Claim) -> bool:
        """End the lease of a job that waits for trajectories, in order; its attempts count anew.

        Returns True where an outcome has come meanwhile: the caller sends a message for the job, or claims it again.
        Where there is no open trajectory either, the job stays due and the attempt counts: a search that waits for
        nothing ends as failed, not never.

        Raises:
            LeaseLostError: another holds the job.
        """
        ...

    async def finish(self, claim: Claim, result: JobResult) -> None:
        """Store how a claimed job ended, cancel what is left of its trajectories, and end its lease.

        Appends `job.finished` to its log in the same transaction, as everything does that ends a job. Holders of its
        trajectories lose their leases.

        Raises:
            LeaseLostError: another holds the job.
        """
        ...

    # From outside

    async def cancel(self, *, job_id: str | None = None, batch_id: str | None = None) -> int:
        """Ask for a job, or all jobs of a batch, to stop; those that no one has begun become cancelled at once.

        Returns how many had not ended. Trajectories that nobody holds end at once as cancelled. Holders hear of it with
        their next beat; PostgreSQL also notifies the channel `STOP_CHANNEL` with the job's id. A batch whose plan would
        have gone on is settled; a job that waited to go on with more budget keeps the result that it had.

        Raises:
            NotFound: there is no such job or batch.
        """
        ...

    async def retry(
        self,
        *,
        job_id: str | None = None,
        batch_id: str | None = None,
        statuses: Collection[JobStatus] = RETRIED,
    ) -> Sequence[QueuedJob]:
        """Queue jobs again that ended as one of `statuses`, from the beginning; returns them.

        None of them counts as sent: the caller sends messages, or `due` finds them. Rows that could not be read stay as
        they are. Raises `NotFound`.
        """
        ...

    async def due(
        self, *, max_attempts: int, unseen_s: float, limit: int = 1000, next_trajectories: Sequence[str] | None = None
    ) -> Due:
        """Do what the reaper does, whole and at once; safe for any number of reapers.

        Leases that ended are taken away. What was claimed `max_attempts` times without an end is ended: the trajectory
        with an error, the job as failed, each with its cause. Queued jobs of a batch past its deadline become expired.
        Returned is what is ready and held by nobody and of which no message was sent within `unseen_s`, at most `limit`
        begun jobs (these after 30 seconds at the latest) and `limit` trajectories, and queued jobs as
        `next_jobs(outstanding=limit)` chooses them. Of what has one or two attempts left, one thing at a time: see
        `sql.last_tries`.

        Args:
            max_attempts: so often something is begun at most.
            unseen_s: age of a message from which on it counts as lost.
            limit: see above.
            next_trajectories: those of the messages that are taken next, where that is known, none where no message
                about a trajectory waits. Messages are taken in their order, so one that was sent 30 seconds before
                these (before now, where none waits) is lost, whatever `unseen_s` says.
        """
        ...

    # Events

    async def add_events(self, job_id: str, events: Sequence[Event]) -> Sequence[int]:
        """Append to a job's log; returns their sequence numbers. Raises `NotFound`."""
        ...

    async def events(self, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[StoredEvent]:
        """Return the events after a sequence number, in order."""
        ...

    # Keys

    async def add_key(self, key: ApiKey, secret_digest: str) -> None:
        """Store an API key with the digest of its secret. Raises `Conflict` where the id or the digest is there."""
        ...

    async def key_of(self, secret_digest: str) -> ApiKey | None:
        """Return the key of a secret's digest, or None where there is none or it was revoked."""
        ...

    async def key(self, key_id: str) -> ApiKey:
        """Return a key, also one that was revoked. Raises `NotFound`."""
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys, newest first."""
        ...

    async def revoke_key(self, key_id: str) -> None:
        """Revoke a key; what it submitted goes on. Raises `NotFound`."""
        ...

    # Whole

    async def gauges(self) -> Mapping[str, float]:
        """Return counts for metrics and scaling: open jobs by queue and status, trajectories, leases, the longest wait.

        Names are Prometheus's without the prefix, with labels, as in `jobs{queue="batch",status="queued"}`.
        """
        ...

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises `StoreError`."""
        ...

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        ...
