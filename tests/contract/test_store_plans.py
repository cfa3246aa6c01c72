"""Batches with a plan, on both databases: steps are taken once, survive any interruption, and never pass the budget."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from stored_jobs import job_record

from solvent.agents.job import Answer, Grade, JobResult, JobStatus, Outcome, StopReason
from solvent.errors import NotFound
from solvent.problems.problem import Verdict
from solvent.usage import Budget, Usage
from solvent.workers.batch_plan import BatchPlan, Contest, Place, Team
from solvent.workers.database import open_service_store
from solvent.workers.planning import plan_jobs
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.service_records import LeaseKind, PlanStep
from solvent.workers.service_store import ServiceStore
from solvent.workers.steward import next_step

LEASE_S = 60.0


@pytest_asyncio.fixture
async def store(service_url: str) -> AsyncIterator[ServiceStore]:
    opened = await open_service_store(service_url)
    yield opened
    await opened.aclose()


def new_batch(plan: BatchPlan, **more: Any) -> BatchRecord:
    return BatchRecord(
        id="batch", source="-", strategy="single", model="starter", plan=plan, created_at="2026-01-01T00:00:00Z", **more
    )


async def submitted(store: ServiceStore, batch: BatchRecord, count: int) -> tuple[BatchRecord, Sequence[JobRecord]]:
    rows = [job_record(f"job-{number}", number).model_copy(update={"batch_id": "batch"}) for number in range(count)]
    planned, jobs = plan_jobs(batch, rows)
    await store.submit(jobs, batch=planned, queue="batch")
    return await store.batch("batch"), await everything(store)


async def everything(store: ServiceStore) -> list[JobRecord]:
    return [job async for job in store.batch_jobs("batch")]


async def end(
    store: ServiceStore,
    job: JobRecord,
    *,
    tokens: int,
    solved: bool = False,
    reason: StopReason | None = None,
    verdict: Verdict | None = None,
) -> None:
    """Run a job as a worker would, to an end."""
    claim = await store.claim(LeaseKind.JOB, job.id, holder="me", lease_s=LEASE_S)
    assert claim is not None
    outcome = Outcome.SOLVED if solved else Outcome.EXHAUSTED if reason is None else Outcome.UNSOLVED
    result = JobResult(
        job_id=job.id,
        problem_id="sum",
        status=JobStatus.COMPLETED,
        outcome=outcome,
        stop_reason=StopReason.AGREED if solved else reason or StopReason.CAP_TOKENS,
        answer=Answer(text=f"{job.id} {verdict}", trajectory="t0") if verdict else None,
        grade=Grade(verdict=verdict, passed=int(verdict is Verdict.AC), total=1) if verdict else None,
        usage=Usage(completion_tokens=tokens, model_calls=10, trajectories=10),
    )
    await store.finish(claim, result)


async def test_an_allocation_goes_through_its_rounds_and_never_passes_the_budget(store: ServiceStore) -> None:
    chance = random.Random(7)
    plan = BatchPlan(allocation="adaptive")
    batch, jobs = await submitted(store, new_batch(plan, budget=Budget(tokens=1000)), 8)
    assert [job.spec.budget.tokens for job in jobs if job.spec] == [93] * 8

    rounds = 0
    while open_ := [job for job in await everything(store) if not job.ended]:
        rounds += 1
        for job in open_:
            assert job.spec is not None
            # Nothing happens while others of the round have not ended.
            assert not (await next_step(store, batch)).queued
            await end(store, job, tokens=job.spec.budget.tokens or 0, solved=chance.random() < 0.3)
        queued = (await next_step(store, batch)).queued
        held = sum(
            max(job.usage.tokens, job.spec.budget.tokens or 0)
            for job in await everything(store)
            if job.spec and not job.ended
        )
        spent = sum(job.usage.tokens for job in await everything(store) if job.ended)
        assert held + spent <= 1000
        assert {job.id for job in queued} == {job.id for job in await everything(store) if not job.ended}

    assert rounds > 2
    assert not (await store.batch_counts("batch")).unsettled
    assert await store.unsettled_batches(10) == []
    assert (await store.batch_counts("batch")).usage.tokens <= 1000


@pytest.mark.parametrize(("memory", "share"), [("live", 2), ("read", 2), ("off", 1), ("frozen:snap-" + 16 * "0", 1)])
async def test_a_further_share_is_counted_where_the_memory_grows(store: ServiceStore, memory: str, share: int) -> None:
    row = job_record("job-0", 0)
    assert row.spec is not None
    spec = row.spec.model_copy(update={"memory": memory})
    batch, rows = plan_jobs(
        new_batch(BatchPlan(allocation="even"), budget=Budget(tokens=400)),
        [row.model_copy(update={"batch_id": "batch", "spec": spec}), job_record("job-1", 1)],
    )
    await store.submit(rows, batch=batch, queue="batch")
    first, other = await everything(store)
    await end(store, first, tokens=200)
    await end(store, other, tokens=10, solved=True)
    (queued,) = (await next_step(store, batch)).queued
    assert queued.spec is not None
    assert (queued.spec.share, queued.spec.budget.tokens) == (share, 390)


async def test_a_step_that_many_take_at_once_is_taken_once(store: ServiceStore) -> None:
    batch, jobs = await submitted(store, new_batch(BatchPlan(allocation="even"), budget=Budget(tokens=400)), 4)
    for job in jobs[:2]:
        await end(store, job, tokens=10, solved=True)
    for job in jobs[2:]:
        await end(store, job, tokens=100)

    taken = await asyncio.gather(*(next_step(store, batch) for _ in range(5)))

    queued = [job for each in taken for job in each.queued]
    assert sorted(job.id for job in queued) == [jobs[2].id, jobs[3].id]
    assert [job.spec.budget.tokens for job in queued if job.spec] == [190, 190]
    assert all(job.status is JobStatus.QUEUED and job.result is None for job in queued)


async def test_a_step_decided_on_what_has_changed_since_does_nothing(store: ServiceStore) -> None:
    _, jobs = await submitted(store, new_batch(BatchPlan(allocation="even"), budget=Budget(tokens=400)), 2)
    await end(store, jobs[0], tokens=200)
    standing = await store.batch_standing("batch")
    await end(store, jobs[1], tokens=200)

    step = PlanStep(ended=standing.ended, budgets={jobs[0].id: Budget(tokens=300)})
    assert await store.take_step("batch", step) == []
    assert await store.take_step("batch", PlanStep(ended=standing.ended, settled=True)) == []

    assert (await store.job(jobs[0].id)).status is JobStatus.COMPLETED
    assert (await store.batch_counts("batch")).unsettled


async def test_only_jobs_that_ended_for_want_of_budget_are_queued_again(store: ServiceStore) -> None:
    _, jobs = await submitted(store, new_batch(BatchPlan(allocation="even"), budget=Budget(tokens=400)), 3)
    await end(store, jobs[0], tokens=10, solved=True)
    await end(store, jobs[1], tokens=10, reason=StopReason.MAX_ROUNDS)
    standing = await store.batch_standing("batch")
    assert standing.open

    more = {job.id: Budget(tokens=300) for job in jobs}
    assert await store.take_step("batch", PlanStep(ended=standing.ended, budgets=more)) == []
    spec = (await store.job(jobs[2].id)).spec
    assert spec is not None
    assert spec.budget == Budget(tokens=133)


async def test_a_contest_adds_attempts_after_wrong_answers(store: ServiceStore) -> None:
    teams = (Team(name="ada"), Team(name="bob"))
    plan = BatchPlan(contest=Contest(duration_s=3600, attempts=2, teams=teams, hand_in="any"))
    batch, jobs = await submitted(store, new_batch(plan), 2)
    assert [job.spec.team for job in jobs if job.spec] == ["ada", "bob", "ada", "bob"]

    await end(store, jobs[0], tokens=5, solved=True, verdict=Verdict.WA)
    [added] = (await next_step(store, batch)).queued

    assert batch.plan.place(added.position) == Place(0, 0, 1)
    assert (added.queue, added.batch_id, added.status) == ("batch", "batch", JobStatus.QUEUED)
    assert (await store.batch_counts("batch")).total == 5
    await end(store, added, tokens=5, solved=True, verdict=Verdict.WA)
    assert not (await next_step(store, batch)).queued
    for job in jobs[1:]:
        await end(store, job, tokens=5, solved=True, verdict=Verdict.AC)
    assert (await next_step(store, batch)).settled
    assert not (await store.batch_counts("batch")).unsettled


async def test_a_retried_batch_may_have_steps_again(store: ServiceStore) -> None:
    batch, jobs = await submitted(store, new_batch(BatchPlan(allocation="even"), budget=Budget(tokens=400)), 2)
    await end(store, jobs[0], tokens=5, solved=True)
    await store.cancel(job_id=jobs[1].id)
    assert (await next_step(store, batch)).settled

    await store.retry(batch_id="batch")

    assert await store.unsettled_batches(10) == ["batch"]
    await end(store, (await store.job(jobs[1].id)), tokens=200)
    [again] = (await next_step(store, batch)).queued
    assert again.spec is not None
    assert again.spec.budget.tokens == 395


async def test_what_is_cancelled_is_not_gone_on_with_and_keeps_what_it_had(store: ServiceStore) -> None:
    batch, jobs = await submitted(store, new_batch(BatchPlan(allocation="even"), budget=Budget(tokens=400)), 2)
    await end(store, jobs[0], tokens=5, solved=True)
    await end(store, jobs[1], tokens=200, verdict=Verdict.WA)
    [again] = (await next_step(store, batch)).queued
    assert again.result is None

    assert await store.cancel(batch_id="batch") == 1

    kept = await store.job(again.id)
    assert kept.status is JobStatus.CANCELLED
    assert kept.result is not None
    assert kept.result.answer is not None
    assert (kept.result.outcome, kept.result.usage.tokens) == (None, 200)
    assert (await store.batch_counts("batch")).usage.tokens == 205
    assert not (await next_step(store, batch)).queued
    assert not (await store.batch_counts("batch")).unsettled


async def test_no_round_begins_after_the_deadline(store: ServiceStore) -> None:
    budget = Budget(tokens=400, deadline_s=0.001)
    batch, jobs = await submitted(store, new_batch(BatchPlan(allocation="even"), budget=budget), 2)
    for job in jobs:
        await end(store, job, tokens=50)

    taken = await next_step(store, batch)

    assert taken.settled
    assert not taken.queued


async def test_a_batch_without_a_plan_is_readable_by_earlier_versions(store: ServiceStore) -> None:
    batch, _ = await submitted(store, new_batch(BatchPlan(), budget=Budget(tokens=400)), 2)

    assert "plan" not in batch.model_dump(mode="json")
    assert not (await store.batch_counts("batch")).unsettled
    with pytest.raises(NotFound):
        await store.batch_standing("nothing")
