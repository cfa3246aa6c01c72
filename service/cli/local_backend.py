"""Jobs and batches of this machine's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from solvent.errors import ConfigError
from solvent.service.cli.batch_intake import local_settings, read_batch, store_batch
from solvent.service.http.answers import batch_answer, job_answer
from solvent.settings import Settings
from solvent.workers.envelope import EventEnvelope, envelope
from solvent.workers.follow import follow_batch, follow_job
from solvent.workers.holders import is_dead, lapse_dead, new_holder
from solvent.workers.home import home_database, open_home
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.results import result_rows
from solvent.workers.service_records import LeaseKind
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import LocalWakeups

Value = TypeVar("Value")
Answer = dict[str, Any]

LOOK_AGAIN_S = 0.5
"""SQLite cannot say that something has come."""
LEASE_S = 30.0
PAGE = 200
MOST_LOOKED_AT = 2000
"""Jobs that are looked through for those that stand for themselves."""


class LocalBackend:
    """See `Backend`.

    Args:
        settings: of this process.

    Raises:
        StoreError: the database cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = home_database(settings)
        self._runner = asyncio.Runner()
        try:
            self._database = self._do(open_home(settings))
        except BaseException:
            self._runner.close()
            raise

    @property
    def _store(self) -> ServiceStore:
        return self._database.store

    def __enter__(self) -> LocalBackend:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._do(self._database.aclose())
        finally:
            self._runner.close()

    @property
    def place(self) -> str:
        """See `Backend`."""
        return str(self._path)

    def resolve(self, part: str) -> str:
        """See `Backend`.

        Raises:
            ConfigError: none or several match.
        """
        found = self._do(self._store.matching(part, limit=PAGE))
        if part in found:
            return part
        if len(found) == 1:
            return found[0]
        if not found:
            raise ConfigError(f"no job or batch matches {part!r}", remedy="`solvent run list` shows them")
        more = " or more" if len(found) == PAGE else ""
        raise ConfigError(f"{len(found)}{more} jobs and batches match {part!r}", remedy="give more of the id")

    def submit_path(self, path: str, options: Mapping[str, Any]) -> Answer:
        """See `Backend`."""
        batch, jobs = read_batch(local_settings(options), path, options)
        return self.batch(self._do(store_batch(self._store, batch, jobs, options)))

    def estimate_path(self, path: str, options: Mapping[str, Any]) -> Answer:
        """See `Backend`."""
        from solvent.sandbox.layout import usable_cores
        from solvent.service.plans import estimated

        settings = local_settings(options)
        batch, jobs = read_batch(settings, path, options)
        at_once = options.get("jobs") or 2 * (settings.cores or usable_cores())
        return self._do(estimated(settings, self._store, batch, jobs, concurrency=at_once))

    def standings(self, batch_id: str, *, unfreeze: bool = False) -> Answer:
        """See `Backend`."""
        from solvent.service.plans import board

        return self._do(board(self._store, self._do(self._store.batch(batch_id)), unfreeze=unfreeze))

    def plan_report(self, batch_id: str, *, unfreeze: bool = False) -> Answer:
        """See `Backend`."""
        from solvent.service.plans import plan_report

        return self._do(plan_report(self._store, self._do(self._store.batch(batch_id)), unfreeze=unfreeze))

    def job(self, job_id: str) -> Answer:
        """See `Backend`."""
        return _job(self._do(self._store.job(job_id)), with_problem=True)

    def batch(self, batch_id: str) -> Answer:
        """See `Backend`."""
        return self._do(self._batch(self._do(self._store.batch(batch_id))))

    def jobs(self, limit: int) -> list[Answer]:
        """See `Backend`."""
        return [_job(job) for job in self._do(self._single(limit))]

    def batches(self, limit: int) -> list[Answer]:
        """See `Backend`."""
        found = self._do(self._store.recent_batches(project=None, limit=limit))
        return [self._do(self._batch(batch)) for batch in found]

    def cancel(self, run_id: str) -> Answer:
        """See `Backend`. What a process that died had begun ends here; what lives hears of it within a second."""
        return {"id": run_id, "stopping": self._do(self._cancel(run_id))}

    def retry(self, run_id: str) -> Answer:
        """See `Backend`."""
        job_id, batch_id = _named(run_id)
        queued = self._do(self._store.retry(batch_id=batch_id, job_id=job_id))
        return {"id": run_id, "queued": len(queued)}

    def events(self, job_id: str, *, after: int = 0) -> Iterator[EventEnvelope]:
        """See `Backend`."""
        found = follow_job(self._store, LocalWakeups(), job_id, after=after, every_s=LOOK_AGAIN_S)
        return (envelope(stored) for stored in self._each(found))

    def results(self, batch_id: str, *, follow: bool = False) -> Iterator[Answer]:
        """See `Backend`."""
        if follow:
            found = follow_batch(self._store, LocalWakeups(), batch_id, every_s=LOOK_AGAIN_S)
        else:
            found = self._store.batch_jobs(batch_id, ended_after="")
        return (row for job in self._each(found) for row in result_rows(job))

    def ordered_rows(self, batch_id: str) -> Iterator[Answer]:
        """See `Backend`."""
        return (row for job in self._each(self._store.batch_jobs(batch_id)) for row in result_rows(job))

    def idle_hint(self, batch_id: str) -> str | None:
        """See `Backend`."""
        if any(not is_dead(self._path, holder) for holder in self._do(self._store.holders())):
            return None
        return f"nobody works on it now: solvent batch run --resume {batch_id}, or solvent serve all"

    def _do(self, work: Coroutine[Any, Any, Value]) -> Value:
        return self._runner.run(work)

    def _each(self, found: AsyncIterator[Value]) -> Iterator[Value]:
        async def following() -> list[Value]:
            async for value in found:
                return [value]
            return []

        while value := self._do(following()):
            yield from value

    async def _single(self, limit: int) -> list[JobRecord]:
        found: list[JobRecord] = []
        looked_at, before = 0, None
        while len(found) < limit and looked_at < MOST_LOOKED_AT:
            page = await self._store.recent(project=None, limit=PAGE, before=before)
            if not page:
                break
            found += [job for job in page if job.batch_id is None]
            looked_at, before = looked_at + len(page), page[-1].id
        return found[:limit]

    async def _batch(self, batch: BatchRecord) -> Answer:
        counts = await self._store.batch_counts(batch.id)
        return batch_answer(batch, counts).model_dump(mode="json")

    async def _cancel(self, run_id: str) -> int:
        job_id, batch_id = _named(run_id)
        stopping = await self._store.cancel(batch_id=batch_id, job_id=job_id)
        await lapse_dead(self._store, self._path)
        if not await self._store.holders():
            if job_id is not None:
                jobs = [await self._store.job(job_id)]
            else:
                jobs = [job async for job in self._store.batch_jobs(run_id) if not job.ended]
            await self._end_unheld(jobs)
        return stopping

    async def _end_unheld(self, jobs: list[JobRecord]) -> None:
        """End what is to stop and nobody works on: its process died."""
        from solvent.agents.ledgers import SqliteLedger
        from solvent.workers.runner import cancelled_result

        ledger = SqliteLedger(self._settings.home / "ledger.sqlite")
        holder = new_holder()
        try:
            for job in jobs:
                if job.ended or job.spec is None:
                    continue
                claim = await self._store.claim(LeaseKind.JOB, job.id, holder=holder, lease_s=LEASE_S)
                if claim is not None:
                    result = cancelled_result(job.spec, await ledger.usage(job.id))
                    await self._store.finish(claim, result)
        finally:
            await ledger.aclose()


def _job(job: JobRecord, *, with_problem: bool = False) -> Answer:
    return job_answer(job, with_problem=with_problem).model_dump(mode="json")


def _named(run_id: str) -> tuple[str | None, str | None]:
    """Return a job's id or a batch's."""
    return (None, run_id) if run_id.startswith("batch") else (run_id, None)
