"""Runs jobs of the store in this process, several at once, and survives being stopped at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from solvent.agents.events import Emit, Event, TextGenerated
from solvent.agents.job import JobResult, JobSpec, JobStatus
from solvent.agents.job_parts import failed_result
from solvent.errors import ConfigError, DataError, DependencyError, StoreError
from solvent.workers.records import JobRecord
from solvent.workers.store import JobStore

RunJob = Callable[[JobSpec, Emit], Awaitable[JobResult]]
"""Runs or resumes one job; cancelling it gives a result with status `cancelled`."""

OnEvent = Callable[[JobRecord, Event], None]
OnEnd = Callable[[JobRecord], None]


async def run_stored_job(store: JobStore, job: JobRecord, run_job: RunJob, on_event: OnEvent) -> JobRecord:
    """Run one job of the store to its end and return its record with the result.

    Events are stored as they come, except the streamed text, which the artifact store has anyway. A job that cannot
    be run at all (wrong configuration, unusable problem, nothing answers) ends as failed and says why.

    Raises:
        StoreError: results cannot be kept, so nothing may go on.
    """
    assert job.spec is not None, "a row that could not be read has nothing to run"

    def emit(event: Event) -> None:
        if not isinstance(event, TextGenerated):
            store.add_event(job.id, event.type, event.model_dump_json())
        on_event(job, event)

    store.set_status(job.id, JobStatus.RUNNING)
    try:
        result = await run_job(job.spec, emit)
    except (ConfigError, DataError, DependencyError) as error:
        if isinstance(error, StoreError):
            raise
        result = failed_result(job.spec, error)
    store.finish(result)
    return job.model_copy(update={"status": result.status, "result": result, "error": result.error})


async def run_jobs(
    store: JobStore,
    jobs: Sequence[JobRecord],
    run_job: RunJob,
    *,
    concurrency: int,
    on_event: OnEvent,
    on_end: OnEnd,
    stop: asyncio.Event,
) -> None:
    """Run the jobs that have not ended, at most `concurrency` at once, in their order.

    When `stop` is set, the running jobs are cancelled (their partial results are stored) and the others stay queued.
    A job's failure is its result; it never stops the others.
    """
    waiting = iter([job for job in jobs if not job.ended and job.spec is not None])
    running: set[asyncio.Task[JobRecord]] = set()

    async def cancel_when_stopped() -> None:
        await stop.wait()
        for task in running:
            task.cancel()

    watcher = asyncio.create_task(cancel_when_stopped())
    try:
        while True:
            while len(running) < concurrency and not stop.is_set():
                job = next(waiting, None)
                if job is None:
                    break
                running.add(asyncio.create_task(run_stored_job(store, job, run_job, on_event)))
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                running.discard(task)
                # Cancelled before its job began: nothing was spent, and the job is still queued.
                if not task.cancelled():
                    on_end(task.result())
    finally:
        watcher.cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, watcher, return_exceptions=True)
