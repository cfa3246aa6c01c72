"""What every store of the service does, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from stored_jobs import (
    batch_record,
    job_record,
    job_records,
    job_result,
    outcome,
    pass_time,
    plan,
)

from solvent.agents.events import JobFinished, PhaseEntered, TrajectoryStarted
from solvent.agents.job import JobStatus, StopReason
from solvent.errors import Conflict, NotFound, QuotaExceeded, StoreError
from solvent.usage import Budget
from solvent.workers.database import open_service_store
from solvent.workers.service_records import ApiKey, Claim, LeaseKind, LeaseLostError, QueuedJob
from solvent.workers.service_store import ServiceStore
from solvent.workers.sql.engine import Database

LEASE_S = 1000.0
"""Long: time passes in these tests only where `pass_time` says so."""
UNSEEN_S = 100.0


@pytest_asyncio.fixture
async def store(service_url: str) -> AsyncIterator[ServiceStore]:
    opened = await open_service_store(service_url)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def others(service_url: str) -> AsyncIterator[list[ServiceStore]]:
    """Three more stores on the same database, each with connections of its own."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(3):
            one = await open_service_store(service_url)
            stack.push_async_callback(one.aclose)
            opened.append(one)
        yield opened


@pytest_asyncio.fixture
async def database(service_url: str) -> AsyncIterator[Database]:
    opened = Database(service_url)
    yield opened
    await opened.aclose()


async def claimed(store: ServiceStore, job_id: str, holder: str = "worker-1") -> Claim:
    claim = await store.claim(LeaseKind.JOB, job_id, holder=holder, lease_s=LEASE_S)
    assert claim is not None
    return claim


async def claimed_part(store: ServiceStore, claim_id: str, holder: str = "worker-1") -> Claim:
    claim = await store.claim(LeaseKind.TRAJECTORY, claim_id, holder=holder, lease_s=LEASE_S)
    assert claim is not None
    return claim


async def begun(store: ServiceStore, job_id: str, *names: str) -> Claim:
    """Submit a job, claim it, and store trajectories."""
    await store.submit([job_record(job_id)])
    claim = await claimed(store, job_id)
    await store.start_trajectories(claim, [plan(name) for name in names])
    return claim


async def status(store: ServiceStore, job_id: str) -> JobStatus:
    return (await store.job(job_id)).status


# Submission


async def test_a_submitted_job_is_read_as_it_was_given(store: ServiceStore) -> None:
    given = job_records("job", 3)
    stored = await store.submit(given, batch=batch_record("batch"), queue="batch", priority=3)
    assert [record.spec for record in stored] == [record.spec for record in given]
    assert [await store.job(record.id) for record in given] == list(stored)
    assert {(record.status, record.batch_id, record.queue) for record in stored} == {
        (JobStatus.QUEUED, "batch", "batch")
    }
    assert (await store.batch("batch")).strategy == "single"
    assert [record.id async for record in store.batch_jobs("batch")] == [record.id for record in given]


async def test_a_row_that_could_not_be_read_is_kept_as_failed(store: ServiceStore) -> None:
    broken = job_record("job-b", 1).model_copy(
        update={"spec": None, "status": JobStatus.FAILED, "error": {"kind": "data", "message": "row 2: no statement"}}
    )
    await store.submit([job_record("job-a"), broken], batch=batch_record("batch"))
    assert (await store.job("job-b")).error == broken.error
    assert await store.claim(LeaseKind.JOB, "job-b", holder="worker", lease_s=LEASE_S) is None
    assert [record.id async for record in store.batch_jobs("batch", ended_after="")] == ["job-b"]
    assert await store.retry(batch_id="batch") == []
    await store.finish(await claimed(store, "job-a"), job_result("job-a"))
    assert [(record.id, record.end_number) async for record in store.batch_jobs("batch", ended_after="")] == [
        ("job-b", 1),
        ("job-a", 2),
    ]


async def test_submission_is_whole_or_nothing(store: ServiceStore) -> None:
    await store.submit([job_record("job-1")])
    with pytest.raises(Conflict):
        await store.submit([job_record("job-0"), job_record("job-1", 1)], batch=batch_record("batch"))
    for missing in (store.job("job-0"), store.batch("batch")):
        with pytest.raises(NotFound):
            await missing


async def test_the_same_idempotency_key_gives_the_same_jobs(
    store: ServiceStore, others: list[ServiceStore], database: Database
) -> None:
    async def send(sender: ServiceStore, number: int, digest: str = "digest") -> list[str]:
        records = job_records(f"try-{number}", 2)
        stored = await sender.submit(
            records, batch=batch_record(f"batch-{number}"), idempotency_key="once", request_digest=digest
        )
        return [record.id for record in stored]

    answers = await asyncio.gather(*(send(sender, number) for number, sender in enumerate([store, *others])))
    assert len({tuple(answer) for answer in answers}) == 1
    assert len(await store.recent(project=None, limit=10)) == 2
    with pytest.raises(Conflict, match="once"):
        await send(store, 7, "another digest")
    await pass_time(database, 23 * 3600)
    assert await send(store, 8) == answers[0]
    await pass_time(database, 3600)
    assert await send(store, 9) == ["try-9-000", "try-9-001"]


