"""Jobs through real worker processes: the embedded result, once, though workers die, stop or are told twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from servers import RedisServer
from worker_processes import Place

from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import Event
from solvent.agents.job import JobResult, JobSpec, JobStatus
from solvent.agents.ledgers import MemoryLedger
from solvent.agents.runner import Deps, run_job
from solvent.artifacts import FileArtifacts
from solvent.models.registry import load_profile, open_model
from solvent.problems.problem import Problem, ProblemKind
from solvent.sandbox.choose import LazySandbox
from solvent.settings import Settings
from solvent.usage import Budget
from solvent.workers.celery_app import CeleryMessages, make_app
from solvent.workers.database import ServiceDatabase, open_service_database
from solvent.workers.messages import ADVANCE_JOB, FORMAT, INTERACTIVE
from solvent.workers.records import JobRecord
from solvent.workers.redis_ledger import open_ledger
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.service_records import QueuedJob
from solvent.workers.wakeups import job_topic

pytestmark = [pytest.mark.slow, pytest.mark.redis, pytest.mark.postgres]

MAX_TOKENS = 50
PARAMETERS: dict[str, Any] = {"wave": 1, "repairs": 0, "max_trajectories": 3, "max_tokens": MAX_TOKENS}
HELD = {"texts": [r"it is \boxed{4}"], "hold": True, "after_chunks": 1}
ANSWER = {"texts": [r"so it is \boxed{4}"]}


def spec(number: int | str) -> JobSpec:
    problem = Problem(id=f"sum-{number}", kind=ProblemKind.MATH, statement=f"<{number}> 2+2?", answer="4")
    return JobSpec(
        id=f"job-{number}",
        problem=problem,
        parameters=PARAMETERS,
        model="scripted",
        budget=Budget(tokens=100_000),
    )


def script(jobs: int) -> list[dict[str, Any]]:
    """Answers for numbered jobs; the job `held` gets the plain lines, of which the first never ends."""
    numbered = [{"contains": f"<{number}>", "texts": [rf"that is \boxed{{4}} {number}"]} for number in range(jobs)]
    return [HELD, ANSWER, ANSWER, ANSWER, *numbered]


class Door:
    """What submits and watches."""

    def __init__(self, database: ServiceDatabase, messages: CeleryMessages, wakeups: RedisWakeups) -> None:
        self.store = database.store
        self.messages = messages
        self._wakeups = wakeups

    async def submit(self, *specs: JobSpec) -> list[QueuedJob]:
        await self.store.submit([JobRecord(id=one.id, custom_id=one.id, spec=one, created_at="") for one in specs])
        jobs = [QueuedJob(one.id, INTERACTIVE) for one in specs]
        await self.messages.send_jobs(jobs)
        return jobs

    async def until(self, job_id: str, is_it: Callable[[Event], bool]) -> Event:
        """Wait for an event of a job."""
        after = 0
        async with self._wakeups.listen(job_topic(job_id)) as news:
            while True:
                for stored in await self.store.events(job_id, after=after):
                    after = stored.sequence
                    if is_it(stored.event):
                        return stored.event
                    if stored.event.type == "job.finished":
                        pytest.fail(stored.event.model_dump_json(indent=1, exclude_defaults=True))
                await news.wait(60)

    async def result(self, job_id: str) -> JobResult:
        """Wait for a job's end; returns its result."""
        await self.until(job_id, lambda event: event.type == "job.finished")
        record = await self.store.job(job_id)
        assert record.result is not None
        return record.result


@pytest.fixture
def place(tmp_path: Path, postgres_url: str, redis_server: RedisServer) -> Place:
    redis_server.lose_data()
    return Place(tmp_path, postgres_url, redis_server.url, script(5))


@pytest.fixture
async def door(place: Place) -> AsyncIterator[Door]:
    database = await open_service_database(place.settings["database_url"])
    messages = CeleryMessages(make_app(place.settings["redis_url"]))
    wakeups = RedisWakeups(place.settings["redis_url"])
    try:
        yield Door(database, messages, wakeups)
    finally:
        await wakeups.aclose()
        await messages.aclose()
        await database.aclose()


async def embedded(place: Place, job: JobSpec, folder: Path) -> JobResult:
    settings = Settings(home=folder, config_dir=place.config_dir)
    profile = load_profile("scripted", settings).model_copy(update={"call_log": None})
    deps = Deps(
        model=open_model(profile),
        profile=profile,
        sandbox=LazySandbox(settings),
        artifacts=FileArtifacts(folder / "artifacts"),
        ledger=MemoryLedger(),
        job_files=JobFiles(folder),
        config_dir=place.config_dir,
    )
    folder.mkdir()
    return await run_job(job, deps, lambda event: None)


