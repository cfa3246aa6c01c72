"""A whole cluster for tests of faults: real Redis, real PostgreSQL, a model server and real `solvent worker` processes.

Nothing in it is replaced; what a test kills is a process. The lab submits as the HTTP door does, and waits by wake-ups.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from cluster_tally import Tally, take_tally
from lab_worker import LabWorker
from model_servers import ModelServer
from servers import PostgresServer, RedisServer

from solvent.agents.events import Event
from solvent.agents.job import JobSpec
from solvent.errors import DependencyError, StoreError
from solvent.usage import Budget
from solvent.workers.celery_app import CeleryMessages, make_app
from solvent.workers.database import ServiceDatabase, open_service_database
from solvent.workers.follow import follow_batch, follow_job
from solvent.workers.messages import BATCH, UNSEEN_S
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.service_records import QueuedJob
from solvent.workers.service_store import ServiceStore

SETTINGS = {
    "lease_s": "10",
    "beat_s": "1",
    "reap_s": "1",
    # On a busy machine a lease may lapse though its holder lives; that must cost time only.
    "worker_attempts": "50",
    "sandbox": "local",
    # Programs of two workers at once are enough for two cores.
    "cores": "2",
}
OUTSTANDING = 256
"""Messages about jobs of the batch that are under way at once."""
AWAY_S = 0.5
"""Before a server that does not answer is asked again."""


class MakeLab(Protocol):
    """What the fixture `make_lab` is."""

    def __call__(self, model: ModelServer, **settings: str) -> ClusterLab:
        """Make a cluster around a model server, which is started now and ended with the test."""
        ...


class ClusterLab:
    """Use as an asynchronous context manager: it makes a new database and empties Redis, and at the end kills workers.

    The servers are started and ended by who made them; the model server must run before jobs are submitted.

    Args:
        folder: of the workers' home and configuration.
        redis: runs.
        postgres: runs.
        model: the server whose profile the jobs name.
        settings: of the workers, by their names in `Settings`, beside and instead of SETTINGS.

    Attributes:
        store: the service's store, on a connection of the test.
        messages: to send messages to workers.
        wakeups: to hear of what happens.
        workers: all that were started, in order.
    """

    store: ServiceStore
    messages: CeleryMessages
    wakeups: RedisWakeups

    def __init__(
        self,
        folder: Path,
        *,
        redis: RedisServer,
        postgres: PostgresServer,
        model: ModelServer,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.redis = redis
        self.postgres = postgres
        self.model = model
        self.workers: list[LabWorker] = []
        self.began = time.monotonic()
        self._settings = {**SETTINGS, **(settings or {})}
        self._database: ServiceDatabase | None = None

    async def __aenter__(self) -> ClusterLab:
        models = self.folder / "config" / "models"
        models.mkdir(parents=True)
        (models / f"{self.model.name}.toml").write_text(self.model.profile)
        self.redis.lose_data()
        self.database_name = self.postgres.create_database()
        self._database = await open_service_database(self.postgres.url(self.database_name))
        self.store = self._database.store
        self.messages = CeleryMessages(make_app(self.redis.url))
        self.wakeups = RedisWakeups(self.redis.url)
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()
        await self.wakeups.aclose()
        await self.messages.aclose()
        assert self._database is not None
        await self._database.aclose()
        self.postgres.drop_database(self.database_name)

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment of a process of this cluster, such as a worker or the HTTP door."""
        here = {
            "home": str(self.folder / "home"),
            "config_dir": str(self.folder / "config"),
            "database_url": self.postgres.url(self.database_name),
            "redis_url": self.redis.url,
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOLVENT_")}
        # Workers start dozens of times: without bytecode each start costs seconds of processor time.
        clean.pop("PYTHONDONTWRITEBYTECODE", None)
        given = {**here, **self._settings, **settings}
        return {**clean, **{f"SOLVENT_{name.upper()}": value for name, value in given.items()}}

    # Workers

    def begin_worker(self, *options: str, program: Sequence[str | Path] | None = None, **settings: str) -> LabWorker:
        """Start a worker process and return at once; see `LabWorker` for `program`."""
        worker = LabWorker(self.environment(**settings), options, program=program)
        self.workers.append(worker)
        return worker

    async def start_worker(
        self, *options: str, program: Sequence[str | Path] | None = None, **settings: str
    ) -> LabWorker:
        """Start a worker process and return when it takes messages."""
        worker = self.begin_worker(*options, program=program, **settings)
        await worker.ready()
        return worker

    async def start_workers(self, count: int, *options: str, **settings: str) -> list[LabWorker]:
        """Start so many worker processes at once and return when all of them take messages."""
        workers = [self.begin_worker(*options, **settings) for _ in range(count)]
        await asyncio.gather(*(worker.ready() for worker in workers))
        return workers

    # Jobs

    async def submit(
        self, specs: Sequence[JobSpec], *, budget: Budget | None = None, batch_id: str | None = None, queue: str = BATCH
    ) -> str:
        """Submit jobs as one batch, as the HTTP door does; returns the batch's id.

        Messages that cannot be sent, because Redis is away, are left to the reaper.
        """
        batch = BatchRecord(
            id=batch_id or f"batch-{secrets.token_hex(4)}",
            source="-",
            strategy=specs[0].strategy,
            model=specs[0].model,
            budget=budget or Budget(),
            created_at="",
        )
        records = [
            JobRecord(id=spec.id, batch_id=batch.id, position=number, custom_id=spec.id, spec=spec, created_at="")
            for number, spec in enumerate(specs)
        ]
        await self.store.submit(records, batch=batch, queue=queue)
        jobs: Sequence[QueuedJob] = [QueuedJob(spec.id, queue) for spec in specs]
        if queue == BATCH:
            jobs = await self.store.next_jobs(outstanding=OUTSTANDING, unseen_s=UNSEEN_S)
        with suppress(DependencyError):
            await self.messages.send_jobs(jobs)
        return batch.id

    async def ending(self, batch_id: str) -> AsyncIterator[JobRecord]:
        """Give each job of a batch once, as it ends, until all have; goes on after the database was away."""
        seen: set[str] = set()
        while True:
            try:
                async for record in follow_batch(self.store, self.wakeups, batch_id):
                    if record.id not in seen:
                        seen.add(record.id)
                        yield record
            except StoreError:
                await asyncio.sleep(AWAY_S)
            else:
                return

    async def ended(self, batch_id: str, *, within_s: float = 300.0) -> list[JobRecord]:
        """Wait until all jobs of a batch have ended; returns them in the order of their ends."""
        records: list[JobRecord] = []
        try:
            async with asyncio.timeout(within_s):
                async for record in self.ending(batch_id):
                    records.append(record)
        except TimeoutError:
            raise AssertionError(f"{len(records)} jobs ended in {within_s:g} s\n{self.outputs()}") from None
        return records

    async def until(self, job_id: str, is_it: Callable[[Event], bool], *, within_s: float = 120.0) -> Event:
        """Wait for an event of a job; fails where the job ends without it."""
        async with asyncio.timeout(within_s):
            while True:
                try:
                    async for stored in follow_job(self.store, self.wakeups, job_id):
                        if is_it(stored.event):
                            return stored.event
                    raise AssertionError(f"job {job_id} ended without that event\n{self.outputs()}")
                except StoreError:
                    await asyncio.sleep(AWAY_S)

    # Looking

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database itself (or change it), past all code of the service."""
        import psycopg

        with psycopg.connect(self.postgres.url(self.database_name, driver="postgresql")) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    async def tally(self, test: str, *batch_ids: str) -> Tally:
        """Count what became of batches that ended, fail where anything is lost, doubled or overspent, and note it.

        They must be all that this lab was given, for the model server's count to be theirs. See `cluster_tally`; the
        test run prints it at its end.
        """
        assert self._database is not None
        return await take_tally(self, self._database, test, batch_ids)

    def outputs(self) -> str:
        """Return what the workers last wrote, for failures."""
        return "\n".join(f"-- worker {worker.pid}\n" + "\n".join(worker.lines[-15:]) for worker in self.workers)
