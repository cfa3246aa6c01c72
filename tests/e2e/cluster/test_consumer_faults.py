"""A worker goes on taking messages, however its connections to Redis break, also where Celery notices nothing."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

from cluster_lab import MakeLab
from lab_faults import MARKS, ONE_REPAIR, all_end, cap
from lab_jobs import scripted_lines, scripted_specs
from model_servers import ScriptedServer
from relay import Relay

from solvent.agents.job import JobStatus

pytestmark = MARKS
SUPPORT = Path(__file__).parents[2] / "support"


async def test_connections_to_redis_are_reset_again_and_again(make_lab: MakeLab, tmp_path: Path) -> None:
    """While messages come, and while none do."""
    jobs, seed = 24, 11
    model = ScriptedServer(tmp_path / "model", scripted_lines(jobs), token_s=0.01)
    chance = random.Random(seed)
    async with make_lab(model) as lab, Relay(lab.redis.port) as relay:
        worker = await lab.start_worker("-c", "4", redis_url=f"redis://127.0.0.1:{relay.port}/0")
        specs = scripted_specs(jobs, parameters=ONE_REPAIR)
        batch = await lab.submit(specs, budget=cap(jobs))
        resets = 0
        async for _ in lab.ending(batch):
            for _ in range(chance.randrange(3)):
                resets += relay.reset() > 0
        assert resets >= jobs / 3
        assert await all_end(lab, batch) == {JobStatus.COMPLETED: jobs}
        await lab.tally(f"{resets} resets of all connections of a worker to Redis", batch)
        assert worker.is_alive()


async def test_a_consumer_that_went_deaf_connects_again(make_lab: MakeLab, tmp_path: Path) -> None:
    """Nothing breaks and nothing is said: the worker itself finds out that messages wait, and mends it."""
    jobs = 8
    model = ScriptedServer(tmp_path / "model", scripted_lines(jobs))
    specs = scripted_specs(jobs, parameters=ONE_REPAIR)
    async with make_lab(model) as lab:
        worker = await lab.start_worker("-c", "4", program=[SUPPORT / "deaf_worker.py"])
        first = await lab.submit(specs[:2], budget=cap(2))
        await all_end(lab, first)
        os.kill(worker.pid, signal.SIGUSR1)
        await worker.says(lambda line: line == "deaf")
        batch = await lab.submit(specs[2:], budget=cap(jobs))
        assert await all_end(lab, batch) == {JobStatus.COMPLETED: jobs - 2}
        assert any("connecting to Redis again" in line for line in worker.lines)
        await lab.tally("a consumer that went deaf", first, batch)
