"""What a worker does with each kind of message."""

from __future__ import annotations

import asyncio
from functools import partial

from solvent.workers.advance import advance_job
from solvent.workers.cluster import Cluster
from solvent.workers.distill import distill
from solvent.workers.messages import ADVANCE_JOB, DISTILL, RUN_TRAJECTORY, Handler
from solvent.workers.trajectories import run_trajectory


def handlers_of(cluster: Cluster, *, in_place: bool = True) -> dict[str, Handler]:
    """Return what handles messages in a process.

    Args:
        cluster: the process's share.
        in_place: see `begin_job`; not where the process takes no messages about trajectories.
    """
    return {
        ADVANCE_JOB: partial(begin_job if in_place else advance_job, cluster),
        RUN_TRAJECTORY: partial(run_trajectory, cluster),
        DISTILL: partial(distill, cluster),
    }


async def begin_job(cluster: Cluster, job_id: str) -> None:
    """Advance a job, and meanwhile run the first trajectory that this orders, in the place that the message took.

    The others of a wave are sent as messages for whoever has room. What a trajectory's end orders is always sent, so
    that a long job leaves its place to what is more urgent.
    """
    begun: list[asyncio.Task[None]] = []

    def run_here(trajectory: str) -> bool:
        if begun or cluster.drain.requested.is_set():
            return False
        begun.append(group.create_task(run_trajectory(cluster, trajectory)))
        return True

    async with asyncio.TaskGroup() as group:
        await advance_job(cluster, job_id, run_here)