async def test_idempotency_keys_of_two_api_keys_are_apart(store: ServiceStore) -> None:
    for name in ("a", "b"):
        await store.add_key(ApiKey(id=name, name=name), f"digest-{name}")
        stored = await store.submit([job_record(f"job-{name}")], key_id=name, idempotency_key="x", request_digest=name)
        assert [record.id for record in stored] == [f"job-{name}"]


async def test_a_key_may_not_have_more_jobs_waiting_than_its_quota(store: ServiceStore) -> None:
    await store.add_key(ApiKey(id="small", name="small", queued=3), "digest")
    await store.submit(job_records("a", 2), key_id="small")
    with pytest.raises(QuotaExceeded, match="3 jobs"):
        await store.submit(job_records("b", 2), key_id="small")
    await claimed(store, "a-000")
    await store.submit(job_records("b", 2), key_id="small")
    with pytest.raises(NotFound):
        await store.submit(job_records("c", 1), key_id="nobody")


async def test_projects_do_not_see_each_other(store: ServiceStore) -> None:
    await store.add_key(ApiKey(id="k", name="k", project="red"), "digest")
    await store.submit([job_record("red-job")], batch=batch_record("red-batch"), key_id="k")
    await store.submit([job_record("job")], batch=batch_record("batch"))
    assert (await store.job("red-job", project="red")).key_id == "k"
    for wrong in (store.job("red-job", project="default"), store.batch("red-batch", project="default")):
        with pytest.raises(NotFound):
            await wrong
    assert [record.id for record in await store.recent(project="red", limit=9)] == ["red-job"]
    assert [record.id for record in await store.recent_batches(project="default", limit=9)] == ["batch"]
    with pytest.raises(NotFound):
        await store.recent(project="default", limit=9, before="red-job")


async def test_lists_are_newest_first_and_go_on_after_a_cursor(store: ServiceStore, database: Database) -> None:
    for number in range(5):
        await store.submit([job_record(f"job-{number}")], batch=batch_record(f"batch-{number}"))
        await pass_time(database, 10)
    first = [record.id for record in await store.recent(project=None, limit=2)]
    rest = [record.id for record in await store.recent(project=None, limit=9, before=first[-1])]
    assert first + rest == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    batches = await store.recent_batches(project="default", limit=2, before="batch-3")
    assert [record.id for record in batches] == ["batch-2", "batch-1"]


# Claims


async def test_of_many_claimers_one_holds(store: ServiceStore, others: list[ServiceStore]) -> None:
    await store.submit(job_records("job", 4))
    stores = [store, *others]
    tries = [(one, f"job-{number:03}", f"worker-{place}") for number in range(4) for place, one in enumerate(stores)]
    found = await asyncio.gather(
        *(one.claim(LeaseKind.JOB, job_id, holder=holder, lease_s=LEASE_S) for one, job_id, holder in tries)
    )
    assert sorted(claim.id for claim in found if claim is not None) == [f"job-{number:03}" for number in range(4)]
    assert {await status(store, f"job-{number:03}") for number in range(4)} == {JobStatus.RUNNING}


async def test_of_many_that_take_over_a_lapsed_lease_one_holds(
    store: ServiceStore, others: list[ServiceStore], database: Database
) -> None:
    first = await begun(store, "job", "t")
    part = await claimed_part(store, "job/t")
    await pass_time(database, LEASE_S + 1)
    stores = [store, *others]
    for kind, claim in ((LeaseKind.JOB, first), (LeaseKind.TRAJECTORY, part)):
        found = await asyncio.gather(
            *(one.claim(kind, claim.id, holder=f"w{place}", lease_s=LEASE_S) for place, one in enumerate(stores))
        )
        (taken,) = [one for one in found if one is not None]
        assert taken.token > claim.token
        assert taken.attempt == 2


async def test_a_lost_holder_can_write_nothing(store: ServiceStore, database: Database) -> None:
    lost = await begun(store, "job", "t")
    lost_part = await claimed_part(store, "job/t")
    await pass_time(database, LEASE_S + 1)
    held = await claimed(store, "job", "worker-2")
    held_part = await claimed_part(store, "job/t", "worker-2")
    refused: list[Callable[[], object]] = [
        lambda: store.start_trajectories(lost, [plan("new")]),
        lambda: store.cancel_trajectories(lost, ["t"]),
        lambda: store.tell(lost, ["t"]),
        lambda: store.untell(lost),
        lambda: store.rest(lost),
        lambda: store.finish(lost, job_result("job")),
        lambda: store.end_trajectory(lost_part, outcome("t")),
    ]
    for write in refused:
        with pytest.raises(LeaseLostError):
            await write()  # type: ignore[misc]
    await store.give_back(lost)
    await store.give_back(lost_part)
    assert (await store.beat("worker-1", [lost, lost_part], lease_s=LEASE_S)).lost == [lost, lost_part]
    assert (await store.beat("worker-2", [held, held_part], lease_s=LEASE_S)).lost == []
    assert await store.unended(held) == ["t"]
    await store.end_trajectory(held_part, outcome("t"))
    await store.finish(held, job_result("job"))
    assert await status(store, "job") is JobStatus.COMPLETED


