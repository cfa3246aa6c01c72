"""The service's store on PostgreSQL or SQLite: one transaction per method, each done by the file of its subject."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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
from solvent.workers.sql import (
    at_once,
    choosing,
    claims,
    events,
    gauges,
    keys,
    planning,
    reading,
    reaping,
    stops,
    submission,
    trajectories,
)
from solvent.workers.sql.engine import Database


class SqlServiceStore:
    """A `ServiceStore`; its methods are documented there.

    Args:
        database: with the tables of this version; closed with the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """See `ServiceStore`."""
        return await self._database.write(
            "store jobs",
            lambda connection: submission.submit(
                connection,
                jobs,
                batch_=batch,
                key_id=key_id,
                queue=queue,
                priority=priority,
                idempotency_key=idempotency_key,
                request_digest=request_digest,
                refusal=refusal,
            ),
        )

    async def job(self, job_id: str, *, project: str | None = None) -> JobRecord:
        """See `ServiceStore`."""
        return await self._database.read(
            f"read job {job_id!r}", lambda connection: reading.one_job(connection, job_id, project)
        )

    async def batch(self, batch_id: str, *, project: str | None = None) -> BatchRecord:
        """See `ServiceStore`."""
        return await self._database.read(
            f"read batch {batch_id!r}", lambda connection: reading.one_batch(connection, batch_id, project)
        )

    async def batch_counts(self, batch_id: str) -> BatchCounts:
        """See `ServiceStore`."""
        return await self._database.read(
            f"count the jobs of batch {batch_id!r}", lambda connection: reading.counts(connection, batch_id)
        )

    async def batch_jobs(self, batch_id: str, *, ended_after: str | None = None) -> AsyncIterator[JobRecord]:
        """See `ServiceStore`."""
        what = f"read the jobs of batch {batch_id!r}"
        await self.batch(batch_id)
        after = -1
        if ended_after is not None:
            cursor = ended_after
            after = await self._database.read(
                what, lambda connection: reading.ended_place(connection, batch_id, cursor)
            )

        async def page(connection: AsyncConnection) -> Sequence[JobRecord]:
            read = reading.page if ended_after is None else reading.ended_page
            return await read(connection, batch_id, after)

        while records := await self._database.read(what, page):
            for record in records:
                yield record
            last = records[-1]
            after = last.position if ended_after is None else last.end_number or after

    async def recent(self, *, project: str | None, limit: int, before: str | None = None) -> Sequence[JobRecord]:
        """See `ServiceStore`."""
        return await self._database.read(
            "list jobs", lambda connection: reading.recent_jobs(connection, project, limit, before)
        )

    async def recent_batches(
        self, *, project: str | None, limit: int, before: str | None = None
    ) -> Sequence[BatchRecord]:
        """See `ServiceStore`."""
        return await self._database.read(
            "list batches", lambda connection: reading.recent_batches(connection, project, limit, before)
        )

    async def matching(self, part: str, *, limit: int) -> Sequence[str]:
        """See `ServiceStore`."""
        return await self._database.read(
            f"look for {part!r}", lambda connection: reading.matching(connection, part, limit)
        )

    async def batch_standing(self, batch_id: str) -> BatchStanding:
        """See `ServiceStore`."""
        return await self._database.read(
            f"look at batch {batch_id!r}", lambda connection: planning.standing(connection, batch_id)
        )

    async def take_step(self, batch_id: str, step: PlanStep) -> Sequence[JobRecord]:
        """See `ServiceStore`."""
        return await self._database.write(
            f"go on with batch {batch_id!r}", lambda connection: planning.take_step(connection, batch_id, step)
        )

    async def unsettled_batches(self, limit: int) -> Sequence[str]:
        """See `ServiceStore`."""
        return await self._database.read(
            "look for batches to go on with", lambda connection: planning.unsettled(connection, limit)
        )

    async def next_jobs(self, *, outstanding: int, unseen_s: float) -> Sequence[QueuedJob]:
        """See `ServiceStore`."""
        return await self._database.write(
            "choose jobs",
            lambda connection: choosing.choose(connection, outstanding=outstanding, unseen_s=unseen_s),
        )

    async def claim(
        self, kind: LeaseKind, id: str, *, holder: str, lease_s: float, uncounted_from: int | None = None
    ) -> Claim | None:
        """See `ServiceStore`."""
        claim = claims.claim_job if kind is LeaseKind.JOB else claims.claim_trajectory
        what = f"claim {kind} {id!r}"
        if not self._database.is_sqlite:
            usual = await self._database.write(
                what,
                lambda connection: at_once.claim(connection, kind, id, holder, lease_s, uncounted_from),
                # Made twice, the second finds it held, as by another: the lease that nobody knows of lapses.
                one_change=True,
            )
            if usual is not None:
                return usual
        return await self._database.write(
            what, lambda connection: claim(connection, id, holder, lease_s, uncounted_from)
        )

    async def count_attempt(self, claim: Claim) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"count an attempt of {claim.kind} {claim.id!r}", lambda connection: claims.count_attempt(connection, claim)
        )

    async def beat(self, holder: str, claims_: Sequence[Claim], *, lease_s: float) -> Beat:
        """See `ServiceStore`."""
        return await self._database.write(
            "prolong leases",
            lambda connection: claims.beat(connection, holder, claims_, lease_s),
            one_change=True,
        )

    async def give_back(
        self, claim: Claim, *, counts: bool = False, error: Mapping[str, str | None] | None = None
    ) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"give back {claim.kind} {claim.id!r}",
            lambda connection: claims.give_back(connection, claim, counts=counts, error=error),
        )

    async def holders(self) -> Sequence[str]:
        """See `ServiceStore`."""
        return await self._database.read("list who holds leases", claims.holders)

    async def lapse(self, holder: str) -> int:
        """See `ServiceStore`."""
        return await self._database.write(
            f"end the leases of {holder!r}", lambda connection: claims.lapse(connection, holder)
        )

    async def start_trajectories(self, claim: Claim, plans: Sequence[Plan]) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"store trajectories of job {claim.id!r}",
            lambda connection: trajectories.start(connection, claim, plans),
            one_change=not self._database.is_sqlite,
        )

    async def cancel_trajectories(self, claim: Claim, names: Sequence[str]) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"cancel trajectories of job {claim.id!r}",
            lambda connection: trajectories.cancel(connection, claim, names),
        )

    async def end_trajectory(self, claim: Claim, outcome: TrajectoryOutcome) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"end trajectory {claim.id!r}", lambda connection: trajectories.end(connection, claim, outcome)
        )

    async def trajectory(self, job_id: str, name: str) -> TrajectoryRecord:
        """See `ServiceStore`."""
        return await self._database.read(
            f"read trajectory {job_id}/{name}", lambda connection: trajectories.one(connection, job_id, name)
        )

    async def untold(self, claim: Claim) -> Sequence[TrajectoryRecord]:
        """See `ServiceStore`."""
        return await self._database.read(
            f"read outcomes of job {claim.id!r}", lambda connection: trajectories.untold(connection, claim)
        )

    async def unended(self, claim: Claim) -> Sequence[str]:
        """See `ServiceStore`."""
        return await self._database.read(
            f"read trajectories of job {claim.id!r}", lambda connection: trajectories.unended(connection, claim)
        )

    async def tell(self, claim: Claim, names: Sequence[str]) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"mark outcomes of job {claim.id!r}",
            lambda connection: trajectories.tell(connection, claim, names),
            one_change=not self._database.is_sqlite,
        )

    async def untell(self, claim: Claim) -> None:
        """See `ServiceStore`."""
        await self._database.write(
            f"tell outcomes of job {claim.id!r} again", lambda connection: trajectories.untell(connection, claim)
        )

    async def rest(self, claim: Claim) -> bool:
        """See `ServiceStore`."""
        return await self._database.write(
            f"let job {claim.id!r} rest", lambda connection: trajectories.rest(connection, claim)
        )

    async def finish(self, claim: Claim, result: JobResult) -> None:
        """See `ServiceStore`."""
        await self._database.write(f"end job {claim.id!r}", lambda connection: stops.finish(connection, claim, result))

    async def cancel(self, *, job_id: str | None = None, batch_id: str | None = None) -> int:
        """See `ServiceStore`. A large batch takes several transactions: doing it again goes on."""
        if batch_id is not None:
            # First, so that no step of its plan queues anything behind the back of what follows.
            await self._database.write("settle a batch", lambda connection: planning.settle(connection, batch_id))
        count, after = 0, ""
        while True:
            step, last = await self._database.write(
                "cancel jobs",
                lambda connection, after=after: stops.cancel_step(  # type: ignore[misc]  # of a lambda's default
                    connection, job_id=job_id, batch_id=batch_id, after=after
                ),
            )
            count += step
            if last is None:
                return count
            after = last

    async def retry(
        self,
        *,
        job_id: str | None = None,
        batch_id: str | None = None,
        statuses: Collection[JobStatus] = RETRIED,
    ) -> Sequence[QueuedJob]:
        """See `ServiceStore`. A large batch takes several transactions: doing it again goes on."""
        queued: list[QueuedJob] = []
        after = ""
        while True:
            step, last = await self._database.write(
                "queue jobs again",
                lambda connection, after=after: stops.retry_step(  # type: ignore[misc]  # of a lambda's default
                    connection, job_id=job_id, batch_id=batch_id, statuses=statuses, after=after
                ),
            )
            queued.extend(step)
            if last is None:
                return queued
            after = last

    async def due(
        self, *, max_attempts: int, unseen_s: float, limit: int = 1000, next_trajectories: Sequence[str] | None = None
    ) -> Due:
        """See `ServiceStore`."""
        return await self._database.write(
            "look for what is due",
            lambda connection: reaping.due(
                connection,
                max_attempts=max_attempts,
                unseen_s=unseen_s,
                limit=limit,
                next_trajectories=next_trajectories,
            ),
        )

    async def add_events(self, job_id: str, events_: Sequence[Event]) -> Sequence[int]:
        """See `ServiceStore`."""
        return await self._database.write(
            f"append to the log of job {job_id!r}",
            lambda connection: events.append(connection, job_id, events_),
            one_change=True,
            repeatable=False,
        )

    async def events(self, job_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[StoredEvent]:
        """See `ServiceStore`."""
        return await self._database.read(
            f"read the log of job {job_id!r}", lambda connection: events.after(connection, job_id, after, limit)
        )

    async def add_key(self, key: ApiKey, secret_digest: str) -> None:
        """See `ServiceStore`."""
        await self._database.write("store an API key", lambda connection: keys.add(connection, key, secret_digest))

    async def key_of(self, secret_digest: str) -> ApiKey | None:
        """See `ServiceStore`."""
        return await self._database.read(
            "look up an API key", lambda connection: keys.of_digest(connection, secret_digest)
        )

    async def key(self, key_id: str) -> ApiKey:
        """See `ServiceStore`."""
        return await self._database.read("read an API key", lambda connection: keys.of_id(connection, key_id))

    async def keys(self) -> Sequence[ApiKey]:
        """See `ServiceStore`."""
        return await self._database.read("list API keys", keys.every)

    async def revoke_key(self, key_id: str) -> None:
        """See `ServiceStore`."""
        await self._database.write("revoke an API key", lambda connection: keys.revoke(connection, key_id))

    async def gauges(self) -> Mapping[str, float]:
        """See `ServiceStore`."""
        return await self._database.read("count what is open", gauges.gauges)

    async def ping(self) -> None:
        """See `ServiceStore`."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(text("SELECT 1"))

        await self._database.read("reach the database", work)

    async def aclose(self) -> None:
        """See `ServiceStore`."""
        await self._database.aclose()
