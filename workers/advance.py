"""One job's way through the cluster: claimed, its search brought on as far as it goes, and left to wait or ended.

Whoever has news for a job (its submission, the end of one of its trajectories, a cancel) advances it. The claim lets
one do so at a time; who is refused need do nothing, since the holder looks for news again as it lets go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solvent.agents.checkpoints import NewerFormatError
from solvent.agents.job import Grade, JobResult, JobStatus, StopReason
from solvent.agents.job_parts import PreparedJob, failed_result
from solvent.agents.learned import LearnedStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.recalled import LIVE
from solvent.agents.trajectory_state import Plan
from solvent.errors import InternalError, SolventError, StoreError
from solvent.workers.cluster import Cluster, queue_of
from solvent.workers.lease import Ending, Held
from solvent.workers.messages import UNSEEN_S
from solvent.workers.planned import go_on
from solvent.workers.records import JobRecord
from solvent.workers.service_records import LeaseKind, LeaseLostError, TrajectoryRecord

logger = logging.getLogger(__name__)


class QueueExecutor:
    """Collects what a search orders; see `agents.search.Executor`."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.cancels: list[str] = []

    def start(self, plan: Plan) -> None:
        """Order a trajectory; ordering it again changes nothing."""
        self.plans.setdefault(plan["trajectory"], plan)

    def cancel(self, trajectory: str) -> None:
        """Order a trajectory's end."""
        self.cancels.append(trajectory)

    def take(self) -> tuple[list[Plan], list[str]]:
        """Return what was ordered since the last call."""
        plans, cancels = list(self.plans.values()), self.cancels
        self.plans, self.cancels = {}, []
        return plans, cancels


@dataclass(frozen=True)
class News:
    """What has come for a search."""

    outcomes: Sequence[TrajectoryOutcome]
    """Of trajectories that the search waits for."""
    names: Sequence[str]
    """All that the store has not marked as told: those, and what an earlier holder told and did not come to mark."""


RunHere = Callable[[str], bool]
"""Begins a trajectory (`JOB/NAME`) in this process; returns False where that is to be left to a message."""


def news_of(untold: Sequence[TrajectoryRecord], pending: Sequence[str]) -> News:
    """Return what of the ended trajectories is news for a search with these pending. Pure."""
    waited_for = set(pending)
    outcomes = [record.outcome for record in untold if record.outcome is not None and record.name in waited_for]
    return News(outcomes, [record.name for record in untold])


def stop_reason(status: JobStatus, left_s: float | None, ending: Ending | None) -> StopReason | None:
    """Return why a job is to stop that would go on by itself, or None. Pure."""
    if status is JobStatus.CANCELLING or ending is Ending.CANCELLED:
        return StopReason.CANCELLED
    if ending is Ending.DEADLINE or (left_s is not None and left_s <= 0):
        return StopReason.DEADLINE
    return None


async def advance_job(cluster: Cluster, job_id: str, run_here: RunHere | None = None) -> None:
    """Bring a job on as far as it goes now; does nothing where it cannot be claimed.

    Trajectories that are ordered are sent, but for the first where `run_here` takes it.

    What stops it on the way is not raised: the lease is given back, or lapses, and the reaper sends a message again.
    """
    if cluster.keeper.holds(LeaseKind.JOB, job_id):
        # As a refused claim, without asking: what is stored by now is seen as that holder lets go.
        return
    again = True
    while again:
        try:
            async with cluster.keeper.claim(LeaseKind.JOB, job_id) as held:
                if held is None:
                    return
                again = await _advance_held(cluster, held, run_here)
        except StoreError as error:
            logger.warning("job %s is not advanced: %s", job_id, error)
            return


async def _advance_held(cluster: Cluster, held: Held, run_here: RunHere | None) -> bool:
    """Advance a claimed job; returns whether it has news again."""
    job_id = held.claim.id
    try:
        record = await cluster.record(job_id, fresh=True)
        if record.spec is None:
            raise InternalError(f"job {job_id} has nothing to run")
        work = held.run(_Advance(cluster, held, record, run_here).run(), until=frozenset())
        return bool(await work)
    except LeaseLostError as error:
        logger.warning("%s", error)
    except NewerFormatError as error:
        logger.warning("%s", error)
        await cluster.hand_back(held)
    except StoreError as error:
        logger.warning("job %s is handed back: %s", job_id, error)
        await cluster.hand_back(held, error)
    except BaseException:
        await cluster.hand_back(held)
        raise
    return False