async def test_a_beat_keeps_a_lease(store: ServiceStore, database: Database) -> None:
    claim = await begun(store, "job", "t")
    part = await claimed_part(store, "job/t")
    for _ in range(3):
        await pass_time(database, LEASE_S * 0.6)
        assert (await store.beat("worker-1", [claim, part], lease_s=LEASE_S)).lost == []
    assert await store.claim(LeaseKind.JOB, "job", holder="other", lease_s=LEASE_S) is None
    assert await store.claim(LeaseKind.TRAJECTORY, "job/t", holder="other", lease_s=LEASE_S) is None
    # Late, but nobody took it: the work goes on.
    await pass_time(database, LEASE_S + 1)
    assert (await store.beat("worker-1", [claim], lease_s=LEASE_S)).lost == []
    assert await store.claim(LeaseKind.JOB, "job", holder="other", lease_s=LEASE_S) is None
    assert (await store.beat("someone else", [claim], lease_s=LEASE_S)).lost == [claim]


async def test_what_was_given_back_is_claimed_at_once(store: ServiceStore) -> None:
    claim = await begun(store, "job", "t")
    part = await claimed_part(store, "job/t")
    await store.give_back(part)
    await store.give_back(claim)
    assert (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).jobs == [QueuedJob("job", "interactive")]
    assert (await claimed(store, "job", "other")).attempt == 1
    assert (await claimed_part(store, "job/t", "other")).attempt == 1


async def test_a_key_runs_no_more_jobs_than_its_concurrency(store: ServiceStore, others: list[ServiceStore]) -> None:
    await store.add_key(ApiKey(id="two", name="two", concurrency=2), "digest")
    await store.submit(job_records("job", 6), key_id="two", queue="batch")
    stores = [store, *others]

    async def claim(number: int) -> Claim | None:
        one = stores[number % len(stores)]
        return await one.claim(LeaseKind.JOB, f"job-{number:03}", holder=f"w{number}", lease_s=LEASE_S)

    held = [one for one in await asyncio.gather(*map(claim, range(6))) if one is not None]
    assert len(held) == 2
    assert await store.next_jobs(outstanding=10, unseen_s=UNSEEN_S) == []
    await store.finish(held[0], job_result(held[0].id))
    (following,) = await store.next_jobs(outstanding=10, unseen_s=UNSEEN_S)
    assert await claimed(store, following.id)


async def test_a_claim_says_what_time_is_left(store: ServiceStore, database: Database) -> None:
    await store.submit(
        [job_record("a", 0, deadline_s=500), job_record("b", 1)], batch=batch_record("c", deadline_s=800)
    )
    first = await claimed(store, "a")
    assert first.left_s == pytest.approx(500, abs=1)
    await pass_time(database, 400)
    second = await claimed(store, "b")
    # The batch's clock began with its first job.
    assert second.left_s is not None
    assert 0 < second.left_s <= 400
    assert (await store.beat("worker-1", [first, second], lease_s=LEASE_S)).cancelled == []
    await pass_time(database, 100)
    assert (await store.beat("worker-1", [first, second], lease_s=LEASE_S)).cancelled == [first]
    await pass_time(database, 300)
    assert (await store.beat("worker-1", [first, second], lease_s=LEASE_S)).cancelled == [first, second]


# Trajectories


async def test_outcomes_are_told_once_in_the_order_of_their_end(store: ServiceStore) -> None:
    claim = await begun(store, "job", "t1", "t2", "t3")
    assert await store.rest(claim) is False
    assert await status(store, "job") is JobStatus.WAITING
    parts = {name: await claimed_part(store, f"job/{name}") for name in ("t1", "t2", "t3")}
    for name in ("t3", "t1"):
        await store.end_trajectory(parts[name], outcome(name))
    claim = await claimed(store, "job")
    assert [record.name for record in await store.untold(claim)] == ["t3", "t1"]
    await store.tell(claim, ["t3"])
    assert [record.name for record in await store.untold(claim)] == ["t1"]
    assert await store.unended(claim) == ["t2"]
    # What is there stays as it is.
    await store.start_trajectories(claim, [plan("t1"), plan("t4")])
    assert (await store.trajectory("job", "t1")).outcome == outcome("t1")
    assert (await store.trajectory("job", "t4")).plan == plan("t4")
    with pytest.raises(NotFound):
        await store.trajectory("job", "t5")
    # A search that begins anew is told everything again.
    await store.untell(claim)
    assert [record.name for record in await store.untold(claim)] == ["t3", "t1"]


