"""Faults around the processes: a network that drops packets, a disk that is full, a clock that jumps."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from clocks import WallClock
from cluster_lab import ClusterLab, MakeLab
from disks import SmallDisk
from lab_faults import MARKS, ONE_REPAIR, WITHIN_S, all_end, cap, holders, some_end
from lab_jobs import scripted_lines, scripted_specs
from lab_worker import LabWorker
from model_servers import ScriptedServer
from network import Namespace
from servers import PostgresServer, RedisServer

from solvent.agents.job import JobStatus

pytestmark = MARKS
SUPPORT = Path(__file__).parents[2] / "support"
PARTITION_S = 60.0
BACK_WITHIN_S = 90.0
"""Who was cut off takes messages again."""
"""As long as the fault is to last."""
HOUR_S = 3600


@pytest.mark.usefixtures("require_network_namespaces", "require_bubblewrap")
async def test_a_worker_is_cut_off_from_redis_for_a_minute(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """The packets of one worker are dropped without a word; PostgreSQL and the other worker are not touched."""
    jobs, more = 16, 8
    model = ScriptedServer(tmp_path / "model", scripted_lines(jobs), token_s=0.05)
    specs = scripted_specs(jobs, parameters=ONE_REPAIR)
    with Namespace() as network:
        redis = RedisServer(host=network.outside)
        try:
            redis.start()
            model.start()
            async with (
                network.relayed(postgres_server.port, model.port),
                ClusterLab(tmp_path, redis=redis, postgres=postgres_server, model=model) as lab,
            ):
                program: list[str | Path] = [SUPPORT / "worker_in_namespace.py", network.name]
                await asyncio.gather(
                    lab.start_worker("-c", "6", program=program),
                    lab.start_worker("-c", "6"),
                )
                batch = await lab.submit(specs, budget=cap(jobs))
                await some_end(lab, batch, 4)
                network.cut(redis.port)
                await asyncio.sleep(PARTITION_S)
                network.mend(redis.port)
                assert await all_end(lab, batch) == {JobStatus.COMPLETED: jobs}
                batches = [batch]
                async with asyncio.timeout(BACK_WITHIN_S):
                    # The other worker may well take all of a batch while the network's own pauses last.
                    while len(holders(lab, batches[-1])) < 2 or len(batches) == 1:
                        rows = scripted_specs(more, prefix=f"after{len(batches)}", parameters=ONE_REPAIR)
                        batches.append(await lab.submit(rows, budget=cap(more)))
                        assert await all_end(lab, batches[-1]) == {JobStatus.COMPLETED: more}
                await lab.tally(f"{PARTITION_S:g} s without Redis for one of two workers", *batches)
        finally:
            model.stop()
            redis.remove()


@pytest.mark.usefixtures("require_root")
async def test_the_disk_of_the_artifacts_is_full(make_lab: MakeLab, tmp_path: Path) -> None:
    """Jobs end as failed and name the cause; what is on the disk is whole; once there is room, new jobs are solved."""
    jobs = 6
    model = ScriptedServer(tmp_path / "model", scripted_lines(3 * jobs), token_s=0.02)
    specs = scripted_specs(3 * jobs, parameters=ONE_REPAIR)
    async with make_lab(model, worker_attempts="3") as lab:
        with SmallDisk(lab.folder / "home" / "artifacts", 1) as disk:
            worker = await lab.start_worker("-c", "6")
            before = await lab.submit(specs[:jobs], budget=cap(jobs))
            await some_end(lab, before, 2)
            disk.fill()
            during = await lab.submit(specs[jobs : 2 * jobs], budget=cap(jobs))
            failed = await lab.ended(during, within_s=WITHIN_S)
            assert {record.status for record in failed} == {JobStatus.FAILED}
            assert all("No space left on device" in str(record.error) for record in failed)
            disk.empty()
            await lab.ended(before, within_s=WITHIN_S)
            after = await lab.submit(specs[2 * jobs :], budget=cap(jobs))
            assert await all_end(lab, after) == {JobStatus.COMPLETED: jobs}
            whole_files(disk.folder)
            await lab.tally("a full disk of the artifacts", before, during, after)
            worker.kill()


def whole_files(folder: Path) -> None:
    """Check that every file of an artifact store has what its name says, and that nothing else is left."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert path.parent.name + path.name == hashlib.sha256(path.read_bytes()).hexdigest(), path


@pytest.mark.usefixtures("require_compiler")
async def test_the_clock_of_a_worker_jumps_by_an_hour(make_lab: MakeLab, tmp_path: Path) -> None:
    """An hour forwards, and two backwards, in the middle of jobs with a deadline that both workers share.

    The database's clock decides and a process's monotonic one counts, so nothing may come of it: nothing is taken from
    anybody, nothing is done twice, and no result says that it took an hour.
    """
    jobs = 16
    model = ScriptedServer(tmp_path / "model", scripted_lines(jobs), token_s=0.05)
    specs = scripted_specs(jobs)
    specs = [spec.model_copy(update={"budget": spec.budget.model_copy(update={"deadline_s": 900})}) for spec in specs]
    clock = WallClock(tmp_path)
    # Leases that a busy machine keeps: whatever is lost here is lost by the clock.
    async with make_lab(model, lease_s="60", beat_s="5") as lab:
        jumping = LabWorker({**lab.environment(), **clock.environment}, ("-c", "6"))
        lab.workers.append(jumping)
        await asyncio.gather(jumping.ready(), lab.start_worker("-c", "6"))
        batch = await lab.submit(specs, budget=cap(2 * jobs))
        await some_end(lab, batch, 4)
        clock.jump(HOUR_S)
        await some_end(lab, batch, 9)
        clock.jump(-HOUR_S)
        records = await lab.ended(batch, within_s=WITHIN_S)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        assert len(holders(lab, batch)) == 2
        begun = "SELECT max(trajectory.attempts) FROM trajectory JOIN job ON job.id = job_id WHERE batch_id = %s"
        assert lab.query(begun, batch) == [(1,)], "nothing was begun twice"
        times = [record.result.wall_s for record in records if record.result is not None]
        assert all(0 <= wall_s < 900 for wall_s in times), times
        assert not [line for worker in lab.workers for line in worker.lines if "not held here any more" in line]
        await lab.tally("clock of one of two workers an hour ahead, then an hour behind", batch)
