import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from solvent.agents.events import BudgetSpent, Emit, Event, TextGenerated
from solvent.agents.job import JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.errors import ConfigError, StoreError
from solvent.problems.problem import Problem, ProblemKind
from solvent.usage import Usage
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.results import append_result, result_row, write_results
from solvent.workers.runner import run_jobs
from solvent.workers.store import JobStore

BATCH = BatchRecord(id="batch-1", source="/p", strategy="single", model="starter", created_at="t")


def job(position: int, **changes: object) -> JobRecord:
    problem = Problem(id=f"p{position}", kind=ProblemKind.STDIO, statement="x")
    values = {
        "id": f"job-{position}",
        "batch_id": BATCH.id,
        "position": position,
        "custom_id": f"c{position}",
        "spec": JobSpec(id=f"job-{position}", problem=problem),
        "created_at": "t",
        **changes,
    }
    return JobRecord.model_validate(values)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(tmp_path / "jobs.sqlite")
    opened.add_batch(BATCH, [job(n) for n in range(5)])
    yield opened
    opened.close()


def solved(spec: JobSpec) -> JobResult:
    return JobResult(
        job_id=spec.id,
        problem_id=spec.problem.id,
        status=JobStatus.COMPLETED,
        outcome=Outcome.SOLVED,
        stop_reason=StopReason.TESTS_PASSED,
    )


def ignore_event(_: JobRecord, __: Event) -> None: ...


async def test_never_more_at_once_than_asked_and_all_end(store: JobStore) -> None:
    running = peak = 0
    second = asyncio.Event()

    async def run_job(spec: JobSpec, emit: Emit) -> JobResult:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == 2:
            second.set()
        await second.wait()
        running -= 1
        return solved(spec)

    ended: list[str] = []
    await run_jobs(
        store,
        store.batch_jobs(BATCH.id),
        run_job,
        concurrency=2,
        on_event=ignore_event,
        on_end=lambda record: ended.append(record.id),
        stop=asyncio.Event(),
    )
    assert peak == 2
    assert sorted(ended) == [f"job-{n}" for n in range(5)]
    assert all(record.ended for record in store.batch_jobs(BATCH.id))


async def test_stop_keeps_partial_results_and_leaves_the_rest_queued(store: JobStore) -> None:
    stop = asyncio.Event()

    async def run_job(spec: JobSpec, emit: Emit) -> JobResult:
        if spec.id == "job-0":
            return solved(spec)
        stop.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return JobResult(
                job_id=spec.id,
                problem_id=spec.problem.id,
                status=JobStatus.CANCELLED,
                stop_reason=StopReason.CANCELLED,
                usage=Usage(prompt_tokens=7),
            )
        raise AssertionError

    ended: list[JobRecord] = []
    jobs = store.batch_jobs(BATCH.id)
    await run_jobs(store, jobs, run_job, concurrency=1, on_event=ignore_event, on_end=ended.append, stop=stop)
    statuses = [record.status for record in store.batch_jobs(BATCH.id)]
    assert statuses == [JobStatus.COMPLETED, JobStatus.CANCELLED, *[JobStatus.QUEUED] * 3]
    assert store.job("job-1").usage.tokens == 7
    assert [record.id for record in ended] == ["job-0", "job-1"]


async def test_ended_jobs_are_not_run_again(store: JobStore) -> None:
    store.finish(solved(store.job("job-0").spec or pytest.fail("no spec")))
    ran: list[str] = []

    async def run_job(spec: JobSpec, emit: Emit) -> JobResult:
        ran.append(spec.id)
        return solved(spec)

    jobs = store.batch_jobs(BATCH.id)
    await run_jobs(
        store, jobs, run_job, concurrency=9, on_event=ignore_event, on_end=lambda _: None, stop=asyncio.Event()
    )
    assert sorted(ran) == ["job-1", "job-2", "job-3", "job-4"]


async def test_events_are_stored_but_not_the_streamed_text(store: JobStore) -> None:
    async def run_job(spec: JobSpec, emit: Emit) -> JobResult:
        emit(TextGenerated(job_id=spec.id, trajectory="t0", text="secret"))
        emit(BudgetSpent(job_id=spec.id, usage=Usage(prompt_tokens=3)))
        return solved(spec)

    seen: list[str] = []
    await run_jobs(
        store,
        store.batch_jobs(BATCH.id)[:1],
        run_job,
        concurrency=1,
        on_event=lambda _, event: seen.append(event.type),
        on_end=lambda _: None,
        stop=asyncio.Event(),
    )
    assert seen == ["text", "budget"]
    assert [json.loads(body)["type"] for body in store.events("job-0")] == ["budget"]


def test_results_are_rows_in_order_with_their_custom_ids(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.jsonl"
    append_result(path, job(1))
    append_result(path, job(0))
    bad = job(2, spec=None, status=JobStatus.FAILED, error={"kind": "data", "message": "no tests", "file": "a"})
    write_results(path, [job(0), job(1), bad])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["custom_id"] for row in rows] == ["c0", "c1", "c2"]
    assert rows[2]["error"]["message"] == "no tests"
    assert set(rows[0]) == set(result_row(job(0)))
    assert [file.name for file in path.parent.iterdir()] == ["results.jsonl"]


async def test_a_job_that_cannot_run_fails_alone(store: JobStore) -> None:
    async def run_job(spec: JobSpec, emit: Emit) -> JobResult:
        if spec.id == "job-2":
            raise ConfigError("problem 'p2' allows only cobol", remedy="allow python")
        return solved(spec)

    jobs = store.batch_jobs(BATCH.id)
    await run_jobs(
        store, jobs, run_job, concurrency=2, on_event=ignore_event, on_end=lambda _: None, stop=asyncio.Event()
    )
    ended = store.batch_jobs(BATCH.id)
    assert [record.status for record in ended].count(JobStatus.COMPLETED) == 4
    assert ended[2].status is JobStatus.FAILED
    assert ended[2].error is not None
    assert ended[2].error["message"] == "problem 'p2' allows only cobol"


async def test_a_store_that_cannot_be_written_stops_the_batch(store: JobStore) -> None:
    async def run_job(spec: JobSpec, emit: Emit) -> JobResult:
        raise StoreError("disk full")

    jobs = store.batch_jobs(BATCH.id)
    with pytest.raises(StoreError, match="disk full"):
        await run_jobs(
            store, jobs, run_job, concurrency=2, on_event=ignore_event, on_end=lambda _: None, stop=asyncio.Event()
        )