async def test_rest_sees_an_outcome_that_came_meanwhile(store: ServiceStore, others: list[ServiceStore]) -> None:
    claim = await begun(store, "job", *(f"t{number}" for number in range(8)))
    for number in range(8):
        part = await claimed_part(store, f"job/t{number}")
        ended, has_outcome = await asyncio.gather(
            others[0].end_trajectory(part, outcome(f"t{number}")), store.rest(claim)
        )
        assert ended is None
        # Either the one that rests is told, or the one that ends can claim.
        again = await store.claim(LeaseKind.JOB, "job", holder="other", lease_s=LEASE_S)
        assert again is not None
        assert [record.name for record in await store.untold(again)] == [f"t{number}"]
        if not has_outcome:
            assert [job.id for job in (await store.due(max_attempts=9, unseen_s=0)).jobs] == []
        await store.tell(again, [f"t{number}"])
        claim = again


async def test_trajectories_that_nobody_holds_are_cancelled_at_once(store: ServiceStore) -> None:
    claim = await begun(store, "job", "held", "free")
    part = await claimed_part(store, "job/held")
    await store.cancel_trajectories(claim, ["held", "free"])
    assert [record.name for record in await store.untold(claim)] == ["free"]
    assert (await store.trajectory("job", "free")).outcome == outcome("free", StopReason.CANCELLED).model_copy(
        update={"summary": "cancelled"}
    )
    assert (await store.beat("worker-1", [claim, part], lease_s=LEASE_S)).cancelled == [part]
    assert (await store.trajectory("job", "held")).cancel_requested
    await store.give_back(part)
    assert await store.unended(claim) == []


async def test_a_search_that_waits_for_nothing_ends_failed(store: ServiceStore) -> None:
    await store.submit([job_record("job")])
    for _ in range(3):
        assert await store.rest(await claimed(store, "job")) is False
    assert [one.id for one in (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).ended] == ["job"]
    assert await status(store, "job") is JobStatus.FAILED


# Ends


async def test_a_finished_job_has_its_result_and_its_last_event(store: ServiceStore, database: Database) -> None:
    claim = await begun(store, "job", "t")
    part = await claimed_part(store, "job/t")
    await store.add_events("job", [TrajectoryStarted(job_id="job", trajectory="t")])
    await pass_time(database, 10)
    await store.finish(claim, job_result("job"))
    record = await store.job("job")
    assert (record.status, record.result) == (JobStatus.COMPLETED, job_result("job"))
    assert record.finished_at is not None
    stored = await store.events("job")
    assert [event.sequence for event in stored] == [1, 2]
    last = stored[-1].event
    assert isinstance(last, JobFinished)
    assert last.result == job_result("job")
    assert last.time_s >= 10
    assert (await store.beat("worker-1", [claim, part], lease_s=LEASE_S)).lost == [claim, part]
    with pytest.raises(LeaseLostError):
        await store.end_trajectory(part, outcome("t"))
    assert await store.claim(LeaseKind.JOB, "job", holder="other", lease_s=LEASE_S) is None
    assert await store.claim(LeaseKind.TRAJECTORY, "job/t", holder="other", lease_s=LEASE_S) is None


async def test_a_batch_counts_what_its_jobs_came_to(store: ServiceStore) -> None:
    await store.submit(job_records("job", 4), batch=batch_record("batch"), queue="batch")
    await store.finish(await claimed(store, "job-002"), job_result("job-002", tokens=5))
    await store.finish(await claimed(store, "job-000"), job_result("job-000", tokens=6))
    await store.finish(await claimed(store, "job-001"), job_result("job-001", JobStatus.CANCELLED, tokens=1))
    counts = await store.batch_counts("batch")
    assert counts.total == 4
    assert counts.by_status == {JobStatus.COMPLETED: 2, JobStatus.CANCELLED: 1, JobStatus.QUEUED: 1}
    assert counts.by_outcome == {"solved": 2}
    assert (counts.usage.completion_tokens, counts.usage.model_calls, counts.usage.sandbox_cpu_s) == (12, 3, 0.75)
    with pytest.raises(NotFound):
        await store.batch_counts("none")


