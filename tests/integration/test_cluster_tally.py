"""The tally of the cluster's tests finds what is lost, doubled or overspent, and lets pass what was never made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cluster_lab import ClusterLab
from cluster_tally import TALLIES
from lab_jobs import scripted_specs
from model_servers import ServerCounts
from servers import PostgresServer, RedisServer
from stored_jobs import job_result

from solvent.agents.budget import Ask, Granted
from solvent.settings import Settings
from solvent.usage import Budget, Usage
from solvent.workers.redis_ledger import open_ledger
from solvent.workers.service_records import LeaseKind

pytestmark = [pytest.mark.redis, pytest.mark.postgres]
USED = Usage(prompt_tokens=10, completion_tokens=20, model_calls=1)
ASK = Ask(fixed=Usage(prompt_tokens=10, model_calls=1), max_tokens=30)


class Counted:
    """A model server that only counts."""

    name = "scripted-server"
    profile = ""

    def __init__(self) -> None:
        self.tokens = ServerCounts(10, 20)

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def stop(self) -> None: ...

    def counts(self) -> ServerCounts:
        return self.tokens


@pytest.fixture
async def lab(tmp_path: Path, redis_server: RedisServer, postgres_server: PostgresServer) -> AsyncIterator[ClusterLab]:
    async with ClusterLab(tmp_path, redis=redis_server, postgres=postgres_server, model=Counted()) as made:
        yield made
    TALLIES.clear()


async def spend(lab: ClusterLab, *, budget: Budget, ends: bool = True) -> str:
    """Do what a worker does for one job with one call; returns its batch."""
    [spec] = scripted_specs(1)
    batch = await lab.submit([spec], budget=budget)
    assert lab._database is not None
    ledger = await open_ledger(Settings.model_validate({"redis_url": lab.redis.url}), lab._database.journal)
    try:
        await ledger.open(batch, budget)
        await ledger.open(spec.id, spec.budget, parent=batch)
        assert isinstance(await ledger.reserve(spec.id, "call/0", ASK), Granted)
        await ledger.commit(spec.id, "call/0", USED)
        if not ends:
            await lab._database.journal.asked(
                spec.id, "call/1", day="2026-11-22", reserved=Usage(prompt_tokens=5), ticket="dead#1"
            )
        claim = await lab.store.claim(LeaseKind.JOB, spec.id, holder="a test", lease_s=600)
        assert claim is not None
        used = await ledger.usage(spec.id)
        await lab.store.finish(claim, job_result(spec.id).model_copy(update={"usage": used}))
    finally:
        await ledger.aclose()
    return batch


@pytest.mark.parametrize("ends", [True, False], ids=["all calls ended", "one died before it was granted"])
async def test_a_batch_in_order_is_in_order(lab: ClusterLab, *, ends: bool) -> None:
    batch = await spend(lab, budget=Budget(tokens=100), ends=ends)
    tally = await lab.tally("in order", batch)
    assert (tally.jobs_in, tally.jobs_out, tally.duplicates, tally.overspend) == (1, 1, 0, 0)
    assert "jobs in = 1, jobs out = 1; duplicates = 0, overspend = 0" in tally.line


async def test_what_is_wrong_is_found(lab: ClusterLab) -> None:
    batch = await spend(lab, budget=Budget(tokens=100))
    lab.query(
        "INSERT INTO event (job_id, sequence, version, type, body, time) "
        "SELECT job_id, 9, version, type, body, time FROM event WHERE type = 'job.finished' RETURNING job_id"
    )
    lab.query("UPDATE ledger_scope SET budget = %s WHERE id = %s RETURNING id", '{"tokens": 29}', batch)
    lab.query("UPDATE job SET completion_tokens = 19 RETURNING id")
    assert isinstance(lab.model, Counted)
    lab.model.tokens = ServerCounts(10, 21)
    with pytest.raises(AssertionError) as raised:
        await lab.tally("out of order", batch)
    for words in ("job.finished comes", "have gaps", "tokens 30 of 29", "counted 21", "completion_tokens 19"):
        assert words in str(raised.value)
    assert (TALLIES[-1].duplicates, TALLIES[-1].overspend) == (1, 1)


async def test_a_job_that_did_not_end_is_found(lab: ClusterLab) -> None:
    batch = await lab.submit(scripted_specs(2), budget=Budget(tokens=100))
    with pytest.raises(AssertionError, match="2 jobs did not end"):
        await lab.tally("not ended", batch)
