"""What a sweep deletes and what it never does, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from stored_jobs import batch_record, empty, job_record, job_result, outcome, pass_time, plan

from solvent.agents.events import PhaseEntered
from solvent.agents.job import JobStatus
from solvent.artifacts import FileArtifacts
from solvent.errors import NotFound
from solvent.settings import Settings
from solvent.usage import Budget, Usage
from solvent.workers.artifact_register import OwnedArtifact
from solvent.workers.checkpoints import PostgresCheckpoints, SqliteCheckpoints
from solvent.workers.database import ServiceDatabase, open_service_database
from solvent.workers.opening import libpq_url
from solvent.workers.service_records import ApiKey, Claim, LeaseKind
from solvent.workers.sql.engine import Database
from solvent.workers.tables import lease, metadata
from solvent.workers.upkeep import DAY_S, Retention, Sweeper, Swept, retention_of
from solvent.workers.utility import ConceptUse

LEASE_S = 10 * 365 * DAY_S
MONTH = Retention(job_s=30 * DAY_S)


@dataclass
class Place:
    """A database, and folders beside it."""

    service: ServiceDatabase
    database: Database
    artifacts: FileArtifacts
    checkpoints: SqliteCheckpoints
    folder: Path

    @property
    def sweeper(self) -> Sweeper:
        return Sweeper(self.service.upkeep, self.service.artifacts, self.artifacts, self.checkpoints)

    async def sweep(self, retention: Retention) -> Swept:
        """Sweep, having asked before what would go."""
        said = await self.sweeper.sweep(retention, dry_run=True)
        # What goes with jobs belongs to nobody only afterwards.
        swept = await self.sweeper.sweep(retention)
        assert said == swept
        assert await self.sweeper.sweep(retention) == Swept()
        return swept

    async def job(self, job_id: str, *texts: str, key_id: str | None = None, ended: bool = True) -> None:
        """Store a job with events, a trajectory, an account and artifacts, and end it."""
        store = self.service.store
        await store.submit([job_record(job_id)], key_id=key_id)
        await self.work_on(job_id, *texts, key_id=key_id, ended=ended)

    async def work_on(self, job_id: str, *texts: str, key_id: str | None = None, ended: bool = True) -> None:
        service = self.service
        claim = await service.store.claim(LeaseKind.JOB, job_id, holder="worker", lease_s=LEASE_S)
        assert claim is not None
        await service.store.start_trajectories(claim, [plan("t1")])
        part = await service.store.claim(LeaseKind.TRAJECTORY, f"{job_id}/t1", holder="worker", lease_s=LEASE_S)
        assert part is not None
        events = [PhaseEntered(job_id=job_id, trajectory="t1", phase="solve", round=number) for number in range(3)]
        await service.store.add_events(job_id, events)
        parent = None if key_id is None else f"key:{key_id}"
        if parent is not None:
            await service.journal.open(parent, parent=None, budget=Budget(), daily=True, fingerprint="", started_at=0.0)
        await service.journal.open(job_id, parent=parent, budget=Budget(), daily=False, fingerprint="f", started_at=0.0)
        await service.journal.asked(job_id, "t1/solve/0/0", day="2026-01-01", reserved=Usage(model_calls=1), ticket="t")
        owned = [OwnedArtifact(job_id, self.artifacts.put(text), len(text.encode())) for text in texts]
        await service.artifacts.note(owned)
        await service.utility.record_uses(job_id, [ConceptUse(namespace="n", concept_id="c", version=1, chosen=True)])
        if ended:
            await service.store.end_trajectory(part, outcome("t1"))
            await service.store.finish(claim, job_result(job_id))

    async def later(self, days: float) -> None:
        """Let time pass in the database and for all files."""
        await pass_time(self.database, days * DAY_S)
        then = time.time() - days * DAY_S
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))

    async def count(self, table: str) -> int:
        async def work(connection: AsyncConnection) -> int:
            return int(
                (await connection.execute(select(func.count()).select_from(metadata.tables[table]))).scalar_one()
            )

        return await self.database.read("count", work)

    async def is_there(self, job_id: str) -> bool:
        try:
            await self.service.store.job(job_id)
        except NotFound:
            return False
        return True


@asynccontextmanager
async def open_place(url: str, folder: Path) -> AsyncIterator[Place]:
    service, database = await open_service_database(url), Database(url)
    files = FileArtifacts(folder / "artifacts")
    try:
        yield Place(service, database, files, SqliteCheckpoints(folder / "checkpoints"), folder)
    finally:
        await service.aclose()
        await database.aclose()


@pytest_asyncio.fixture
async def place(service_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(service_url, tmp_path / "beside") as opened:
        yield opened


async def test_without_a_setting_nothing_that_anybody_made_is_deleted(place: Place) -> None:
    await place.job("job", "text")
    place.artifacts.put("belongs to nobody")
    await place.later(1000)
    assert await place.sweep(retention_of(Settings())) == Swept()
    assert await place.is_there("job")
    assert len(await place.service.store.events("job")) == 4


async def test_old_jobs_go_with_all_that_is_theirs(place: Place) -> None:
    key = ApiKey(id="key", name="ada")
    await place.service.store.add_key(key, "digest")
    await place.job("old", "only old", "of both", key_id="key")
    await place.later(20)
    await place.job("young", "of both", "only young", key_id="key")
    await place.later(20)
    swept = await place.sweep(MONTH)
    assert swept == Swept(jobs=1, artifacts=1, artifact_bytes=len("only old"))
    assert not await place.is_there("old")
    assert await place.is_there("young")
    assert await place.service.store.events("old") == []
    assert len(await place.service.store.events("young")) == 4
    assert {row.id for row in await place.service.artifacts.of_job("young")} == {
        place.artifacts.put("of both"),
        place.artifacts.put("only young"),
    }
    left = {table: await place.count(table) for table in metadata.tables}
    one_each = {"job", "job_content", "trajectory", "api_key", "ledger_call", "concept_use", "concept_utility"}
    several = {"event": 4, "artifact": 2, "job_artifact": 2, "ledger_scope": 2}
    assert {table: number for table, number in left.items() if number} == {**dict.fromkeys(one_each, 1), **several}
    # What concepts were worth is kept.
    assert (await place.service.utility.utility("n"))[0].chosen == 2


@pytest.mark.parametrize("keeps", ["open", "young"])
async def test_a_batch_goes_as_a_whole(place: Place, keeps: str) -> None:
    store = place.service.store
    await store.submit([job_record("a"), job_record("b", 1)], batch=batch_record("batch"), queue="batch")
    await place.service.journal.open("batch", parent=None, budget=Budget(), daily=False, fingerprint="", started_at=0.0)
    await place.work_on("a", "text a")
    if keeps == "young":
        await place.later(20)
        await place.work_on("b", "text b")
        await place.later(20)
    else:
        await place.later(40)
    assert await place.sweep(MONTH) == Swept()
    if keeps == "open":
        await place.work_on("b", "text b")
    await place.later(40)
    assert await place.sweep(MONTH) == Swept(jobs=2, batches=1, artifacts=2, artifact_bytes=12)
    with pytest.raises(NotFound):
        await store.batch("batch")
    assert await place.count("ledger_scope") == 0
    assert list(place.artifacts.ids(older_than_s=-60)) == []


async def test_a_project_may_have_a_time_of_its_own(place: Place) -> None:
    for project in ("short", "other", "ever"):
        key = ApiKey(id=project, name=project, project=project)
        await place.service.store.add_key(key, f"digest {project}")
        await place.job(f"of {project}", key_id=project)
    await place.later(10)
    retention = retention_of(Settings(retention_days=30, retention_days_for={"short": 7, "ever": 0}))
    assert (await place.sweep(retention)).jobs == 1
    assert not await place.is_there("of short")
    await place.later(1000)
    assert (await place.sweep(retention)).jobs == 1
    assert await place.is_there("of ever")
    only = retention_of(Settings(retention_days_for={"ever": 2}))
    assert (await place.sweep(only)).jobs == 1


async def test_logs_are_cut_to_their_last_event(place: Place) -> None:
    await place.job("old")
    await place.job("open", ended=False)
    await place.later(8)
    await place.job("young")
    assert await place.sweep(Retention(event_s=7 * DAY_S)) == Swept(events=3)
    assert [(event.sequence, event.event.type) for event in await place.service.store.events("old")] == [
        (4, "job.finished")
    ]
    assert len(await place.service.store.events("young")) == 4
    assert len(await place.service.store.events("open")) == 3


async def test_what_is_open_or_queued_again_stays_however_old(place: Place) -> None:
    store = place.service.store
    await place.job("open", "text", ended=False)
    await store.submit([job_record("waiting")])
    await place.job("again")
    await store.submit([job_record("cancelled")])
    await store.cancel(job_id="cancelled")
    await place.later(400)
    assert len(await store.retry(job_id="cancelled")) == 1
    assert (await place.sweep(MONTH)).jobs == 1
    assert not await place.is_there("again")
    for job_id in ("open", "waiting", "cancelled"):
        assert await place.is_there(job_id)
    assert (await store.job("cancelled")).status is JobStatus.QUEUED
    assert place.artifacts.get(place.artifacts.put("text")) == "text"


async def test_texts_of_nobody_go_when_all_jobs_are_younger(place: Place) -> None:
    await place.job("open", ended=False)
    await place.later(1)
    before = place.artifacts.put("before")
    await place.later(50)
    assert await place.sweep(MONTH) == Swept()
    claim = await place.service.store.claim(LeaseKind.JOB, "open", holder="worker", lease_s=LEASE_S)
    assert claim is None
    await place.service.store.cancel(job_id="open")
    # Its holder is told, and ends it.
    (found,) = [lease async for lease in leases(place)]
    await place.service.store.finish(found, job_result("open", JobStatus.CANCELLED))
    place.artifacts.put("just now")
    assert await place.sweep(MONTH) == Swept(artifacts=1, artifact_bytes=6)
    assert before not in place.artifacts


async def leases(place: Place) -> AsyncIterator[Claim]:
    rows = await place.database.read("leases", lambda connection: connection.execute(select(lease)))
    for row in rows:
        if not row.trajectory:
            yield Claim(LeaseKind.JOB, row.job_id, row.holder, row.token, 1)


async def test_a_text_that_was_stored_again_stays(place: Place) -> None:
    await place.job("old", "text")
    await place.later(40)
    # Another job stores it, and it is not yet written down whose it is.
    artifact = place.artifacts.put("text")
    swept = await place.sweeper.sweep(MONTH)
    assert (swept.jobs, swept.artifacts) == (1, 0)
    assert place.artifacts.get(artifact) == "text"


async def test_checkpoints_that_a_dead_worker_left_go(place: Place) -> None:
    for job_id in ("ended", "open", "deleted"):
        async with place.checkpoints.saver(job_id):
            pass
    await place.job("ended")
    await place.job("open", ended=False)
    assert await place.sweep(Retention()) == Swept()
    await place.later(1)
    async with place.checkpoints.saver("begun"):
        pass
    assert await place.sweep(Retention()) == Swept(checkpoints=2)
    names = {path.name.rpartition("-")[0] for path in (place.folder / "checkpoints").glob("*.sqlite")}
    assert names == {"open", "begun"}


async def test_of_many_processes_one_sweeps(place: Place) -> None:
    begun = await asyncio.gather(*(place.sweeper.begin(every_s=3600, holder=f"worker {one}") for one in range(5)))
    assert sorted(begun) == [False] * 4 + [True]
    assert not await place.sweeper.begin(every_s=3600, holder="worker 1")
    await pass_time(place.database, 3700)
    assert await place.sweeper.begin(every_s=3600, holder="worker 1")


PROJECTS = ("a", "b")


@dataclass(frozen=True)
class Drawn:
    """A job of the property."""

    project: str
    batch: str | None
    age_days: int | None
    """Since its end; None: it is open."""
    texts: frozenset[str]


DRAWN = st.builds(
    Drawn,
    project=st.sampled_from(PROJECTS),
    batch=st.none() | st.sampled_from(["1", "2"]),
    age_days=st.none() | st.integers(0, 9).map(lambda number: number * 10 + 5),
    texts=st.frozensets(st.sampled_from(["x", "y", "z"]), max_size=2),
)
KEPT_DAYS = st.none() | st.sampled_from([10.0, 30.0, 60.0])


def survivors(jobs: list[Drawn], kept: dict[str, float | None]) -> set[int]:
    """Return the places of the jobs that stay: the model that the sweep is compared with."""

    def over(job: Drawn) -> bool:
        days = kept[job.project]
        return days is not None and job.age_days is not None and job.age_days > days

    def goes(job: Drawn) -> bool:
        return over(job) if job.batch is None else all(over(other) for other in jobs if same_batch(job, other))

    def same_batch(one: Drawn, other: Drawn) -> bool:
        return (one.project, one.batch) == (other.project, other.batch)

    return {number for number, job in enumerate(jobs) if not goes(job)}


@given(jobs=st.lists(DRAWN, max_size=6), default=KEPT_DAYS, of_b=KEPT_DAYS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_exactly_what_is_over_goes(
    service_url: str, tmp_path: Path, jobs: list[Drawn], default: float | None, of_b: float | None
) -> None:
    kept = {"a": default, "b": of_b}
    retention = Retention(job_s=default and default * DAY_S, project_s={"b": of_b and of_b * DAY_S}, event_s=None)
    folder = tmp_path / f"beside-{time.monotonic_ns()}"

    async def run() -> None:
        async with open_place(service_url, folder) as place:
            await empty(place.database)
            await fill(place, jobs)
            swept = await place.sweep(retention)
            stay = survivors(jobs, kept)
            assert swept.jobs == len(jobs) - len(stay)
            for number, job in enumerate(jobs):
                assert await place.is_there(f"job-{number}") == (number in stay)
                if number in stay:
                    rows = await place.service.artifacts.of_job(f"job-{number}")
                    assert {place.artifacts.get(row.id) for row in rows} == job.texts
            texts = {text for number in stay for text in jobs[number].texts}
            assert {place.artifacts.get(id_) for id_, _ in place.artifacts.ids(older_than_s=-60)} == texts

    asyncio.run(run())


async def fill(place: Place, jobs: list[Drawn]) -> None:
    """Store the jobs, oldest first, and let their times pass."""
    store = place.service.store
    for project in PROJECTS:
        key = ApiKey(id=project, name=project, project=project)
        await store.add_key(key, f"digest {project}")
    batches: dict[tuple[str, str], list[int]] = {}
    for number, job in enumerate(jobs):
        if job.batch is None:
            await store.submit([job_record(f"job-{number}")], key_id=job.project)
        else:
            batches.setdefault((job.project, job.batch), []).append(number)
    for (project, batch), numbers in batches.items():
        records = [job_record(f"job-{number}", number) for number in numbers]
        await store.submit(records, batch=batch_record(f"{project}-{batch}"), key_id=project, queue="batch")
    await place.later(100)
    ages = sorted({job.age_days for job in jobs if job.age_days is not None}, reverse=True)
    for age, following in zip(ages, [*ages[1:], 0], strict=False):
        for number, job in enumerate(jobs):
            if job.age_days == age:
                await place.work_on(f"job-{number}", *job.texts, key_id=job.project)
        await place.later(age - following)
    for number, job in enumerate(jobs):
        if job.age_days is None:
            await place.work_on(f"job-{number}", *job.texts, key_id=job.project, ended=False)


async def test_sweeps_beside_running_jobs_take_nothing_that_is_open(place: Place, service_url: str) -> None:
    """Everything that has ended may go at once here, so that sweeps and workers meet in the same rows."""
    store = place.service.store
    texts = [place.artifacts.put(f"text {number}") for number in range(3)]
    over = asyncio.Event()

    async def work(number: int) -> None:
        for life in range(3):
            job_id = f"job-{number}-{life}"
            await store.submit([job_record(job_id)])
            for again in range(2):
                claim = await store.claim(LeaseKind.JOB, job_id, holder="worker", lease_s=LEASE_S)
                assert claim is not None, "an open job is there"
                await store.add_events(job_id, [PhaseEntered(job_id=job_id, trajectory="t1", phase="solve")])
                await place.service.artifacts.note([OwnedArtifact(job_id, text, 6) for text in texts])
                assert len(await place.service.artifacts.of_job(job_id)) == 3
                await store.start_trajectories(claim, [plan("t1")])
                await store.finish(claim, job_result(job_id, JobStatus.FAILED))
                # It may be gone by now; what is queued again is open, and stays.
                try:
                    queued = await store.retry(job_id=job_id)
                except NotFound:
                    queued = []
                if not queued:
                    break
                if again:
                    await store.cancel(job_id=job_id)

    async def sweep() -> None:
        while not over.is_set():
            await place.sweeper.sweep(Retention(job_s=0.0, event_s=0.0))

    sweepers = [asyncio.create_task(sweep()) for _ in range(2)]
    await asyncio.gather(*(work(number) for number in range(4)))
    over.set()
    await asyncio.gather(*sweepers)
    await place.sweeper.sweep(Retention(job_s=0.0))
    assert {table: await place.count(table) for table in ("job", "event", "job_artifact", "artifact", "lease")} == {
        **dict.fromkeys(("job", "event", "job_artifact", "artifact", "lease"), 0)
    }


@pytest.mark.postgres
async def test_what_is_being_given_to_a_job_cannot_be_deleted_meanwhile(postgres_url: str, tmp_path: Path) -> None:
    async with open_place(postgres_url, tmp_path) as place:
        await place.job("old", "text")
        await place.service.store.submit([job_record("new")])
        text = place.artifacts.put("text")
        connect = psycopg.AsyncConnection.connect
        async with await connect(libpq_url(postgres_url)) as gate, await connect(libpq_url(postgres_url)) as sweep:
            await gate.execute("DELETE FROM job_artifact")
            await gate.commit()
            await gate.execute("LOCK TABLE job_artifact IN SHARE MODE")
            noting = asyncio.create_task(place.service.artifacts.note([OwnedArtifact("new", text, 4)]))
            waits = "SELECT FROM pg_locks WHERE relation = 'job_artifact'::regclass AND NOT granted"
            while not (await gate.execute(waits)).rowcount:
                await asyncio.sleep(0.01)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await sweep.execute("SELECT FROM artifact WHERE id = %s FOR UPDATE NOWAIT", [text])
            await gate.rollback()
            await noting
        assert [row.id for row in await place.service.artifacts.of_job("new")] == [text]


@pytest.mark.postgres
async def test_checkpoints_in_postgresql_go_when_their_job_has_ended(postgres_url: str, tmp_path: Path) -> None:
    from langgraph.checkpoint.base import empty_checkpoint

    async with open_place(postgres_url, tmp_path) as place:
        checkpoints = await PostgresCheckpoints.open(libpq_url(postgres_url), connections=2)
        try:
            await place.job("ended")
            await place.job("open", ended=False)
            for job_id in ("ended", "open", "deleted", "a/b"):
                for name in ("search", "t1"):
                    config: Any = {"configurable": {"thread_id": checkpoints.thread(job_id, name), "checkpoint_ns": ""}}
                    async with checkpoints.saver(job_id) as saver:
                        await saver.aput(config, empty_checkpoint(), {}, {})
            sweeper = Sweeper(place.service.upkeep, place.service.artifacts, place.artifacts, checkpoints)
            assert await sweeper.sweep(Retention(), dry_run=True) == Swept(checkpoints=3)
            assert await sweeper.sweep(Retention()) == Swept(checkpoints=3)
            assert (await checkpoints.stored(older_than_s=0)).keys == ["open"]
            assert await sweeper.sweep(Retention()) == Swept()
        finally:
            await checkpoints.aclose()