async def test_whoever_reads_results_as_they_end_misses_none(store: ServiceStore, others: list[ServiceStore]) -> None:
    count = 24
    await store.submit(job_records("job", count), batch=batch_record("batch"), queue="batch")

    async def end(one: ServiceStore, numbers: range) -> None:
        for number in numbers:
            claim = await claimed(one, f"job-{number:03}")
            await one.finish(claim, job_result(claim.id))

    read: list[int] = []

    async def follow() -> None:
        while len(read) < count:
            async for record in store.batch_jobs("batch", ended_after=str(read[-1]) if read else ""):
                assert record.end_number is not None
                read.append(record.end_number)

    await asyncio.gather(follow(), *(end(one, range(place, count, 3)) for place, one in enumerate(others)))
    assert read == list(range(1, count + 1))
    by_id = [record.id async for record in store.batch_jobs("batch", ended_after="")]
    assert [record.id async for record in store.batch_jobs("batch", ended_after=by_id[9])] == by_id[10:]
    with pytest.raises(NotFound):
        await anext(store.batch_jobs("batch", ended_after="no-job"))


async def test_cancelling_a_batch_keeps_what_ended_and_stops_the_rest(store: ServiceStore) -> None:
    await store.submit(job_records("job", 4), batch=batch_record("batch"), queue="batch")
    await store.finish(await claimed(store, "job-000"), job_result("job-000"))
    held = await claimed(store, "job-001")
    await store.start_trajectories(held, [plan("t")])
    assert await store.cancel(batch_id="batch") == 3
    assert [await status(store, f"job-{number:03}") for number in range(4)] == [
        JobStatus.COMPLETED,
        JobStatus.CANCELLING,
        JobStatus.CANCELLED,
        JobStatus.CANCELLED,
    ]
    assert (await store.beat("worker-1", [held], lease_s=LEASE_S)).cancelled == [held]
    assert [record.name for record in await store.untold(held)] == ["t"]
    await store.give_back(held)
    # What was begun is claimed once more, so that it ends with what it has.
    again = await claimed(store, "job-001")
    await store.finish(again, job_result("job-001", JobStatus.CANCELLED))
    assert await store.cancel(batch_id="batch") == 0
    for number in range(4):
        events = await store.events(f"job-{number:03}")
        assert [isinstance(one.event, JobFinished) for one in events] == [True]
    for missing in (store.cancel(job_id="none"), store.cancel(batch_id="none"), store.retry(job_id="none")):
        with pytest.raises(NotFound):
            await missing


async def test_a_retried_job_begins_anew(store: ServiceStore) -> None:
    await store.submit(job_records("job", 3), batch=batch_record("batch"), queue="batch")
    claim = await claimed(store, "job-000")
    await store.start_trajectories(claim, [plan("t")])
    old_part = await claimed_part(store, "job-000/t")
    await store.finish(claim, job_result("job-000", JobStatus.FAILED))
    await store.finish(await claimed(store, "job-001"), job_result("job-001"))
    assert await store.retry(batch_id="batch") == [QueuedJob("job-000", "batch")]
    record = await store.job("job-000")
    assert (record.status, record.result, record.finished_at) == (JobStatus.QUEUED, None, None)
    again = await claimed(store, "job-000")
    assert again.attempt == 1
    assert again.token > claim.token
    await store.start_trajectories(again, [plan("t")])
    part = await claimed_part(store, "job-000/t")
    assert part.token > old_part.token
    with pytest.raises(LeaseLostError):
        await store.end_trajectory(old_part, outcome("t"))
    await store.finish(again, job_result("job-000"))
    assert [(one.id, one.end_number) async for one in store.batch_jobs("batch", ended_after="1")] == [
        ("job-001", 2),
        ("job-000", 3),
    ]
    assert (await store.batch_counts("batch")).usage.completion_tokens == 14


# The reaper


async def test_what_a_dead_worker_held_is_due_at_once(
    store: ServiceStore, others: list[ServiceStore], database: Database
) -> None:
    await begun(store, "job", "t")
    await claimed_part(store, "job/t")
    assert (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).trajectories == []
    await pass_time(database, LEASE_S + 1)
    found = await asyncio.gather(*(one.due(max_attempts=3, unseen_s=5 * LEASE_S) for one in [store, *others]))
    assert [job.id for due in found for job in due.jobs] == ["job"]
    assert [name for due in found for name in due.trajectories] == ["job/t"]
    assert (await store.gauges())["leases"] == 0


async def test_poison_ends_with_its_cause(store: ServiceStore, database: Database) -> None:
    claim = await begun(store, "job", "crash", "fault")
    await store.rest(claim)
    for _ in range(2):
        await claimed_part(store, "job/crash")
        part = await claimed_part(store, "job/fault")
        await store.give_back(part, counts=True, error={"kind": "sandbox", "message": "no box would start"})
        await pass_time(database, LEASE_S + 1)
        await store.due(max_attempts=2, unseen_s=UNSEEN_S)
    claim = await claimed(store, "job")
    crash, fault = (one.outcome for one in sorted(await store.untold(claim), key=lambda one: one.name))
    assert crash is not None
    assert crash.error is not None
    assert "begun 2 times" in (crash.error["message"] or "")
    assert "worker-1" in (crash.error["message"] or "")
    assert fault is not None
    assert fault.stop_reason is StopReason.ERROR
    assert fault.error is not None
    assert fault.error["kind"] == "sandbox"
    assert "no box would start" in (fault.error["message"] or "")
    await pass_time(database, LEASE_S + 1)
    assert (await claimed(store, "job")).attempt == 2
    await pass_time(database, LEASE_S + 1)
    assert [one.id for one in (await store.due(max_attempts=2, unseen_s=UNSEEN_S)).ended] == ["job"]
    record = await store.job("job")
    assert record.status is JobStatus.FAILED
    assert "begun 2 times" in ((record.error or {})["message"] or "")
    last = (await store.events("job"))[-1].event
    assert isinstance(last, JobFinished)
    assert last.result.status is JobStatus.FAILED


