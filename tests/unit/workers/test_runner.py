import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from solvent.agents.events import BudgetSpent, Emit, TextGenerated
from solvent.agents.job import EqualRow, JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.agents.trajectory_state import Plan
from solvent.errors import ConfigError, StoreError
from solvent.problems.problem import Problem, ProblemKind
from solvent.usage import Usage
from solvent.workers.database import open_service_store
from solvent.workers.event_log import EventLog
from solvent.workers.lease import Keeper
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.results import append_result, result_row, result_rows, write_results
from solvent.workers.runner import RunJob, Runner, run_jobs
from solvent.workers.service_records import LeaseKind
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import LocalWakeups

BATCH = BatchRecord(id="batch-1", source="/p", strategy="single", model="starter", created_at="t")
LEASE_S = 600.0
BEAT_S = 0.02


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


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[ServiceStore]:
    opened = await open_service_store(f"sqlite:///{tmp_path / 'service.sqlite'}")
    await opened.submit([job(n) for n in range(5)], batch=BATCH, queue="batch")
    yield opened
    await opened.aclose()


class Bench:
    """A runner over the store, and what it told."""

    def __init__(self, store: ServiceStore, run_job: RunJob) -> None:
        self.ended: list[JobRecord] = []
        self.seen: list[str] = []
        self.runner = Runner(
            store=store,
            keeper=Keeper(store, "this process", lease_s=LEASE_S, beat_s=BEAT_S),
            events=EventLog(store, LocalWakeups(), text=False),
            run_job=run_job,
            usage=self.usage,
            on_event=lambda _, event: self.seen.append(event.type),
        )

    @staticmethod
    async def usage(job_id: str) -> Usage:
        return Usage(model_calls=3)

    async def run(self, concurrency: int = 2) -> list[JobRecord]:
        """Run the batch; returns its jobs as stored afterwards."""
        store = self.runner.store
        try:
            jobs = await jobs_of(store)
            await run_jobs(self.runner, jobs, concurrency=concurrency, on_end=self.ended.append)
        finally:
            await self.runner.events.aclose()
            await self.runner.keeper.aclose()
        return await jobs_of(store)


async def jobs_of(store: ServiceStore) -> list[JobRecord]:
    return [record async for record in store.batch_jobs(BATCH.id)]


def solved(record: JobRecord) -> JobResult:
    return result_of(record, JobStatus.COMPLETED, Outcome.SOLVED, StopReason.TESTS_PASSED)


def result_of(
    record: JobRecord, status: JobStatus, outcome: Outcome | None, reason: StopReason, **more: object
) -> JobResult:
    values = {"job_id": record.id, "problem_id": "p", "status": status, "outcome": outcome, "stop_reason": reason}
    return JobResult.model_validate({**values, **more})


async def test_never_more_at_once_than_asked_and_all_end(store: ServiceStore) -> None:
    running = peak = 0
    second = asyncio.Event()

    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == 2:
            second.set()
        await second.wait()
        running -= 1
        return solved(record)

    bench = Bench(store, run_job)
    stored = await bench.run(concurrency=2)
    assert peak == 2
    assert sorted(record.id for record in bench.ended) == [f"job-{n}" for n in range(5)]
    assert all(record.status is JobStatus.COMPLETED for record in stored)
    assert sorted(record.end_number or 0 for record in stored) == [1, 2, 3, 4, 5]
    assert await store.holders() == []


async def until_cancelled(record: JobRecord) -> JobResult:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        usage = Usage(prompt_tokens=7)
        return result_of(record, JobStatus.CANCELLED, None, StopReason.CANCELLED, usage=usage)
    raise AssertionError


async def test_stop_keeps_partial_results_and_leaves_the_rest_queued(store: ServiceStore) -> None:
    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        if record.id == "job-0":
            return solved(record)
        bench.runner.stop.set()
        return await until_cancelled(record)

    bench = Bench(store, run_job)
    stored = await bench.run(concurrency=1)
    statuses = [record.status for record in stored]
    assert statuses == [JobStatus.COMPLETED, JobStatus.CANCELLED, *[JobStatus.QUEUED] * 3]
    assert stored[1].usage.tokens == 7
    assert [record.id for record in bench.ended] == ["job-0", "job-1"]


async def test_a_cancel_from_another_process_stops_what_runs_and_keeps_what_it_has(store: ServiceStore) -> None:
    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        await store.cancel(batch_id=BATCH.id)
        return await until_cancelled(record)

    bench = Bench(store, run_job)
    stored = await bench.run(concurrency=1)
    assert {record.status for record in stored} == {JobStatus.CANCELLED}
    assert stored[0].usage.tokens == 7
    assert not bench.runner.stop.is_set()
    assert len(bench.ended) == 5, "those that were cancelled elsewhere have ended too"


async def test_ended_jobs_are_not_run_again(store: ServiceStore) -> None:
    claim = await store.claim(LeaseKind.JOB, "job-0", holder="w", lease_s=LEASE_S)
    assert claim is not None
    await store.finish(claim, solved(job(0)))
    ran: list[str] = []

    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        ran.append(record.id)
        return solved(record)

    await Bench(store, run_job).run(concurrency=9)
    assert sorted(ran) == ["job-1", "job-2", "job-3", "job-4"]


