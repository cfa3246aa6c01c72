"""Distils what a job of the cluster taught into its project's memory: a task of its own, after the job's end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from solvent.agents.checkpoints import NewerFormatError
from solvent.agents.job_parts import prepare
from solvent.agents.learned import Learned, LearnedStatus
from solvent.errors import InternalError, MemoryUnavailable, ProviderUnavailable, SolventError, StoreError
from solvent.usage import Usage
from solvent.workers.cluster import Cluster
from solvent.workers.distillations import DistilClaim
from solvent.workers.scopes import open_parents, parent_of
from solvent.workers.service_records import LeaseLostError

logger = logging.getLogger(__name__)


async def distill(cluster: Cluster, job_id: str) -> None:
    """Write what a job taught into the memory, and into its result; does nothing where it cannot be claimed.

    What stops it on the way is not raised: the claim is given back, or lapses, and the reaper sends a message again.
    Its calls are made once, as the ledger has them, and its write is made once, as the memory has it: whatever dies
    between them, doing it again comes to the same end.
    """
    # What dies of a job's last attempt must not look as if it died of this.
    async with cluster.keeper.beside():
        await _distill(cluster, job_id)


async def _distill(cluster: Cluster, job_id: str) -> None:
    keeper = cluster.keeper
    try:
        claim = await cluster.distillations.claim(job_id, holder=keeper.holder, lease_s=keeper.lease_s)
    except StoreError as error:
        logger.warning("job %s is not distilled: %s", job_id, error)
        return
    if claim is None:
        return
    began = time.monotonic()
    try:
        learned, usage = await _held(cluster, claim, _learn(cluster, job_id))
        await cluster.distillations.end(claim, learned, usage)
        cluster.metrics.distilled(learned, seconds=time.monotonic() - began)
        cluster.events.wake(job_id, (await cluster.record(job_id, fresh=False)).batch_id)
    except LeaseLostError as error:
        logger.warning("%s", error)
    except NewerFormatError as error:
        logger.warning("%s", error)
        await _give_back(cluster, claim)
    except (MemoryUnavailable, ProviderUnavailable, StoreError) as error:
        logger.warning("job %s is distilled later: %s", job_id, error)
        await _give_back(cluster, claim, error)
    except BaseException:
        await _give_back(cluster, claim)
        raise


async def _learn(cluster: Cluster, job_id: str) -> tuple[Learned, Usage]:
    """Return what was learned and what the job has spent by now.

    Raises:
        MemoryUnavailable, ProviderUnavailable, StoreError: another try may succeed.
    """
    from solvent.agents.learn import learn_from

    record = await cluster.record(job_id, fresh=True)
    spec, result = record.spec, record.result
    if spec is None or result is None:
        return Learned(status=LearnedStatus.NOTHING, note="the job has no result"), Usage()
    try:
        await open_parents(cluster.store, cluster.ledger, record)
        parts = await cluster.parts.of(spec, parent=parent_of(record), project=record.project)
        # The log of a job ends with its end: what its calls say goes nowhere.
        job = prepare(spec, parts, lambda _: None)
        await job.enter()
        try:
            learned = await learn_from(job, result)
        finally:
            await job.context.calls.aclose()
    except (MemoryUnavailable, ProviderUnavailable, StoreError):
        raise
    except SolventError as error:
        learned = Learned(status=LearnedStatus.FAILED, note=error.message)
    except Exception as cause:  # a defect ends this distillation with its name; the others go on
        logger.exception("job %s was not distilled by a defect", job_id)
        learned = Learned(status=LearnedStatus.FAILED, note=str(InternalError(f"{type(cause).__name__}: {cause}")))
    return learned, await cluster.ledger.usage(job_id)


async def _held(
    cluster: Cluster, claim: DistilClaim, work: Coroutine[Any, Any, tuple[Learned, Usage]]
) -> tuple[Learned, Usage]:
    """Return what `work` returns, which is cut where the claim is lost.

    Raises:
        LeaseLostError: it was lost, or may be.
    """
    working = asyncio.create_task(work, name=f"distill {claim.job_id}")
    beating = asyncio.create_task(_beat_on(cluster, claim), name=f"distill beats {claim.job_id}")
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise LeaseLostError(f"the distillation of job {claim.job_id!r} is not held here any more")
        return working.result()
    finally:
        for task in (working, beating):
            task.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)


async def _beat_on(cluster: Cluster, claim: DistilClaim) -> None:
    """Prolong a claim again and again; returns where it is lost, or may be by the own clock."""
    keeper, clock = cluster.keeper, asyncio.get_running_loop().time
    until = clock() + keeper.lease_s
    while clock() < until:
        await asyncio.sleep(min(keeper.beat_s, max(0.0, until - clock())))
        asked_at = clock()
        try:
            async with asyncio.timeout(keeper.lease_s / 2):
                if not await cluster.distillations.beat(claim, lease_s=keeper.lease_s):
                    return
        except (StoreError, TimeoutError) as error:
            logger.warning("no beat for the distillation of job %s: %s", claim.job_id, error or "no answer in time")
        else:
            until = asked_at + keeper.lease_s


async def _give_back(cluster: Cluster, claim: DistilClaim, error: SolventError | None = None) -> None:
    """End a claim so that another may have it; where the database does not answer, it lapses."""
    with suppress(StoreError):
        cause = None if error is None else error.to_dict()
        await cluster.distillations.give_back(claim, counts=error is not None, error=cause)