async def test_an_attempt_counts_when_it_is_said_to(store: ServiceStore, database: Database) -> None:
    """The last one is made alone in its process: who dies while it waits for that has not made it."""
    most = 4
    await store.rest(await begun(store, "job", "t"))

    async def claim_last() -> Claim:
        claim = await store.claim(
            LeaseKind.TRAJECTORY, "job/t", holder="worker-1", lease_s=LEASE_S, uncounted_from=most
        )
        assert claim is not None
        return claim

    async def dies() -> Sequence[str]:
        await pass_time(database, LEASE_S + 1)
        return (await store.due(max_attempts=most, unseen_s=UNSEEN_S)).trajectories

    for attempt in (1, 2, 3):
        assert (await claim_last()).attempt == attempt
        assert await dies() == ["job/t"]
    for _ in range(2):
        assert (await claim_last()).attempt == most
        assert await dies() == ["job/t"], "it did not begin"
    claim = await claim_last()
    await store.count_attempt(claim)
    await store.count_attempt(claim)
    assert await dies() == []
    with pytest.raises(LeaseLostError):
        await store.count_attempt(claim)
    [ended] = await store.untold(await claimed(store, "job"))
    assert ended.outcome is not None
    assert "begun 4 times" in ((ended.outcome.error or {})["message"] or "")


async def test_the_last_two_of_many_attempts_are_made_one_at_a_time(store: ServiceStore, database: Database) -> None:
    await store.rest(await begun(store, "job", "a", "b"))
    found: Sequence[str] = ["job/a", "job/b"]
    sent = []
    for _ in range(5):
        for name in found:
            await claimed_part(store, name)
        await pass_time(database, LEASE_S + 1)
        found = (await store.due(max_attempts=5, unseen_s=UNSEEN_S)).trajectories
        sent.append(len(found))
    assert sent == [2, 2, 1, 1, 1]


async def test_last_attempts_are_made_one_at_a_time(store: ServiceStore, database: Database) -> None:
    """What died together is tried together, but for the last time: then poison takes nobody with it."""
    names = ["innocent", "other", "poison"]
    await store.rest(await begun(store, "job", *names))

    async def all_die(found: Sequence[str]) -> Sequence[str]:
        for name in found:
            await claimed_part(store, name)
        await pass_time(database, LEASE_S + 1)
        return (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).trajectories

    everything = [f"job/{name}" for name in names]
    again = await all_die(everything)
    assert sorted(again) == everything
    alone = await all_die(again)
    assert len(alone) == 1
    assert (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).trajectories == [], "its message is under way"
    claim = await claimed_part(store, alone[0])
    assert claim.attempt == 3
    await pass_time(database, LEASE_S / 2)
    assert (await store.due(max_attempts=3, unseen_s=1)).trajectories == [], "it runs"
    await store.end_trajectory(claim, outcome(alone[0].removeprefix("job/")))
    following = (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).trajectories
    assert len(following) == 1
    assert following != alone
    [last] = await all_die(following)
    assert {*alone, *following, last} == set(everything)
    ended = {one.name: one.outcome for one in await store.untold(await claimed(store, "job"))}
    error = (ended[following[0].removeprefix("job/")] or pytest.fail("ended")).error
    assert "begun 3 times" in ((error or {})["message"] or "")


async def test_jobs_whose_batch_is_over_before_they_began_expire(store: ServiceStore, database: Database) -> None:
    await store.submit(job_records("job", 3), batch=batch_record("batch", deadline_s=50), queue="batch")
    claim = await claimed(store, "job-000")
    await store.start_trajectories(claim, [plan("t")])
    await store.rest(claim)
    await pass_time(database, 51)
    due = await store.due(max_attempts=3, unseen_s=0)
    assert sorted(one.id for one in due.ended) == ["job-001", "job-002"]
    assert {await status(store, f"job-{number:03}") for number in (1, 2)} == {JobStatus.EXPIRED}
    # The one that was begun ends with what it has.
    assert [one.id for one in due.jobs] == ["job-000"]
    left_s = (await claimed(store, "job-000")).left_s
    assert left_s is not None
    assert left_s < 0
    await store.retry(batch_id="batch")
    assert (await store.due(max_attempts=3, unseen_s=0)).ended == []
    assert ((await claimed(store, "job-001")).left_s or 0) > 0