class _Advance:
    def __init__(self, cluster: Cluster, held: Held, record: JobRecord, run_here: RunHere | None) -> None:
        assert record.spec is not None, "looked at before"
        self._cluster = cluster
        self._held = held
        self._claim = held.claim
        self._record = record
        self._spec = record.spec
        self._run_here = run_here

    async def run(self) -> bool:
        """Advance; returns whether there is news again."""
        try:
            return await self._search(await self._cluster.prepare(self._record, self._spec))
        except StoreError:
            raise
        except SolventError as error:
            failure = error
        except Exception as cause:  # a defect ends this job with its name; the others go on
            logger.exception("job %s failed by a defect", self._spec.id)
            failure = InternalError(f"{type(cause).__name__}: {cause}")
        await self._finish(failed_result(self._spec, failure))
        return False

    async def _search(self, job: PreparedJob) -> bool:
        from solvent.agents.search import SearchContext
        from solvent.agents.search_run import SEARCH, SearchRun

        cluster, claim, spec = self._cluster, self._claim, self._spec
        executor = QueueExecutor()
        context = SearchContext(spec.problem.kind, job.strategy, executor, cluster.artifacts)
        async with cluster.checkpoints.saver(spec.id) as saver:
            search = SearchRun(
                cluster.graphs.search.copy({"checkpointer": saver}),
                context,
                job_id=spec.id,
                thread=cluster.checkpoints.thread(spec.id, SEARCH),
                errors=cluster.checkpoints.errors,
                durability="exit",
            )
            found = await search.find()
            if found is None and (ended := await self._begin(job)) is not None:
                await self._finish(ended)
                return False
            if found is not None and (claim.attempt > 1 or not found.waiting):
                # An earlier holder may have died between the checkpoint and the orders.
                for plan in found.state["pending"].values():
                    executor.start(plan)
            standing = await search.go_on(found)
            await self._order(executor, start=standing.waiting and self._stop() is None)
            while standing.waiting:
                news = news_of(await cluster.store.untold(claim), list(standing.state["pending"]))
                stop = self._stop()
                if news.outcomes or stop is not None:
                    standing = await search.bring(news.outcomes, stop)
                    await self._order(executor, start=standing.waiting)
                told = [name for name in news.names if name not in standing.state["pending"]]
                if told:
                    await cluster.checkpoints.forget(spec.id, told)
                    await cluster.store.tell(claim, told)
                if not news.names and standing.waiting:
                    return await self._rest()
        if not await self._all_ended(list(standing.state["pending"])):
            return await self._rest()
        scope = await job.enter()
        result = await job.result(standing.state, wall_s=job.deps.clock() - scope.started_at)
        if result.status is not JobStatus.CANCELLED:
            result = result.model_copy(update={"grade": await self._grade(job, result)})
        if job.spec.memory == LIVE:
            from solvent.agents.learn import awaiting

            result = awaiting(job, result)
        await job.keep(result)
        await self._finish(result)
        return False

    async def _begin(self, job: PreparedJob) -> JobResult | None:
        """Open the scopes of a job whose search has no checkpoint; return how it ended, where it has."""
        from solvent.workers.scopes import open_parents

        await open_parents(self._cluster.store, self._cluster.ledger, self._record)
        scope = await job.enter()
        if scope.result is not None:
            # An earlier holder died between the ledger and the store, or the job is to be run again.
            completed = job.completed(scope)
            if completed is not None:
                return completed
            scope = await job.enter_anew()
        if scope.resumed:
            # The checkpoint of a search that ended is deleted before the job ends: what was told then is news again.
            await self._cluster.store.untell(self._claim)
        job.report_start(resumed=scope.resumed)
        return None

    def _stop(self) -> StopReason | None:
        return stop_reason(self._record.status, self._claim.left_s, self._held.ending)

    async def _order(self, executor: QueueExecutor, *, start: bool) -> None:
        """Store what the search ordered, and send messages for it; without `start` nothing new begins."""
        cluster, claim = self._cluster, self._claim
        plans, cancels = executor.take()
        plans = plans if start else []
        if plans:
            await cluster.store.start_trajectories(claim, plans)
        if cancels:
            await cluster.store.cancel_trajectories(claim, cancels)
        if plans:
            ids = [f"{claim.id}/{plan['trajectory']}" for plan in plans]
            if self._run_here is not None and self._run_here(ids[0]):
                del ids[0]
            await cluster.send(trajectories=ids, queue=queue_of(self._record))

    async def _all_ended(self, pending: Sequence[str]) -> bool:
        """Whether no trajectory of a search that ended runs any more; asks those that do to stop.

        Only then is it known what they spent.
        """
        cluster, claim = self._cluster, self._claim
        if not pending:
            return True
        left = await cluster.store.unended(claim)
        if left:
            await cluster.store.cancel_trajectories(claim, left)
        over = [record.name for record in await cluster.store.untold(claim)]
        if over:
            await cluster.store.tell(claim, over)
        # Looked at last: what ends after this is untold, and a rest finds it.
        return not (left and await cluster.store.unended(claim))

    async def _rest(self) -> bool:
        with self._held.letting_go():
            return await self._cluster.store.rest(self._claim)

    async def _grade(self, job: PreparedJob, result: JobResult) -> Grade | None:
        """Grade, unless the job is cancelled meanwhile; a deadline does not hold for it."""
        return await self._held.run(job.grade(result), until=frozenset({Ending.CANCELLED}))

    async def _finish(self, result: JobResult) -> None:
        cluster, record = self._cluster, self._record
        await cluster.checkpoints.delete(record.id)
        await cluster.events.flush()
        with self._held.letting_go():
            await cluster.store.finish(self._claim, result)
        if result.learned is not None and result.learned.status is LearnedStatus.PENDING:
            await cluster.send(distillations=[record.id])
        cluster.metrics.job_ended(result)
        cluster.events.forget(record.id)
        cluster.events.wake(record.id, record.batch_id)
        if record.batch_id is not None:
            await go_on(cluster, record.batch_id)
        await cluster.top_up(UNSEEN_S)
