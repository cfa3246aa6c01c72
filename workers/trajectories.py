"""One trajectory's way through the cluster: claimed, run from its last checkpoint to its end, and its job advanced."""

from __future__ import annotations

import logging

from solvent.agents.checkpoints import NewerFormatError
from solvent.agents.executor import cancelled_outcome, outcome_of_run
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import InternalError, ProviderUnavailable, StoreError
from solvent.workers.advance import advance_job
from solvent.workers.cluster import Cluster, queue_of
from solvent.workers.lease import Held, split
from solvent.workers.records import JobRecord
from solvent.workers.service_records import LeaseKind, LeaseLostError, QueuedJob

logger = logging.getLogger(__name__)


class EndpointAwayError(Exception):
    """A model endpoint is away, which says nothing of the trajectory: it may be gone on with when that is back."""

    def __init__(self, cause: ProviderUnavailable) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def run_trajectory(cluster: Cluster, id: str) -> None:
    """Run a trajectory (`JOB/NAME`) to its end, or to the next step where the process is to stop; then advance its job.

    Does nothing where it cannot be claimed. What stops it on the way is not raised: the lease is given back, or
    lapses, and the reaper sends a message again.
    """
    job_id, name = split(id)
    try:
        async with cluster.keeper.claim(LeaseKind.TRAJECTORY, id) as held:
            if held is None or not await _run_held(cluster, held, job_id, name):
                return
        if not cluster.drain.requested.is_set():
            await advance_job(cluster, job_id)
            return
        record = await cluster.record(job_id, fresh=False)
        await cluster.send(jobs=[QueuedJob(job_id, queue_of(record))])
    except StoreError as error:
        logger.warning("trajectory %s is not gone on with: %s", id, error)


async def _run_held(cluster: Cluster, held: Held, job_id: str, name: str) -> bool:
    """Run a claimed trajectory; returns whether it ended."""
    from langgraph.errors import GraphDrained

    try:
        record = await cluster.record(job_id, fresh=False)
        plan = held.claim.plan or (await cluster.store.trajectory(job_id, name)).plan
        outcome = await held.run(_outcome(cluster, record, plan, is_first=held.claim.is_first))
        with held.letting_go():
            await cluster.store.end_trajectory(held.claim, outcome or cancelled_outcome(name))
    except GraphDrained:
        await cluster.hand_back(held)
        record = await cluster.record(job_id, fresh=False)
        await cluster.send(trajectories=[held.claim.id], queue=queue_of(record))
    except LeaseLostError as error:
        logger.warning("%s", error)
    except NewerFormatError as error:
        logger.warning("%s", error)
        await cluster.hand_back(held)
    except EndpointAwayError as away:
        logger.warning("trajectory %s is handed back: %s", held.claim.id, away)
        await cluster.hand_back(held, away.cause)
    except StoreError as error:
        logger.warning("trajectory %s is handed back: %s", held.claim.id, error)
        await cluster.hand_back(held, error)
    except BaseException:
        await cluster.hand_back(held)
        raise
    else:
        return True
    return False


async def _outcome(cluster: Cluster, record: JobRecord, plan: Plan, *, is_first: bool) -> TrajectoryOutcome:
    """Run the graph from its last checkpoint, or from its start, where nobody held it before.

    Raises:
        GraphDrained: the process is to stop; the checkpoint is written.
        StoreError: something cannot be kept; another try may succeed.
        EndpointAwayError: a model's endpoint cannot be reached, or was lost in the middle of a reply.
    """
    from langgraph.errors import GraphDrained

    from solvent.agents.trajectory import run_trajectory as run

    async def graph(plan: Plan) -> TrajectoryOutcome:
        if record.spec is None:
            raise InternalError(f"job {record.id} has nothing to run")
        job = await cluster.prepare(record, record.spec)
        control = cluster.drain.control()
        try:
            async with cluster.checkpoints.saver(record.id, hold=True, empty=is_first) as saver:
                return await run(
                    cluster.graphs.trajectory.copy({"checkpointer": saver}),
                    job.context,
                    plan,
                    thread=cluster.checkpoints.thread(record.id, plan["trajectory"]),
                    errors=cluster.checkpoints.errors,
                    control=control,
                    durability="exit",
                )
        except ProviderUnavailable as error:
            if error.may_have_generated and not error.lost:
                raise
            raise EndpointAwayError(error) from error
        finally:
            cluster.drain.done(control)
            await job.context.calls.aclose()

    return await outcome_of_run(plan, graph, passing=(StoreError, GraphDrained, EndpointAwayError))
