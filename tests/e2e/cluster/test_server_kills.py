"""`kill -9` of servers under a batch: Redis with and without its data, PostgreSQL, the model server in mid-reply."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cluster_lab import MakeLab
from lab_faults import MARKS, ONE_REPAIR, all_end, all_say, cap, some_end
from lab_jobs import scripted_lines, scripted_specs, starter_specs
from model_servers import ScriptedServer, StarterModel
from servers import PostgresServer, RedisServer

from solvent.agents.job import JobStatus

pytestmark = MARKS
JOBS = 16
LEASE_S = 6


@pytest.mark.parametrize("data", ["kept", "lost"])
async def test_redis_is_killed(make_lab: MakeLab, redis_server: RedisServer, tmp_path: Path, data: str) -> None:
    """Messages, wake-ups and the ledger's accounts are gone, or what of them was on disk is there again.

    That every worker takes messages again is tested with the consumers' faults: one may do all before another is back.
    """
    model = ScriptedServer(tmp_path / "model", scripted_lines(2 * JOBS), token_s=0.02)
    specs = scripted_specs(2 * JOBS, parameters=ONE_REPAIR)
    async with make_lab(model) as lab:
        await lab.start_workers(2, "-c", "6")
        batch = await lab.submit(specs[:JOBS], budget=cap(JOBS))
        await some_end(lab, batch, 4)
        redis_server.kill()
        await all_say(lab, "what waits for workers cannot be told")
        if data == "kept":
            redis_server.start()
        else:
            redis_server.lose_data()
        assert await all_end(lab, batch) == {JobStatus.COMPLETED: JOBS}
        after = await lab.submit(specs[JOBS:], budget=cap(JOBS))
        assert await all_end(lab, after) == {JobStatus.COMPLETED: JOBS}
        await lab.tally(f"kill -9 of Redis, its data {data}", batch, after)


async def test_postgresql_is_killed(make_lab: MakeLab, postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Once for a moment, and once for longer than the leases last, so that what was held must be let go."""
    model = ScriptedServer(tmp_path / "model", scripted_lines(JOBS), token_s=0.05)
    async with make_lab(model, lease_s=str(LEASE_S)) as lab:
        await lab.start_workers(2, "-c", "6")
        batch = await lab.submit(scripted_specs(JOBS, parameters=ONE_REPAIR), budget=cap(JOBS))
        await some_end(lab, batch, 2)
        postgres_server.restart()
        await some_end(lab, batch, 8)
        postgres_server.kill()
        # The outage itself: longer than a lease.
        await asyncio.sleep(LEASE_S + 2)
        postgres_server.start()
        assert await all_end(lab, batch) == {JobStatus.COMPLETED: JOBS}
        await lab.tally("kill -9 of PostgreSQL", batch)


async def test_the_model_server_is_killed_in_mid_reply(make_lab: MakeLab) -> None:
    """What came of the replies stays spent; the same calls are made again when it is back."""
    model = StarterModel()
    async with make_lab(model) as lab:
        await lab.start_worker("-c", "8")
        batch = await lab.submit(starter_specs(JOBS), budget=cap(JOBS))
        await some_end(lab, batch, 4)
        model.kill()
        model.start()
        assert await all_end(lab, batch) == {JobStatus.COMPLETED: JOBS}
        await lab.tally("kill -9 of the model server", batch)