async def test_a_message_that_was_sent_is_not_sent_again_too_soon(store: ServiceStore, database: Database) -> None:
    await store.submit([job_record("job")])
    assert (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).jobs == []
    await pass_time(database, UNSEEN_S + 1)
    assert [one.id for one in (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).jobs] == ["job"]
    assert (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).jobs == []
    claim = await claimed(store, "job")
    await store.start_trajectories(claim, [plan("t")])
    await store.rest(claim)
    assert (await store.due(max_attempts=3, unseen_s=UNSEEN_S)).trajectories == []
    await pass_time(database, UNSEEN_S + 1)
    due = await store.due(max_attempts=3, unseen_s=UNSEEN_S)
    assert (due.jobs, due.trajectories) == ([], ["job/t"])


async def test_a_message_that_was_sent_long_before_those_that_wait_is_lost(
    store: ServiceStore, database: Database
) -> None:
    """Messages are taken in their order, so nobody need wait until it is old."""
    claim = await begun(store, "job", "lost", "other")
    await claimed_part(store, "job/other")
    await pass_time(database, 20)
    await store.start_trajectories(claim, [plan("late"), plan("later")])
    await store.rest(claim)

    async def lost(*next_: str) -> Sequence[str]:
        return (await store.due(max_attempts=3, unseen_s=600, next_trajectories=next_)).trajectories

    assert await lost("job/late", "job/later") == [], "they were sent at about the same time"
    await pass_time(database, 20)
    await store.start_trajectories(claim := await claimed(store, "job"), [plan("last")])
    await store.rest(claim)
    assert await lost("job/late", "job/last") == [], "the earliest of them counts"
    assert await lost("job/other", "none/t0") == [], "they are held, or not there: that says nothing"
    assert (await store.due(max_attempts=3, unseen_s=600)).trajectories == []
    assert await lost("job/last") == ["job/lost"]
    assert await lost() == [], "none waits, but the others were sent a moment ago"
    await pass_time(database, 31)
    assert sorted(await lost()) == ["job/last", "job/late", "job/later", "job/lost"]


async def test_keys_get_jobs_by_their_weight(store: ServiceStore, database: Database) -> None:
    for name, weight in (("light", 1.0), ("heavy", 3.0)):
        await store.add_key(ApiKey(id=name, name=name, weight=weight), f"digest-{name}")
    # Whoever came first with many jobs does not come first with all of them.
    await store.submit(job_records("light", 20), key_id="light", queue="batch")
    await store.submit(job_records("heavy", 20), key_id="heavy", queue="batch")
    await store.submit([job_record("urgent")], key_id="light", queue="batch", priority=5)
    first = [one.id for one in await store.next_jobs(outstanding=8, unseen_s=UNSEEN_S)]
    assert sorted(first) == [*(f"heavy-{number:03}" for number in range(6)), "light-000", "urgent"]
    assert await store.next_jobs(outstanding=8, unseen_s=UNSEEN_S) == []
    for id_ in first:
        await claimed(store, id_)
    await store.submit([job_record("interactive")], queue="interactive")
    await pass_time(database, UNSEEN_S + 1)
    assert [one.id for one in await store.next_jobs(outstanding=4, unseen_s=UNSEEN_S)] == [
        *("interactive", "heavy-006", "heavy-007", "heavy-008"),
        "light-001",
    ]


async def test_what_one_key_cannot_fill_goes_to_others(store: ServiceStore) -> None:
    for name in ("few", "many"):
        await store.add_key(ApiKey(id=name, name=name), f"digest-{name}")
    await store.submit(job_records("few", 2), key_id="few", queue="batch")
    await store.submit(job_records("many", 20), key_id="many", queue="batch")
    chosen = [one.id for one in await store.next_jobs(outstanding=12, unseen_s=UNSEEN_S)]
    assert len(chosen) == len(set(chosen)) == 12
    assert {"few-000", "few-001"} < set(chosen)


# Events


async def test_concurrent_writers_leave_no_gap_and_no_duplicate(
    store: ServiceStore, others: list[ServiceStore]
) -> None:
    await store.submit([job_record("job")])
    stores = [store, *others]

    async def write(place: int) -> list[int]:
        numbers: list[int] = []
        for round_ in range(6):
            new = [
                PhaseEntered(job_id="job", trajectory=f"t{place}", phase="solve", round=round_),
                PhaseEntered(job_id="job", trajectory=f"t{place}", phase="verify", round=round_),
            ]
            numbers += await stores[place].add_events("job", new)
        return numbers

    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 48:
            for stored in await store.events("job", after=seen[-1] if seen else 0, limit=5):
                seen.append(stored.sequence)

    *written, _ = await asyncio.gather(*map(write, range(4)), follow())
    assert seen == list(range(1, 49))
    assert sorted(number for numbers in written for number in numbers) == seen
    of_one = [one.event for one in await store.events("job") if getattr(one.event, "trajectory", "") == "t2"]
    assert [(event.round, event.phase) for event in of_one if isinstance(event, PhaseEntered)] == [
        (round_, phase) for round_ in range(6) for phase in ("solve", "verify")
    ]
    assert await store.add_events("job", []) == []
    with pytest.raises(NotFound):
        await store.add_events("none", [TrajectoryStarted(job_id="none", trajectory="t")])


