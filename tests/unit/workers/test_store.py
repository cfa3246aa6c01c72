from pathlib import Path

import pytest

from solvent.agents.job import JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.errors import ConfigError, StoreError
from solvent.problems.problem import Problem, ProblemKind
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.store import JobStore


def a_spec(job_id: str = "job-1") -> JobSpec:
    return JobSpec(id=job_id, problem=Problem(id="sum", kind=ProblemKind.STDIO, statement="Add."))


def a_result(job_id: str = "job-1", status: JobStatus = JobStatus.COMPLETED) -> JobResult:
    outcome = Outcome.SOLVED if status is JobStatus.COMPLETED else None
    return JobResult(
        job_id=job_id,
        problem_id="sum",
        status=status,  # type: ignore[arg-type]  # the tests only pass the three that a result may have
        outcome=outcome,
        stop_reason=StopReason.TESTS_PASSED,
    )


def a_batch(batch_id: str, source: str = "/p", created_at: str = "2026-01-01") -> BatchRecord:
    return BatchRecord(id=batch_id, source=source, strategy="single", model="starter", created_at=created_at)


@pytest.fixture
def store(tmp_path: Path):
    opened = JobStore(tmp_path / "sub" / "jobs.sqlite")
    yield opened
    opened.close()


def test_a_job_lives_through_a_new_process(tmp_path: Path) -> None:
    first = JobStore(tmp_path / "jobs.sqlite")
    first.add_job(a_spec(), custom_id="mine")
    first.add_event("job-1", "phase", '{"a": 1}')
    first.add_event("job-1", "phase", '{"a": 2}')
    first.finish(a_result())
    first.close()
    second = JobStore(tmp_path / "jobs.sqlite")
    job = second.job("job-1")
    assert (job.custom_id, job.status, job.ended) == ("mine", JobStatus.COMPLETED, True)
    assert job.result == a_result()
    assert job.spec == a_spec()
    assert second.events("job-1") == ['{"a": 1}', '{"a": 2}']
    second.close()


def test_a_batch_is_stored_whole_or_not_at_all(store: JobStore) -> None:
    twice = [JobRecord(id="j", batch_id="batch-1", position=n, custom_id="x", created_at="t") for n in (0, 1)]
    with pytest.raises(StoreError, match="UNIQUE"):
        store.add_batch(a_batch("batch-1"), twice)
    assert store.recent(10) == ([], [])


def test_jobs_of_a_batch_keep_their_order(store: JobStore) -> None:
    jobs = [JobRecord(id=f"j{n}", batch_id="batch-1", position=n, custom_id=str(n), created_at="t") for n in (2, 0, 1)]
    store.add_batch(a_batch("batch-1"), jobs)
    assert [job.custom_id for job in store.batch_jobs("batch-1")] == ["0", "1", "2"]


def test_the_latest_batch_of_a_source(store: JobStore) -> None:
    store.add_batch(a_batch("batch-1", created_at="2026-01-01"), [])
    store.add_batch(a_batch("batch-2", created_at="2026-01-02"), [])
    store.add_batch(a_batch("batch-3", source="/q", created_at="2026-01-03"), [])
    latest = store.latest_batch("/p")
    assert latest is not None
    assert latest.id == "batch-2"
    assert store.latest_batch("/nowhere") is None


def test_ids_can_be_cut_but_not_ambiguous(store: JobStore) -> None:
    store.add_job(a_spec("job-20260101-aaaaa"), "a")
    store.add_job(a_spec("job-20260101-bbbbb"), "b")
    assert store.job("bbbbb").custom_id == "b"
    with pytest.raises(ConfigError, match="2 jobs match"):
        store.job("job-2026")
    with pytest.raises(ConfigError, match="no job matches"):
        store.job("zzz")
    with pytest.raises(ConfigError, match="no job matches"):
        store.job("%zz%")


def test_a_cancelled_job_can_be_resumed(store: JobStore) -> None:
    store.add_job(a_spec(), "a")
    store.finish(a_result(status=JobStatus.CANCELLED))
    assert not store.job("job-1").ended


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "jobs.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="schema 99"):
        JobStore(path)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_text("not a database, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="cannot open the job store"):
        JobStore(path)
