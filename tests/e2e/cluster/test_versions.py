"""A worker of the previous version beside one of the next, whose messages and checkpoints have a later format."""

from __future__ import annotations

import asyncio
from pathlib import Path

import next_version
from cluster_lab import ClusterLab, MakeLab
from lab_faults import MARKS
from lab_jobs import scripted_lines, scripted_specs
from lab_worker import LabWorker
from model_servers import ScriptedServer

from solvent.agents.job import JobSpec, JobStatus
from solvent.usage import Budget
from solvent.workers.celery_app import CeleryMessages, make_app
from solvent.workers.messages import ADVANCE_JOB, BATCH, FORMAT, RUN_TRAJECTORY, TRAJECTORIES

pytestmark = MARKS
JOBS = 12
TOKEN_S = 0.1
"""So slow that every job is under way for seconds."""


async def begun(lab: ClusterLab, jobs: list[JobSpec]) -> None:
    """Wait until each of the jobs has text from the model: by then its search has a checkpoint."""
    for job in jobs:
        await lab.until(job.id, lambda event: event.type == "text")


async def send_as(lab: ClusterLab, format: int, jobs: list[JobSpec]) -> None:
    """Send the messages of these jobs and their first trajectories in a format."""
    app = make_app(lab.redis.url)
    messages = CeleryMessages(app)
    try:
        for job in jobs:
            await asyncio.to_thread(app.send_task, ADVANCE_JOB, args=[job.id, format], queue=BATCH)
            await asyncio.to_thread(app.send_task, RUN_TRAJECTORY, args=[f"{job.id}/t0", format], queue=TRAJECTORIES)
    finally:
        await messages.aclose()


def new_worker(lab: ClusterLab, *options: str) -> LabWorker:
    return lab.begin_worker(*options, program=[next_version.__file__])


async def test_a_new_worker_goes_on_with_what_an_old_one_left(make_lab: MakeLab, tmp_path: Path) -> None:
    jobs = scripted_specs(JOBS)
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(JOBS), token_s=TOKEN_S), lease_s="6") as lab:
        old = await lab.start_worker("-c", "32")
        batch = await lab.submit(jobs, budget=Budget(tokens=1_000_000))
        await begun(lab, jobs)
        old.kill()
        await send_as(lab, FORMAT, jobs)
        await new_worker(lab, "-c", "32").ready()
        records = await lab.ended(batch)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        await lab.tally("a new worker after an old one", batch)


async def test_an_old_worker_leaves_to_a_new_one_what_it_cannot_read(make_lab: MakeLab, tmp_path: Path) -> None:
    """Jobs begun by a new worker that died, and messages of a later format, come to an old one: it takes neither."""
    newer, own = scripted_specs(JOBS, prefix="new"), scripted_specs(4, prefix="old")
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(JOBS), token_s=TOKEN_S), lease_s="6") as lab:
        new = new_worker(lab, "-c", "32")
        await new.ready()
        batch = await lab.submit(newer, budget=Budget(tokens=1_000_000))
        await begun(lab, newer)
        new.kill()
        old = await lab.start_worker("-c", "32")
        await send_as(lab, FORMAT + 1, newer[:2])
        await old.says(lambda line: f"a message of format {FORMAT + 1} is left to a newer worker" in line)
        await old.says(lambda line: "this version knows" in line)
        mine = await lab.submit(own, budget=Budget(tokens=1_000_000))
        await lab.ended(mine)
        [[ended]] = lab.query("SELECT count(*) FROM job WHERE batch_id = %s AND ended_at IS NOT NULL", batch)
        assert ended == 0, "the old worker did what it can, and nothing else"
        await new_worker(lab, "-c", "32").ready()
        records = await lab.ended(batch)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        assert old.is_alive()
        await lab.tally("an old worker beside a new one", batch, mine)


async def test_both_versions_work_on_one_batch(make_lab: MakeLab, tmp_path: Path) -> None:
    jobs = scripted_specs(JOBS)
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(JOBS), token_s=0.02), lease_s="6") as lab:
        old, new = lab.begin_worker("-c", "8"), new_worker(lab, "-c", "8")
        await asyncio.gather(old.ready(), new.ready())
        batch = await lab.submit(jobs, budget=Budget(tokens=1_000_000))
        records = await lab.ended(batch)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        assert await old.stop() == await new.stop() == 0, lab.outputs()
        await lab.tally("two versions at once", batch)
