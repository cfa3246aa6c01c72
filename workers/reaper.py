"""Finds what nobody works on and sends a message for it again. Any number of reapers may run; one is enough."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

from solvent.agents.checkpoints import NewerFormatError
from solvent.errors import DependencyError, NotFound, StoreError
from solvent.workers.cluster import Cluster, queue_of
from solvent.workers.lease import split
from solvent.workers.messages import JOB_QUEUES, MEMORY, TRAJECTORIES, UNSEEN_BEHIND_OTHERS_S, unseen_s
from solvent.workers.planned import go_on

logger = logging.getLogger(__name__)
BATCHES = 200
"""Batches with a plan that are looked at each time."""


async def reap(cluster: Cluster) -> None:
    """Look once: end what failed too often, send again what was lost, and clear up what ended here.

    Raises:
        StoreError: the database does not answer.
    """
    waiting = None
    try:
        waiting = await cluster.messages.waiting()
    except DependencyError as error:
        logger.warning("what waits for workers cannot be told: %s", error)
    age_s = unseen_s(waiting) if waiting is not None else UNSEEN_BEHIND_OTHERS_S
    due = await cluster.store.due(
        max_attempts=cluster.max_attempts,
        unseen_s=age_s,
        limit=cluster.outstanding,
        next_trajectories=await _next_trajectories(cluster, waiting),
    )
    cluster.metrics.reaped(due)
    await cluster.send(jobs=due.jobs)
    for queue, ids in (await _by_queue(cluster, due.trajectories)).items():
        await cluster.send(trajectories=ids, queue=queue)
    lost_s = unseen_s(waiting, MEMORY) if waiting is not None else UNSEEN_BEHIND_OTHERS_S
    lessons = await cluster.distillations.due(
        max_attempts=cluster.max_attempts, unseen_s=lost_s, limit=cluster.outstanding
    )
    await cluster.send(distillations=lessons)
    for ended in due.ended:
        cluster.events.wake(ended.id, ended.batch_id)
        await cluster.checkpoints.delete(ended.id)
    for batch_id in await cluster.store.unsettled_batches(limit=BATCHES):
        await go_on(cluster, batch_id)


async def reap_on(cluster: Cluster, every_s: float) -> None:
    """Look again and again, until cancelled; a database that does not answer is looked for at the next time."""
    while True:
        try:
            await reap(cluster)
        except StoreError as error:
            cluster.metrics.reaper_runs.labels("failed").inc()
            logger.warning("nothing was looked for: %s", error)
        except Exception:  # a defect in one job must not end the search for all others
            logger.exception("nothing was looked for")
        await asyncio.sleep(every_s)


async def _next_trajectories(cluster: Cluster, waiting: Mapping[str, int] | None) -> Sequence[str] | None:
    """Return the trajectories whose messages are taken next, none where none waits; None where that cannot be told."""
    if waiting is None:
        return None
    if not waiting.get(TRAJECTORIES, 0):
        return ()
    try:
        return await cluster.messages.next_trajectories() or None
    except DependencyError as error:
        logger.warning("what waits for workers cannot be told: %s", error)
        return None


async def _by_queue(cluster: Cluster, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return trajectories by the queue of their job."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for id in ids:
        try:
            queue = queue_of(await cluster.record(split(id)[0], fresh=False))
        except (NotFound, NewerFormatError):
            queue = JOB_QUEUES[-1]
        found[queue].append(id)
    return found
