"""Runs jobs of the store whole in this process, several at once, and survives being stopped at any moment.

Each is held by a lease while it runs, as workers of the service hold theirs: a job runs in one place, also where a
service works on the same database, and whoever cancels it from another process is heard with the next beat.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from solvent.agents.events import Emit, Event
from solvent.agents.job import JobResult, JobSpec, JobStatus, StopReason
from solvent.agents.job_parts import failed_result
from solvent.errors import ConfigError, DataError, DependencyError, StoreError
from solvent.usage import Usage
from solvent.workers.event_log import EventLog
from solvent.workers.lease import Ending, Held, Keeper
from solvent.workers.records import JobRecord, utc_now
from solvent.workers.service_records import LeaseKind, LeaseLostError
from solvent.workers.service_store import HolderStore, ServiceStore

RunJob = Callable[[JobRecord, Emit], Coroutine[Any, Any, JobResult]]
"""Runs or resumes one job; cancelling it gives a result with status `cancelled`."""
OnEvent = Callable[[JobRecord, Event], None]
OnEnd = Callable[[JobRecord], None]
After = Callable[[JobRecord], Awaitable[Sequence[JobRecord]]]
"""Called with each job that ended; returns jobs that are to be run because of it."""

LOOK_AGAIN_S = 1.0
"""How often a job is looked at that another process works on."""
_CANCELLED = frozenset({Ending.CANCELLED})
"""A job's deadline is kept by itself."""


def ignore(job: JobRecord, event: Event) -> None:
    """Take an event and do nothing."""


@dataclass
class Runner:
    """Runs jobs one by one or many at once; everything is opened and closed by who made it.

    Attributes:
        store: where they are.
        keeper: holds them.
        events: takes their events; without streamed text, which the artifact store has.
        run_job: see there.
        usage: what a job has spent, by the ledger.
        on_event: told of each event as well.
        stop: once it is set, what runs is cancelled (its partial result is stored) and nothing more begins.
    """

    store: ServiceStore
    keeper: Keeper
    events: EventLog
    run_job: RunJob
    usage: Callable[[str], Awaitable[Usage]]
    on_event: OnEvent = ignore
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, job_id: str) -> JobRecord | None:
        """Claim a job and run it to its end; returns it ended, or None where another process works on it.

        A job that cannot be run at all (wrong configuration, unusable problem, nothing answers) ends as failed and
        says why.

        Raises:
            StoreError: results cannot be kept, so nothing may go on.
        """
        while True:
            # Where this machine slept, a lease may be over meanwhile: the job goes on where it was, if nobody has it.
            with suppress(LeaseLostError):
                async with self.keeper.claim(LeaseKind.JOB, job_id) as held:
                    record = await self.store.job(job_id)
                    if held is None:
                        return record if record.ended else None
                    if not await self._is_whole(held):
                        with held.letting_go():
                            await self.store.rest(held.claim)
                        return None
                    return await self._run_held(held, record)

    async def _run_held(self, held: Held, record: JobRecord) -> JobRecord:
        if record.status is JobStatus.CANCELLING:
            # Nobody who ran it was there any more to say what it has so far.
            running = None
        else:
            running = asyncio.create_task(self.run_job(record, self.emitter(record)), name=f"run {record.id}")
        return await run_held(
            held, record, running, store=self.store, events=self.events, usage=self.usage, stop=self.stop
        )

    def emitter(self, record: JobRecord) -> Emit:
        """Return what a job's events are given to."""

        def emit(event: Event) -> None:
            self.events.emit(event)
            self.on_event(record, event)

        return emit

    async def _is_whole(self, held: Held) -> bool:
        """Take trajectories that a worker of the service left back into the job; False where one works on them."""
        names = await self.store.unended(held.claim)
        if not names:
            return True
        await self.store.cancel_trajectories(held.claim, names)
        return not await self.store.unended(held.claim)


async def run_held(
    held: Held,
    record: JobRecord,
    running: asyncio.Task[JobResult] | None,
    *,
    store: HolderStore,
    events: EventLog,
    usage: Callable[[str], Awaitable[Usage]],
    stop: asyncio.Event,
) -> JobRecord:
    """Let a held job, which runs, come to its end, or have it stop; then store how it ended, and return it.

    Args:
        held: the claim.
        record: the job.
        running: gives its result; None: nothing more is done, and it ends as cancelled.
        store: where its end is written.
        events: where its events were given to.
        usage: what a job has spent, by the ledger.
        stop: once it is set, the job is cancelled.

    Raises:
        LeaseLostError: another holds it.
        StoreError: its result cannot be kept.
    """
    spec = record.spec
    assert spec is not None, "whoever submitted it gave it something to run"
    result = None
    stopping = asyncio.create_task(_end_at(stop, held), name=f"stop {record.id}")
    try:
        if running is not None:
            result = await held.run(running, until=_CANCELLED)
    except (ConfigError, DataError, DependencyError) as error:
        if isinstance(error, StoreError):
            raise
        result = failed_result(spec, error)
    finally:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
    if result is None:
        result = cancelled_result(spec, await usage(record.id))
    await events.flush()
    with held.letting_go():
        await store.finish(held.claim, result)
    events.forget(record.id)
    ended = {"status": result.status, "result": result, "error": result.error, "finished_at": utc_now()}
    return record.model_copy(update=ended)


async def _end_at(stop: asyncio.Event, held: Held) -> None:
    await stop.wait()
    held.end(Ending.CANCELLED)


def cancelled_result(spec: JobSpec, usage: Usage) -> JobResult:
    """Return the result of a job that was cancelled where nobody can say more of it."""
    return JobResult(
        job_id=spec.id,
        problem_id=spec.problem.id,
        status=JobStatus.CANCELLED,
        stop_reason=StopReason.CANCELLED,
        usage=usage,
        strategy=spec.strategy,
        model=spec.model,
        model_for=spec.model_for,
    )


async def run_jobs(
    runner: Runner, jobs: Iterable[JobRecord], *, concurrency: int, on_end: OnEnd, after: After | None = None
) -> None:
    """Run the jobs that have not ended, at most `concurrency` at once, in their order, until all have ended.

    Those that another process works on are looked at again until they have ended there, or can be had. When the runner
    is stopped, what runs ends as cancelled and the others stay as they are. A job's failure is its result; it never
    stops the others.

    Raises:
        StoreError: results cannot be kept.
    """
    waiting = deque(job.id for job in jobs if not job.ended and job.spec is not None)
    elsewhere: list[str] = []
    running: dict[asyncio.Task[JobRecord | None], str] = {}
    stopped = asyncio.create_task(runner.stop.wait(), name="stop jobs")
    try:
        while True:
            while waiting and len(running) < concurrency and not runner.stop.is_set():
                job_id = waiting.popleft()
                running[asyncio.create_task(runner.run(job_id), name=f"job {job_id}")] = job_id
            if not running and (runner.stop.is_set() or not elsewhere):
                return
            heard: set[asyncio.Task[Any]] = {*running} if runner.stop.is_set() else {*running, stopped}
            pause_s = LOOK_AGAIN_S if elsewhere else None
            done, _ = await asyncio.wait(heard, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                waiting.extend(elsewhere)
                elsewhere.clear()
            for task in done - {stopped}:
                job_id = running.pop(task)
                ended = task.result()
                if ended is None:
                    elsewhere.append(job_id)
                    continue
                on_end(ended)
                if after is not None:
                    waiting.extend(job.id for job in await after(ended))
    finally:
        for task in (*running, stopped):
            task.cancel()
        await asyncio.gather(*running, stopped, return_exceptions=True)
