"""Reads what happens in a job, and what a batch has finished, as it comes: nothing is missed, nothing comes twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from solvent.agents.events import FINISHED
from solvent.workers.records import ENDED, JobRecord
from solvent.workers.service_records import StoredEvent
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import Wakeups, batch_topic, job_topic

LOOK_AGAIN_S = 15.0
"""A wake-up may be lost (a worker died, Redis was away): then this is the delay."""
PAGE = 500


def never() -> bool:
    """Return False."""
    return False


async def follow_job(
    store: ServiceStore,
    wakeups: Wakeups,
    job_id: str,
    *,
    after: int = 0,
    stop: Callable[[], bool] = never,
    every_s: float = LOOK_AGAIN_S,
) -> AsyncIterator[StoredEvent]:
    """Give a job's events after a sequence number, and each further one as it comes, until the job has ended.

    Args:
        store: of the service.
        wakeups: on which new events are announced.
        job_id: the job.
        after: the last sequence number that the reader has.
        stop: asked after each wake-up; True ends the reading where it is.
        every_s: when to look again where nothing was announced.

    Raises:
        NotFound: there is no such job.
        StoreError: the database does not answer; reading may go on later after the last event that came.
    """
    async with wakeups.listen(job_topic(job_id)) as listener:
        look = True
        while not stop():
            # The state first: what is read afterwards is then all that the log of an ended job has. It comes with the
            # whole problem, so it is not asked for at each wake-up.
            ended = look and (await store.job(job_id)).status in ENDED
            finished = False
            while page := await store.events(job_id, after=after, limit=PAGE):
                for stored in page:
                    yield stored
                    after = stored.sequence
                finished = page[-1].event.type == FINISHED
                if stop():
                    return
            if ended:
                return
            look = finished or not await listener.wait(every_s)


async def follow_batch(
    store: ServiceStore,
    wakeups: Wakeups,
    batch_id: str,
    *,
    after: str = "",
    stop: Callable[[], bool] = never,
    every_s: float = LOOK_AGAIN_S,
) -> AsyncIterator[JobRecord]:
    """Give each job of a batch once, when it has ended, until all of them have and nothing follows.

    Where the batch's plan queues a job again, with more budget, it is given again at its next end.

    Args:
        store: of the service.
        wakeups: on which ends are announced.
        batch_id: the batch.
        after: id of the last job that the reader has; those that ended before it are left out.
        stop: asked after each wake-up; True ends the reading where it is.
        every_s: when to look again where nothing was announced.

    Raises:
        NotFound: there is no such batch, or no such job to go on after.
        StoreError: the database does not answer.
    """
    async with wakeups.listen(batch_topic(batch_id)) as listener:
        seen: dict[str, int | None] = {}
        counts = await store.batch_counts(batch_id)
        planned = counts.unsettled
        skipping = bool(after)
        cursor = ""
        while True:
            if planned:
                # Before what has ended is read: of a batch that is settled, that is all.
                counts = await store.batch_counts(batch_id)
            async for job in store.batch_jobs(batch_id, ended_after=cursor):
                cursor = job.id if job.end_number is None else str(job.end_number)
                if job.id not in seen or (planned and seen[job.id] != job.end_number):
                    seen[job.id] = job.end_number
                    if not skipping:
                        yield job
                    skipping = skipping and job.id != after
                if stop():
                    return
            if skipping or stop() or (len(seen) >= counts.total and not counts.unsettled):
                return
            if not await listener.wait(every_s):
                # Two that ended at once may have become visible in the other order: from the beginning, then.
                cursor = ""
