"""The database of this machine's jobs, and what an earlier version kept elsewhere."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from pydantic import SecretStr

from solvent.agents.job import JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.errors import StoreError
from solvent.problems.problem import Problem, ProblemKind
from solvent.settings import Settings
from solvent.usage import Usage
from solvent.workers.carry_over import KEPT
from solvent.workers.home import home_database, open_home
from solvent.workers.records import BatchRecord

OLD_SCHEMA = """
CREATE TABLE batch (id TEXT PRIMARY KEY, source TEXT NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL) STRICT;
CREATE TABLE job (id TEXT PRIMARY KEY, batch_id TEXT REFERENCES batch(id), position INTEGER NOT NULL,
    custom_id TEXT NOT NULL, status TEXT NOT NULL, spec TEXT, result TEXT, error TEXT, created_at TEXT NOT NULL,
    finished_at TEXT) STRICT;
CREATE TABLE event (job_id TEXT NOT NULL REFERENCES job(id), sequence INTEGER NOT NULL, type TEXT NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (job_id, sequence)) STRICT, WITHOUT ROWID;
PRAGMA user_version=1;
"""
BEGAN, ENDED = "2026-01-31T14:25:30.000+00:00", "2026-01-31T14:25:31.500+00:00"
BATCH = BatchRecord(id="batch-1", source="/p", strategy="single", model="starter", created_at=BEGAN)


def a_spec(job_id: str) -> JobSpec:
    return JobSpec(id=job_id, problem=Problem(id="sum", kind=ProblemKind.STDIO, statement="Add."))


def a_result(job_id: str) -> JobResult:
    return JobResult(
        job_id=job_id,
        problem_id="sum",
        status=JobStatus.COMPLETED,
        outcome=Outcome.SOLVED,
        stop_reason=StopReason.TESTS_PASSED,
        usage=Usage(prompt_tokens=7, model_calls=2),
    )


def old_store(path: Path) -> None:
    """Write what the earlier version left: a batch of which one job ended, one was running and one was unreadable."""
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(OLD_SCHEMA)
    connection.execute("INSERT INTO batch VALUES (?, ?, ?, ?)", (BATCH.id, "/p", BATCH.model_dump_json(), BEGAN))

    def put(id: str, batch: str | None, place: int, status: str, ended: str | None, **more: str | None) -> None:
        spec = None if "error" in more else a_spec(id).model_dump_json()
        values = (id, batch, place, f"c-{id}", status, spec, more.get("result"), more.get("error"), BEGAN, ended)
        connection.execute("INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    done = a_result("job-a").model_dump_json()
    put("job-a", BATCH.id, 0, "completed", ENDED, result=done)
    put("job-b", BATCH.id, 1, "running", None)
    put("job-c", BATCH.id, 2, "failed", BEGAN, error=json.dumps({"kind": "data", "message": "no tests"}))
    put("job-single", None, 0, "completed", ENDED, result=a_result("job-single").model_dump_json())
    started = '{"type": "trajectory.started", "job_id": "job-a", "trajectory": "t0"}'
    finished = json.dumps({"type": "job.finished", "job_id": "job-a", "result": json.loads(done)})
    for sequence, (kind, body) in enumerate((("trajectory.started", started), ("job.finished", finished)), start=1):
        connection.execute("INSERT INTO event VALUES ('job-a', ?, ?, ?)", (sequence, kind, body))
    connection.commit()
    connection.close()


async def test_jobs_of_an_earlier_version_are_carried_over_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    old = settings.home / "jobs.sqlite"
    old_store(old)
    for _ in range(2):
        database = await open_home(settings)
        store = database.store
        jobs = [job async for job in store.batch_jobs(BATCH.id)]
        assert [job.status for job in jobs] == [JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.FAILED]
        assert jobs[0].result == a_result("job-a")
        assert (jobs[0].created_at, jobs[0].finished_at) == (BEGAN, ENDED)
        assert [job.end_number for job in jobs] == [2, 3, 1], "in the order in which they ended"
        assert jobs[2].error == {"kind": "data", "message": "no tests"}
        counts = await store.batch_counts(BATCH.id)
        assert (counts.total, counts.usage.tokens, dict(counts.by_outcome)) == (3, 7, {"solved": 1})
        kinds = {job.id: [one.event.type for one in await store.events(job.id)] for job in jobs}
        assert kinds["job-a"] == ["trajectory.started", "job.finished"]
        assert kinds["job-b"] == ["job.finished"], "it was interrupted, and can be retried"
        assert (await store.job("job-single")).batch_id is None
        await database.aclose()
    database = await open_home(settings)
    assert [job.id for job in await database.store.retry(batch_id=BATCH.id)] == ["job-b"]
    await database.aclose()
    assert not old.exists()
    assert old.with_name(old.name + KEPT).stat().st_size > 0


async def test_a_crash_between_the_copy_and_the_renaming_loses_and_doubles_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    old = settings.home / "jobs.sqlite"
    old_store(old)
    await (await open_home(settings)).aclose()
    old.with_name(old.name + KEPT).rename(old)
    database = await open_home(settings)
    assert (await database.store.batch_counts(BATCH.id)).total == 3
    assert len(await database.store.events("job-a")) == 2
    await database.aclose()


async def test_what_cannot_be_carried_over_is_left_as_it_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    old = settings.home / "jobs.sqlite"
    connection = sqlite3.connect(old)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="schema 99") as raised:
        await open_home(settings)
    assert "move" in (raised.value.remedy or "")
    old.write_text("not a database, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="carry the jobs"):
        await open_home(settings)
    assert old.exists()


@pytest.mark.parametrize(
    ("url", "file"),
    [
        (None, "home/service.sqlite"),
        ("sqlite:////srv/own.sqlite?timeout=5", "/srv/own.sqlite"),
        ("sqlite+aiosqlite:////srv/own.sqlite", "/srv/own.sqlite"),
        ("postgresql://db/solvent", "home/service.sqlite"),
    ],
)
def test_the_file_of_this_machine(url: str | None, file: str) -> None:
    settings = Settings(home=Path("home"), database_url=None if url is None else SecretStr(url))
    assert home_database(settings) == Path(file)