# Keys and the whole


async def test_a_key_is_found_by_its_digest_until_it_is_revoked(store: ServiceStore) -> None:
    key = ApiKey(id="k", name="Kim", project="red", day_budget=Budget(tokens=9), concurrency=2, queued=4, weight=1.5)
    await store.add_key(key, "digest")
    found = await store.key_of("digest")
    assert found is not None
    assert found.model_copy(update={"created_at": 0.0}) == key
    for id_, digest in (("k", "digest-2"), ("k-2", "digest")):
        with pytest.raises(Conflict):
            await store.add_key(key.model_copy(update={"id": id_}), digest)
    await store.revoke_key("k")
    assert await store.key_of("digest") is None
    assert [one.id for one in await store.keys()] == ["k"]
    assert (await store.key("k")).revoked_at is not None
    with pytest.raises(NotFound):
        await store.revoke_key("none")


async def test_gauges_count_what_is_open(store: ServiceStore, database: Database) -> None:
    assert await store.gauges() == {"leases": 0.0, "holders": 0.0}
    await store.submit(job_records("job", 3), queue="batch")
    await store.submit([job_record("done"), job_record("begun")])
    await store.finish(await claimed(store, "done"), job_result("done"))
    await store.start_trajectories(await claimed(store, "begun"), [plan("t")])
    await pass_time(database, 60)
    gauges = dict(await store.gauges())
    assert gauges.pop('oldest_queued_seconds{queue="batch"}') == pytest.approx(60, abs=30)
    assert gauges == {
        'jobs{queue="batch",status="queued"}': 3.0,
        'jobs{queue="interactive",status="running"}': 1.0,
        'trajectories{status="queued"}': 1.0,
        "leases": 1.0,
        "holders": 1.0,
    }


async def test_a_closed_store_can_be_closed_again(store: ServiceStore) -> None:
    await store.ping()
    await store.aclose()
    await store.aclose()


async def test_content_of_a_newer_version_is_not_misread(store: ServiceStore, database: Database) -> None:
    from sqlalchemy import update

    from solvent.workers.tables import job_content

    await store.submit([job_record("job")])
    await database.write(
        "write a newer format", lambda connection: connection.execute(update(job_content).values(version=99))
    )
    with pytest.raises(StoreError, match="upgrade"):
        await store.job("job")


async def test_only_what_ended_so_is_queued_again(store: ServiceStore) -> None:
    await store.submit(job_records("j", 3), batch=batch_record("b"), queue="batch")
    claim = await claimed(store, "j-000")
    await store.finish(claim, job_result("j-000", JobStatus.FAILED))
    await store.cancel(job_id="j-001")
    assert await store.retry(batch_id="b", statuses={JobStatus.CANCELLED}) == [QueuedJob("j-001", "batch")]
    assert await store.retry(batch_id="b", statuses={JobStatus.COMPLETED, JobStatus.QUEUED}) == []
    assert await store.retry(batch_id="b") == [QueuedJob("j-000", "batch")]


async def test_ids_are_found_by_their_beginning_or_end(store: ServiceStore) -> None:
    await store.submit(job_records("j%", 2), batch=batch_record("b_1"), queue="batch")
    assert await store.matching("j%-", limit=9) == ["j%-000", "j%-001"]
    assert await store.matching("-001", limit=9) == ["j%-001"]
    assert await store.matching("_1", limit=9) == ["b_1"]
    assert await store.matching("%", limit=9) == [], "it stands for itself"
    assert len(await store.matching("j", limit=1)) == 1


async def test_what_a_dead_holder_had_can_be_had_at_once(store: ServiceStore, database: Database) -> None:
    await store.submit(job_records("j", 3))
    dead = await claimed(store, "j-000", "dead")
    alive = await claimed(store, "j-001", "alive")
    assert await store.holders() == ["alive", "dead"]
    assert await store.lapse("dead") == 1
    assert await store.lapse("nobody") == 0
    assert await store.holders() == ["alive"]
    again = await claimed(store, "j-000", "next")
    assert again.attempt == 2, "the attempt counts"
    assert (await store.beat("dead", [dead], lease_s=LEASE_S)).lost == [dead]
    assert await store.claim(LeaseKind.JOB, "j-001", holder="next", lease_s=LEASE_S) is None
    await store.finish(alive, job_result("j-001"))
    await pass_time(database, LEASE_S + 1)
    assert await store.holders() == [], "those that lapsed hold nothing"
