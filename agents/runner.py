"""Runs one job in this process, from its start or from where it was interrupted, to a result."""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from solvent.agents.budget import Scope
from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import Emit, JobFinished
from solvent.agents.executor import LocalExecutor
from solvent.agents.job import JobResult, JobSpec, JobStatus, StopReason
from solvent.agents.job_parts import JobDeps, prepare
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.recalled import LIVE
from solvent.agents.strategies.base import Start, StrategyState
from solvent.agents.writing import plan_of, write_ahead

if TYPE_CHECKING:
    from solvent.agents.search import SearchState

T = TypeVar("T")
FIRST_TEXT_WAIT_S = 0.5
"""A model in this process shares the interpreter with the import of the graphs, so that waits this long for the first
text; a slower endpoint loses nothing by the import."""


@dataclass(frozen=True, kw_only=True)
class Deps(JobDeps):
    """What a job is run with in this process; `run_job` closes none of it."""

    job_files: JobFiles


async def run_job(spec: JobSpec, deps: Deps, emit: Emit) -> JobResult:
    """Run a job to its end; a job that was interrupted goes on, and spends nothing again that was committed.

    A job that completed before is not run again: its result is returned. One that failed or was cancelled is run anew
    with a new deadline; its committed calls are still there and are not made again.

    Cancelling the task ends the job: what runs is stopped, and the result, with status `cancelled` and the best answer
    so far, is *returned*. A second cancellation while that happens is raised.

    Failures of the model endpoint or the sandbox end the job with status `failed` and the partial result.

    Raises:
        ConfigError: unknown strategy, wrong parameters, decoding controls that the model cannot have, missing prompt;
            or the id is taken by another job.
        StoreError: ledger, checkpoints or artifacts cannot be written.
    """
    job = _Job(spec, deps, emit)
    with deps.job_files.lock(spec.id):
        running = asyncio.create_task(job.run(), name=f"job {spec.id}")
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.done():
                raise
            job.cancel()
            current = asyncio.current_task()
            if current is not None:
                current.uncancel()
        try:
            return await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class _Job:
    def __init__(self, spec: JobSpec, deps: Deps, emit: Emit) -> None:
        self._spec = spec
        self._deps = deps
        self._job = prepare(spec, deps, emit)
        self._cancelled = asyncio.Event()

    def cancel(self) -> None:
        """Let the job end soon, with a result."""
        self._cancelled.set()

    async def run(self) -> JobResult:
        spec, deps, job = self._spec, self._deps, self._job
        scope = await job.enter()
        if scope.result is not None:
            completed = job.completed(scope)
            if completed is not None:
                job.report(JobFinished, result=completed)
                return completed
            scope = await job.enter_anew()
        job.report_start(resumed=scope.resumed)
        state = await self._search(scope)
        result = await job.result(state, wall_s=deps.clock() - scope.started_at)
        if spec.memory == LIVE and result.status is not JobStatus.CANCELLED:
            # Before there is a grade, and within the deadline as everything else.
            result = await self._unless_cancelled(self._learn(result, scope)) or result
        graded = await self._unless_cancelled(job.grade(result))
        result = result.model_copy(update={"grade": graded})
        await job.keep(result)
        deps.job_files.delete(spec.id)
        job.report(JobFinished, result=result)
        return result

    async def _learn(self, result: JobResult, scope: Scope) -> JobResult:
        from solvent.agents.learn import with_learned

        return await with_learned(self._job, result, left_s=self._left_s(scope))

    def _left_s(self, scope: Scope) -> float | None:
        deadline_s = self._spec.budget.deadline_s
        return None if deadline_s is None else max(0.0, scope.started_at + deadline_s - self._deps.clock())

    async def _search(self, scope: Scope) -> SearchState:
        """Run both graphs until the search ended; returns its last state."""
        try:
            if not scope.resumed and self._job.context.memory is None:
                await self._write_ahead()
                await self._job.context.calls.first_text(at_most_s=FIRST_TEXT_WAIT_S)
            # A second of imports, in which the model is writing already.
            await asyncio.to_thread(import_graphs)
            return await self._run_graphs(scope)
        finally:
            await self._job.context.calls.aclose()

    async def _write_ahead(self) -> None:
        """Begin the first replies before the graphs that will ask for them."""
        nothing = StrategyState(started=0, told=0, pending=[], memo={})
        for action in self._job.strategy.ask(nothing):
            if isinstance(action, Start):
                await write_ahead(plan_of(action), self._job.context)

    async def _run_graphs(self, scope: Scope) -> SearchState:
        from solvent.agents.search import SearchContext, build_search_graph
        from solvent.agents.search_run import SEARCH, SearchRun
        from solvent.agents.trajectory import build_trajectory_graph, run_trajectory

        spec, deps, job = self._spec, self._deps, self._job
        async with deps.job_files.saver(spec.id) as saver:
            trajectories = build_trajectory_graph(saver)
            executor = LocalExecutor(lambda plan: run_trajectory(trajectories, job.context, plan))
            context = SearchContext(spec.problem.kind, job.strategy, executor, deps.artifacts)
            search = SearchRun(
                build_search_graph(saver), context, job_id=spec.id, thread=SEARCH, errors=(sqlite3.Error,)
            )
            try:
                found = await search.find()
                for plan in found.state["pending"].values() if found is not None and not found.ended else ():
                    executor.start(plan)
                standing = await search.go_on(found)
                while standing.waiting:
                    outcomes, stop = await self._arrivals(executor, scope)
                    standing = await search.bring(outcomes, stop)
                    for outcome in outcomes:
                        await saver.adelete_thread(outcome.trajectory)
            finally:
                await executor.aclose()
        return standing.state

    async def _arrivals(
        self, executor: LocalExecutor, scope: Scope
    ) -> tuple[list[TrajectoryOutcome], StopReason | None]:
        """Wait for the first outcome, the deadline, or the cancellation of this job."""
        stop = None
        outcomes: list[TrajectoryOutcome] = []
        try:
            async with asyncio.timeout(self._left_s(scope)):
                outcomes = await self._unless_cancelled(executor.next()) or []
        except TimeoutError:
            stop = StopReason.DEADLINE
        if self._cancelled.is_set():
            stop = StopReason.CANCELLED
        return outcomes + executor.arrived(), stop

    async def _unless_cancelled(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what `work` returns, or None if the job is cancelled before it ends (or was already)."""
        doing = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            for task in (doing, watching):
                task.cancel()
            await asyncio.gather(doing, watching, return_exceptions=True)


def import_graphs() -> None:
    """Import what running a job needs and importing this module does not: LangGraph takes a second.

    A caller may do it in a thread beforehand, while the model is loaded.
    """
    for name in (
        "aiosqlite",
        "langgraph.checkpoint.sqlite.aio",
        "solvent.agents.search_run",
        "solvent.agents.trajectory",
    ):
        importlib.import_module(name)
