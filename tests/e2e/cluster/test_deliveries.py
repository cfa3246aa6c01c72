"""Messages that come twice, in another order or for nothing, advancers that race, and who runs the reaper dies."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import crash_points
from cluster_lab import ClusterLab, MakeLab
from lab_faults import MARKS
from lab_jobs import scripted_lines, scripted_specs
from model_servers import ScriptedServer

from solvent.agents.job import JobStatus
from solvent.usage import Budget
from solvent.workers.messages import BATCH
from solvent.workers.service_records import QueuedJob

pytestmark = MARKS
JOBS = 24


async def storm(lab: ClusterLab, order: random.Random) -> int:
    """Send every message that there may be, three times, in any order; returns how many that were."""
    jobs = [QueuedJob(spec.id, BATCH) for spec in scripted_specs(JOBS)] * 3
    trajectories = [f"{job.id}/t{number}" for job in jobs for number in range(3)]
    order.shuffle(jobs)
    order.shuffle(trajectories)
    await asyncio.gather(
        lab.messages.send_trajectories(trajectories, queue=BATCH),
        lab.messages.send_jobs(jobs),
        lab.messages.send_reap(),
    )
    return len(jobs) + len(trajectories) + 1


async def test_doubled_and_reordered_messages_do_nothing_twice(make_lab: MakeLab, tmp_path: Path) -> None:
    """All of them before the first job begins, again while jobs run, and again after the last ended."""
    order = random.Random(21)
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(JOBS))) as lab:
        batch = await lab.submit(scripted_specs(JOBS), budget=Budget(tokens=1_000_000))
        sent = await storm(lab, order)
        await lab.start_workers(2, "-c", "8")
        ended = 0
        async with asyncio.timeout(200):
            async for _ in lab.ending(batch):
                ended += 1
                if ended in (1, JOBS // 2, JOBS):
                    sent += await storm(lab, order)
        # It waits behind all of them.
        late = await lab.submit(scripted_specs(1, prefix="late"))
        await lab.ended(late)
        assert [await worker.stop() for worker in lab.workers] == [0, 0], lab.outputs()
        tally = await lab.tally("doubled and reordered deliveries", batch, late)
        tally.notes.append(f"{sent} messages too many")


async def test_many_advance_the_same_jobs_at_once(make_lab: MakeLab, tmp_path: Path) -> None:
    """Three workers with nothing else to do race for each of few jobs, again and again."""
    jobs = scripted_specs(4)
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(4), token_s=0.02)) as lab:
        await lab.start_workers(3, "-c", "8")
        batch = await lab.submit(jobs, budget=Budget(tokens=1_000_000))
        racing = asyncio.create_task(_race(lab, [QueuedJob(spec.id, BATCH) for spec in jobs]))
        try:
            records = await lab.ended(batch)
        finally:
            racing.cancel()
            await asyncio.gather(racing, return_exceptions=True)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        [[starts]] = lab.query("SELECT count(*) FROM event WHERE type = 'job.started'")
        assert starts == len(jobs)
        await lab.tally("advancers racing for one job", batch)


async def _race(lab: ClusterLab, jobs: list[QueuedJob]) -> None:
    while True:
        await lab.messages.send_jobs(jobs * 3)
        await asyncio.sleep(0.1)


async def test_who_looks_for_lost_work_dies_while_doing_so(make_lab: MakeLab, tmp_path: Path) -> None:
    """No message arrives: only reapers find work. Who finds some dies before or after it; the last goes on."""
    # Slow enough that no worker ends all jobs before it dies.
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(JOBS), token_s=0.1), lease_s="6") as lab:
        batch = await lab.submit(scripted_specs(JOBS), budget=Budget(tokens=1_000_000))
        for point, number in (("before:send_jobs", 1), ("after:reap", 1), ("before:reap", 2), ("after:reap", 2)):
            await asyncio.to_thread(lab.redis.lose_data)
            # As if that had been long ago.
            assert lab.query("UPDATE job SET sent_at = 0 WHERE ended_at IS NULL RETURNING id")
            dying = lab.begin_worker("-c", "4", program=crash_points.dying([(point, number, "")]))
            assert await dying.dies() == 0, lab.outputs()
        # It does all at once, since replies take seconds.
        await lab.start_worker("-c", "32")
        records = await lab.ended(batch)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        await lab.tally("kill -9 of the reaper", batch)
