"""A new job of this machine: from the first statement to its end, without the whole store where that is not needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from stored_jobs import job_record, job_result

from solvent.agents.events import Emit, TrajectoryStarted
from solvent.agents.job import JobResult, JobStatus
from solvent.errors import ConfigError, InternalError
from solvent.settings import Settings
from solvent.usage import Usage
from solvent.workers.embedded import Embedded
from solvent.workers.home import home_database, open_home
from solvent.workers.records import JobRecord
from solvent.workers.service_records import LeaseKind
from solvent.workers.working import run_new_job


class Accounts:
    """A ledger, as far as it is asked."""

    async def usage(self, scope: str) -> Usage:
        return Usage()


@dataclass
class Scripted:
    """What a job is run with: a result, an error, or nothing until it is cancelled."""

    does: JobResult | Exception | None
    ran: list[str] = field(default_factory=list)
    ledger: Accounts = field(default_factory=Accounts)

    async def run(self, record: JobRecord, emit: Emit, store: object = None) -> JobResult:
        self.ran.append("whole" if store is not None else "alone")
        emit(TrajectoryStarted(job_id=record.id, trajectory="t0"))
        if isinstance(self.does, Exception):
            raise self.does
        if self.does is None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return job_result(record.id, JobStatus.CANCELLED)
        assert self.does is not None
        return self.does


async def run(home: Path, scripted: Scripted, job_id: str = "job", stop: asyncio.Event | None = None) -> JobRecord:
    settings = Settings(home=home)
    embedded: Any = cast(Embedded, scripted)
    seen: list[str] = []
    try:
        return await run_new_job(
            settings,
            embedded,
            job_record(job_id),
            on_event=lambda _, event: seen.append(event.type),
            stop=stop or asyncio.Event(),
        )
    finally:
        assert seen == ["trajectory.started"]


async def stored(home: Path, job_id: str) -> tuple[JobRecord, list[str], list[str]]:
    database = await open_home(Settings(home=home))
    store = database.store
    found = await store.job(job_id), [one.event.type for one in await store.events(job_id)], list(await store.holders())
    await database.aclose()
    return found


async def test_the_first_job_makes_the_tables_and_the_next_goes_without_the_whole_store(tmp_path: Path) -> None:
    scripted = Scripted(job_result("first"))
    assert (await run(tmp_path, scripted, "first")).status is JobStatus.COMPLETED
    scripted.does = job_result("second")
    ended = await run(tmp_path, scripted, "second")
    assert scripted.ran == ["whole", "alone"]
    for job_id in ("first", "second"):
        job, events, holders = await stored(tmp_path, job_id)
        assert (job.status, job.result) == (JobStatus.COMPLETED, job_result(job_id))
        assert (events, holders) == (["trajectory.started", "job.finished"], [])
    assert ended.result == job_result("second")


async def test_a_stop_keeps_what_the_job_has(tmp_path: Path) -> None:
    await (await open_home(Settings(home=tmp_path))).aclose()
    stop = asyncio.Event()
    scripted = Scripted(None)
    running = asyncio.create_task(run(tmp_path, scripted, stop=stop))
    while not scripted.ran:
        await asyncio.sleep(0)
    stop.set()
    assert (await running).status is JobStatus.CANCELLED
    assert (await stored(tmp_path, "job"))[0].result == job_result("job", JobStatus.CANCELLED)


async def test_a_job_that_cannot_run_says_why_and_a_defect_leaves_it_to_be_gone_on_with(tmp_path: Path) -> None:
    await (await open_home(Settings(home=tmp_path))).aclose()
    ended = await run(tmp_path, Scripted(ConfigError("no such language")), "wrong")
    assert ended.error is not None
    assert ended.error["message"] == "no such language"
    with pytest.raises(InternalError, match="defect"):
        await run(tmp_path, Scripted(InternalError("a defect")), "broken")
    job, _, holders = await stored(tmp_path, "broken")
    assert (job.status, holders) == (JobStatus.RUNNING, [])
    database = await open_home(Settings(home=tmp_path))
    claim = await database.store.claim(LeaseKind.JOB, "broken", holder="next", lease_s=600)
    assert claim is not None
    await database.aclose()
    assert home_database(Settings(home=tmp_path)).exists()


def test_what_comes_before_the_first_token_imports_no_sqlalchemy() -> None:
    modules = (
        "solvent.service.cli.solve, solvent.workers.working, solvent.workers.embedded, solvent.service.cli.reading"
    )
    heavy = "{'sqlalchemy', 'alembic', 'langgraph', 'chromadb', 'fastapi'}"
    program = f"import sys, {modules}; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
