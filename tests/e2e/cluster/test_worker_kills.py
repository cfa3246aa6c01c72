"""`kill -9` of workers: in every phase, at every write, at random moments of many jobs, and by jobs that are poison."""

from __future__ import annotations

import random
from pathlib import Path

import crash_points
import pytest
from cluster_lab import MakeLab
from kill_schedule import KillSchedule
from lab_faults import MARKS, ONE_REPAIR
from lab_jobs import scripted_lines, scripted_specs, starter_specs
from model_servers import ScriptedServer, StarterModel

from solvent.agents.job import JobStatus, Outcome
from solvent.usage import Budget

pytestmark = MARKS
LEASE_S = "6"
"""Short: the tests kill the holders, and wait for the leases."""
COMPLETED = [JobStatus.COMPLETED]
PARTS = 3
"""In so many batches; each point is in one of them."""


@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_dies_in_every_phase_and_at_every_write(part: int, make_lab: MakeLab, tmp_path: Path) -> None:
    """Two at a time die, each at a point of its own, until no point of this part is left; then one ends the batch."""
    points = list(crash_points.POINTS)
    order = random.Random(11)
    order.shuffle(points)
    points = points[part::PARTS]
    # The first time: some points are not come to again once all jobs have been sent.
    sets = [[(point, 1, "")] for point in points]
    jobs = 2 * len(points)
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(jobs)), lease_s=LEASE_S) as lab:
        batch = await lab.submit(scripted_specs(jobs), budget=Budget(tokens=1_000_000))
        halves = [lab.begin_worker("-c", "4", program=crash_points.dying(*sets[half::2])) for half in (0, 1)]
        assert [await worker.dies(within_s=400) for worker in halves] == [0, 0], lab.outputs()
        died = [line for worker in halves for line in worker.lines if line.startswith(crash_points.DIED)]
        assert len(died) == len(points)
        await lab.start_worker("-c", "16")
        records = await lab.ended(batch, within_s=200)
        assert [record.status for record in records] == COMPLETED * jobs
        assert {record.result.outcome for record in records if record.result} == {Outcome.SOLVED}
        tally = await lab.tally(f"kill -9 in every phase and at every write, part {part + 1} of {PARTS}", batch)
        tally.notes.append(f"{len(points)} points of death")


async def test_workers_die_20_times_in_a_batch_of_200_jobs(make_lab: MakeLab, tmp_path: Path) -> None:
    """The batch's cap is one that binds: what has no budget left ends as exhausted, and nothing beyond is spent."""
    jobs = 200
    async with make_lab(ScriptedServer(tmp_path, scripted_lines(jobs)), lease_s=LEASE_S) as lab:
        await lab.start_workers(3, "-c", "8")
        one_search = {"wave": 1, "max_trajectories": 2, "repairs": 2, "max_tokens": 60}
        batch = await lab.submit(scripted_specs(jobs, parameters=one_search), budget=Budget(tokens=34_000))
        schedule = KillSchedule(lab, times=20, jobs=jobs, seed=5, options=["-c", "8"])
        records = await schedule.run(batch, within_s=600)
        assert len(schedule.killed) == 20
        assert [record.status for record in records] == COMPLETED * jobs
        tally = await lab.tally("kill -9 of workers, 20 times in 200 jobs", batch)
        solved = sum(record.result.outcome is Outcome.SOLVED for record in records if record.result)
        tally.notes.append(f"{solved} solved before the budget's end")


async def test_1000_jobs_on_the_bundled_model_while_workers_die(make_lab: MakeLab) -> None:
    jobs = 1000
    async with make_lab(StarterModel()) as lab:
        await lab.start_workers(3, "-c", "24")
        batch = await lab.submit(
            starter_specs(jobs, strategy="single", parameters={"max_tokens": 48}), budget=Budget(tokens=150_000)
        )
        schedule = KillSchedule(lab, times=20, jobs=jobs, seed=3, options=["-c", "24"])
        records = await schedule.run(batch, within_s=900)
        assert len({record.custom_id for record in records}) == jobs
        assert [record.status for record in records] == COMPLETED * jobs
        tally = await lab.tally("1,000 jobs on the bundled model, kill -9 of workers 20 times", batch)
        solved = sum(record.result.outcome is Outcome.SOLVED for record in records if record.result)
        tally.notes.append(f"{solved} solved, {jobs / tally.wall_s:.1f} jobs/s")


async def test_two_jobs_that_kill_their_workers_end_as_failed_and_say_so(make_lab: MakeLab, tmp_path: Path) -> None:
    """One kills whoever begins its search, one whoever runs its trajectory; all that died with them ends well."""
    attempts = 4
    plain = {"wave": 1, "max_trajectories": 1}
    good = scripted_specs(8, parameters=ONE_REPAIR)
    search, trajectory = (scripted_specs(1, prefix=f"poison-{what}", parameters=plain)[0] for what in ("search", "run"))
    traps = [("before:start_trajectories", 1, search.id), ("in:solve", 1, trajectory.id)]
    model = ScriptedServer(tmp_path, scripted_lines(len(good)), token_s=0.1)
    async with make_lab(model, lease_s="4", worker_attempts=str(attempts)) as lab:
        batch = await lab.submit([search, trajectory, *good], budget=Budget(tokens=1_000_000))
        dying = lab.begin_worker("-c", "16", program=crash_points.dying(*[traps] * (2 * attempts + 1)))
        records = {record.id: record for record in await lab.ended(batch, within_s=400)}
        deaths = sum(line.startswith(crash_points.DIED) for line in dying.lines)
        assert dying.is_alive()
        assert attempts <= deaths <= 2 * attempts
        for spec in (search, trajectory):
            record = records[spec.id]
            assert record.status is JobStatus.FAILED
            assert record.error is not None
            assert f"was begun {attempts} times and never ended" in (record.error["message"] or "")
        assert [records[spec.id].status for spec in good] == COMPLETED * len(good)
        tally = await lab.tally("two poison jobs", batch)
        tally.notes.append(f"{deaths} workers died of them")
