"""What the tests of faults have in common: moments of a batch, and what its workers said and did."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Any

import pytest
from cluster_lab import ClusterLab

from solvent.agents.job import JobStatus
from solvent.usage import Budget

MARKS = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.postgres,
    pytest.mark.bubblewrap,
    # The longest takes seven minutes on two cores, beside two others.
    pytest.mark.timeout(1200),
]
ONE_REPAIR: dict[str, Any] = {"wave": 1, "max_trajectories": 1, "repairs": 2, "max_tokens": 60}
"""Parameters of a job that makes one attempt: a program that is wrong, and its repair."""


WITHIN_S = 180.0
"""Many times what any fault costs here: a lease, a message that counts as lost, connections that are made again."""


def cap(jobs: int) -> Budget:
    """A cap that so many jobs stay under, also where some of their calls die and are made again."""
    return Budget(tokens=jobs * 2_000)


async def some_end(lab: ClusterLab, batch: str, count: int) -> None:
    """Wait until so many jobs of a batch have ended."""
    ended = 0
    async for _ in lab.ending(batch):
        ended += 1
        if ended == count:
            return


async def all_end(lab: ClusterLab, batch: str) -> Counter[JobStatus]:
    """Wait until all jobs of a batch have ended, and count how; what failed is printed, for whoever reads a failure."""
    records = await lab.ended(batch, within_s=WITHIN_S)
    for record in records:
        if record.error is not None:
            sys.stdout.write(f"{record.id}: {dict(record.error)}\n")
    return Counter(record.status for record in records)


async def all_say(lab: ClusterLab, words: str) -> None:
    """Wait until every worker has written this."""
    await asyncio.gather(*(worker.says(lambda line: words in line) for worker in lab.workers))


def holders(lab: ClusterLab, batch: str) -> set[str]:
    """Return which workers ran trajectories of a batch."""
    query = (
        "SELECT DISTINCT trajectory.last_holder FROM trajectory JOIN job ON job.id = job_id "
        "WHERE batch_id = %s AND trajectory.last_holder IS NOT NULL"
    )
    return {holder for [holder] in lab.query(query, batch)}