async def in_ledger(place: Place, job_ids: list[str]) -> list[Any]:
    """What the ledger of the workers says that jobs spent."""
    settings = Settings.model_validate(place.settings)
    database = await open_service_database(place.settings["database_url"])
    ledger = await open_ledger(settings, database.journal)
    try:
        return [await ledger.usage(job_id) for job_id in job_ids]
    finally:
        await ledger.aclose()
        await database.aclose()


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
async def test_jobs_survive_the_death_of_a_worker(place: Place, door: Door, tmp_path: Path) -> None:
    """Two workers; the one that holds a reply is killed, the other ends that job, and stops in order when asked."""
    specs = [*(spec(number) for number in range(5)), spec("held")]
    whole = await embedded(place, specs[0], tmp_path / "embedded")
    with place.worker("-c", "4") as first, place.worker("-c", "4") as second:
        for worker in (first, second):
            await asyncio.to_thread(worker.until, "ready")
        jobs = await door.submit(*specs)
        await door.until("job-held", lambda event: event.type == "text")
        for job in jobs[:-1]:
            # What is under way when its worker dies would count as it was reserved.
            await door.result(job.id)
        [stuck] = [call["pid"] for call in place.calls() if call["line"] == 1]
        victim, survivor = (first, second) if stuck == first.pid else (second, first)
        victim.kill()
        results = [await door.result(job.id) for job in jobs]

        assert [result.status for result in results] == [JobStatus.COMPLETED] * 6, "jobs in = jobs out"
        assert results[0].model_copy(update={"wall_s": 0.0}) == whole.model_copy(update={"wall_s": 0.0})
        assert {result.answer.text for result in results if result.answer is not None} == {"4"}
        calls = place.calls()
        again = [QueuedJob(job.id, job.queue) for job in jobs]
        await door.messages.send_jobs(again)
        await door.messages.send_trajectories([f"{job.id}/t0" for job in jobs], queue=INTERACTIVE)
        newer = make_app(place.settings["redis_url"])
        await asyncio.to_thread(newer.send_task, ADVANCE_JOB, args=["job-0", FORMAT + 1], queue=INTERACTIVE)
        newer.close()

        spent = await in_ledger(place, [job.id for job in jobs])
        assert spent == [result.usage for result in results]
        # The reply that died with its worker stays spent as it was reserved; every other counts as it was generated.
        generated = [MAX_TOKENS if call["line"] == 1 else place.generated(call) for call in calls]
        assert sum(usage.completion_tokens for usage in spent) == sum(generated)
        assert sum(usage.model_calls for usage in spent) == len(calls) == 6 * 3 + 1
        for job in jobs:
            kinds = [stored.event.type for stored in await door.store.events(job.id)]
            assert kinds.count("job.finished") == 1, "none twice"

        survivor.terminate()
        assert await asyncio.to_thread(survivor.wait) == 0, survivor.lines
        assert any(line.startswith("stopping") for line in survivor.lines)
        assert place.calls() == calls, "doubled messages asked for nothing"
    waiting = await door.messages.waiting()
    assert sum(waiting.values()) >= 1, "a message of a newer format is left to a newer worker"


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
async def test_a_worker_that_is_stopped_hands_on_what_would_take_too_long(place: Place, door: Door) -> None:
    with place.worker(worker_drain_s="0.2") as first:
        await asyncio.to_thread(first.until, "ready")
        await door.submit(spec("held"))
        await door.until("job-held", lambda event: event.type == "text")
        first.terminate()
        assert await asyncio.to_thread(first.wait) == 0, first.lines
    claim = await door.store.trajectory("job-held", "t0")
    assert claim.outcome is None
    with place.worker() as second:
        result = await door.result("job-held")
        assert result.status is JobStatus.COMPLETED
        assert result.usage.model_calls == 4
        second.kill()


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
async def test_a_cancel_reaches_a_worker_at_once(place: Place, door: Door) -> None:
    """Beats come too seldom to bring the cancel: the notification of the database does."""
    with place.worker(lease_s="600", beat_s="300", reap_s="300") as worker:
        await asyncio.to_thread(worker.until, "ready")
        await door.submit(spec("held"))
        await door.until("job-held", lambda event: event.type == "text")
        await door.store.cancel(job_id="job-held")
        result = await door.result("job-held")
        assert result.status is JobStatus.CANCELLED
        assert result.usage.completion_tokens == 1, "what was generated, and not what was reserved"
        worker.terminate()
        assert await asyncio.to_thread(worker.wait) == 0, worker.lines


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
async def test_a_second_signal_stops_a_worker_in_the_middle_of_a_call(place: Place, door: Door) -> None:
    with place.worker() as worker:
        await asyncio.to_thread(worker.until, "ready")
        await door.submit(spec("held"))
        await door.until("job-held", lambda event: event.type == "text")
        worker.terminate()
        await asyncio.to_thread(worker.until, "stopping")
        worker.terminate()
        assert await asyncio.to_thread(worker.wait) == 143, worker.lines
