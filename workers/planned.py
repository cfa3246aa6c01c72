"""Goes on with batches that are more than a list of jobs, in a worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from solvent.errors import SolventError, StoreError

if TYPE_CHECKING:
    from solvent.workers.cluster import Cluster

logger = logging.getLogger(__name__)


async def go_on(cluster: Cluster, batch_id: str) -> None:
    """Take the next step of a batch's plan, if one is due; what cannot be done now, the reaper does later.

    The jobs that it queues are sent for as all others are.
    """
    from solvent.workers.steward import next_step

    try:
        batch = await cluster.batch(batch_id)
        if not batch.plan.has_steps:
            return
        taken = await next_step(cluster.store, batch, config_dir=cluster.parts.config_dir)
        if taken.settled or taken.queued:
            cluster.events.wake_batch(batch_id)
    except StoreError as error:
        logger.warning("batch %s is gone on with later: %s", batch_id, error)
    except SolventError as error:
        logger.warning("batch %s cannot be gone on with here: %s", batch_id, error)