async def test_a_job_that_another_process_works_on_is_waited_for_and_not_run(
    store: ServiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvent.workers.runner.LOOK_AGAIN_S", 0.02)
    claim = await store.claim(LeaseKind.JOB, "job-2", holder="another", lease_s=LEASE_S)
    assert claim is not None
    ran: list[str] = []

    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        ran.append(record.id)
        if len(ran) == 4:
            await store.finish(claim, solved(job(2)))
        return solved(record)

    bench = Bench(store, run_job)
    await bench.run(concurrency=1)
    assert ran == ["job-0", "job-1", "job-3", "job-4"]
    assert sorted(record.id for record in bench.ended) == [f"job-{n}" for n in range(5)]


async def test_what_a_worker_left_is_taken_back_into_the_job(store: ServiceStore) -> None:
    plan: Plan = {"trajectory": "t0", "temperature": 0.5, "max_tokens": None, "repairs": 1}
    claim = await store.claim(LeaseKind.JOB, "job-0", holder="a worker", lease_s=LEASE_S)
    assert claim is not None
    await store.start_trajectories(claim, [plan])
    await store.rest(claim)
    open_ids: list[object] = []

    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        if record.id == "job-0":
            open_ids.append(await store.claim(LeaseKind.TRAJECTORY, "job-0/t0", holder="a worker", lease_s=LEASE_S))
        return solved(record)

    stored = await Bench(store, run_job).run()
    assert open_ids == [None], "nobody may run it beside this process"
    assert stored[0].status is JobStatus.COMPLETED


async def test_a_job_that_was_to_stop_when_its_process_died_ends_cancelled(store: ServiceStore) -> None:
    assert await store.claim(LeaseKind.JOB, "job-0", holder="dead", lease_s=LEASE_S) is not None
    await store.cancel(job_id="job-0")
    await store.lapse("dead")

    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        assert record.id != "job-0"
        return solved(record)

    stored = await Bench(store, run_job).run()
    assert stored[0].status is JobStatus.CANCELLED
    assert stored[0].usage.model_calls == 3, "what it spent is known from the ledger"


async def test_events_are_stored_but_not_the_streamed_text(store: ServiceStore) -> None:
    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        emit(TextGenerated(job_id=record.id, trajectory="t0", text="secret"))
        emit(BudgetSpent(job_id=record.id, usage=Usage(prompt_tokens=3)))
        return solved(record)

    bench = Bench(store, run_job)
    await bench.run(concurrency=1)
    assert bench.seen[:2] == ["text", "budget"]
    assert [stored.event.type for stored in await store.events("job-0")] == ["budget", "job.finished"]


async def test_jobs_that_come_of_others_are_run_too(store: ServiceStore) -> None:
    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        return solved(record)

    async def after(ended: JobRecord) -> list[JobRecord]:
        if ended.id != "job-4":
            return []
        more = [job(n) for n in (7, 8)]
        await store.submit(more, queue="batch")
        return more

    bench = Bench(store, run_job)
    await run_jobs(bench.runner, await jobs_of(store), concurrency=2, on_end=bench.ended.append, after=after)
    await bench.runner.keeper.aclose()
    await bench.runner.events.aclose()
    assert len(bench.ended) == 7


async def test_a_job_that_cannot_run_fails_alone(store: ServiceStore) -> None:
    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        if record.id == "job-2":
            raise ConfigError("problem 'p2' allows only cobol", remedy="allow python")
        return solved(record)

    ended = await Bench(store, run_job).run()
    assert [record.status for record in ended].count(JobStatus.COMPLETED) == 4
    assert ended[2].status is JobStatus.FAILED
    assert ended[2].error is not None
    assert ended[2].error["message"] == "problem 'p2' allows only cobol"


async def test_a_store_that_cannot_be_written_stops_the_batch(store: ServiceStore) -> None:
    async def run_job(record: JobRecord, emit: Emit) -> JobResult:
        raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"):
        await Bench(store, run_job).run()


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


def test_equal_rows_share_a_result_and_say_so() -> None:
    record = job(0)
    assert record.spec is not None
    also = (EqualRow(custom_id="twin", problem_id="p9", position=4),)
    usage = Usage(prompt_tokens=5)
    result = result_of(record, JobStatus.COMPLETED, Outcome.SOLVED, StopReason.AGREED, usage=usage, wall_s=2.0)
    shared = record.model_copy(update={"spec": record.spec.model_copy(update={"also": also}), "result": result})
    twin, own = result_rows(shared)
    assert (twin["custom_id"], twin["problem_id"], twin["position"], twin["shared_with"]) == ("twin", "p9", 4, "c0")
    assert twin["outcome"] == own["outcome"] == "solved"
    assert (own["custom_id"], own["shared_with"]) == ("c0", None)
    assert twin["usage"] == Usage().model_dump(mode="json"), "spent once"
    assert own == result_row(shared)
