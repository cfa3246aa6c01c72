"""Runs one job in this process, from its start or from where it was interrupted, to a result."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import sqlite3
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from solvent.agents.budget import Ledger, Scope
from solvent.agents.calls import Calls, Reporter
from solvent.agents.checkpoints import JobFiles
from solvent.agents.decoding.requirements import check
from solvent.agents.events import Emit, JobFinished, JobStarted
from solvent.agents.executor import LocalExecutor
from solvent.agents.extract import default_language
from solvent.agents.grade import grade
from solvent.agents.job import JobResult, JobSpec, JobStatus, StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.prompts import Prompts
from solvent.agents.result import assemble
from solvent.agents.roles import Cast, RoleModel
from solvent.agents.strategies.base import (
    DecodingParameters,
    Start,
    Strategy,
    StrategyState,
    Task,
    find_strategy,
    load_parameters,
)
from solvent.agents.trajectory_state import Memory, TrajectoryContext, judgeable
from solvent.agents.writing import plan_of, write_ahead
from solvent.artifacts import ArtifactStore
from solvent.errors import ConfigError, StoreError, boundary
from solvent.models.base import ChatModel, Role
from solvent.models.profiles import ModelProfile
from solvent.problems.problem import ProblemKind
from solvent.problems.view import public_view
from solvent.sandbox.base import Sandbox
from solvent.sandbox.languages import find_language, languages

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from solvent.agents.search import Arrivals, Learn, SearchState

T = TypeVar("T")
FIRST_TEXT_WAIT_S = 0.5
"""A model in this process shares the interpreter with the import of the graphs, so that waits this long for the first
text; a slower endpoint loses nothing by the import."""
SEARCH = "search"
"""Checkpoint thread of the search; trajectories have their own ids as threads."""
_WRITING: tuple[Role, ...] = ("solve", "refine")
"""Roles whose replies decoding controls hold for."""
KINDS = frozenset({ProblemKind.STDIO, ProblemKind.FUNCTION, ProblemKind.MATH})


@dataclass(frozen=True)
class Deps:
    """What a job is run with. Shared by all jobs of a process; `run_job` closes none of it."""

    model: ChatModel
    profile: ModelProfile
    """Of the default model."""
    sandbox: Sandbox
    """Started."""
    artifacts: ArtifactStore
    ledger: Ledger
    job_files: JobFiles
    role_models: Mapping[Role, RoleModel] = field(default_factory=dict)
    """Models of the roles that the default one does not play; `run_job` refuses a job that names others."""
    config_dir: Path | None = None
    """Searched for strategies and prompts before those that ship."""
    batch: str | None = None
    """Scope of the batch in the ledger, opened before; its caps hold as well."""
    memory: Memory | None = None
    learn: Learn | None = None
    cores: asyncio.Semaphore | None = None
    """Held while a program runs; shared by what computes in this process."""
    clock: Callable[[], float] = time.time


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
        if spec.problem.kind not in KINDS:
            raise ConfigError(f"problems of kind {spec.problem.kind.value!r} cannot be solved yet")
        self._spec = spec
        self._deps = deps
        self._report = Reporter(spec.id, emit)
        self._context = job_context(spec, deps, self._report)
        info = find_strategy(spec.strategy)
        parameters = load_parameters(info, spec.parameters, deps.config_dir)
        if isinstance(parameters, DecodingParameters):
            for role in _WRITING:
                who = self._context.cast.of(role)
                check(parameters.decoding, who.model.info, who.profile)
        tests = len(spec.problem.public_tests) if judgeable(spec.problem) else 0
        self._cancelled = asyncio.Event()
        self._strategy: Strategy = info.make(parameters, Task(spec.problem.kind, tests, self._context.can_refine))

    def cancel(self) -> None:
        """Let the job end soon, with a result."""
        self._cancelled.set()

    async def run(self) -> JobResult:
        spec, deps = self._spec, self._deps
        scope = await deps.ledger.open(spec.id, spec.budget, parent=deps.batch, fingerprint=fingerprint(spec))
        if scope.result is not None:
            result = JobResult.model_validate_json(deps.artifacts.get(scope.result))
            if result.status is JobStatus.COMPLETED:
                self._report(JobFinished, result=result)
                return result
            await deps.ledger.restart(spec.id)
            scope = await deps.ledger.open(spec.id, spec.budget, parent=deps.batch, fingerprint=fingerprint(spec))
        self._report(
            JobStarted,
            problem_id=spec.problem.id,
            strategy=spec.strategy,
            model=spec.model,
            budget=spec.budget,
            resumed=scope.resumed,
        )
        state = await self._search(scope)
        usage = await deps.ledger.usage(spec.id)
        result = assemble(spec, state, deps.artifacts, usage=usage, wall_s=deps.clock() - scope.started_at)
        if spec.grade and result.answer is not None:
            graded = await self._unless_cancelled(grade(spec.problem, result.answer, deps.sandbox))
            result = result.model_copy(update={"grade": graded})
        await deps.ledger.finish(spec.id, deps.artifacts.put(result.model_dump_json()))
        deps.job_files.delete(spec.id)
        self._report(JobFinished, result=result)
        return result

    async def _search(self, scope: Scope) -> SearchState:
        """Run both graphs until the search ended; returns its last state."""
        try:
            if not scope.resumed and self._deps.memory is None:
                await self._write_ahead()
                await self._context.calls.first_text(at_most_s=FIRST_TEXT_WAIT_S)
            # A second of imports, in which the model is writing already.
            await asyncio.to_thread(import_graphs)
            return await self._run_graphs(scope)
        finally:
            await self._context.calls.aclose()

    async def _write_ahead(self) -> None:
        """Begin the first replies before the graphs that will ask for them."""
        nothing = StrategyState(started=0, told=0, pending=[], memo={})
        for action in self._strategy.ask(nothing):
            if isinstance(action, Start):
                await write_ahead(plan_of(action), self._context)

    async def _run_graphs(self, scope: Scope) -> SearchState:
        from langgraph.types import Command

        from solvent.agents.search import (
            STEPS_BETWEEN_INTERRUPTS,
            SearchContext,
            build_search_graph,
            initial_state,
        )
        from solvent.agents.trajectory import build_trajectory_graph, run_trajectory

        spec, deps = self._spec, self._deps
        what = f"write the checkpoints of job {spec.id!r}"
        async with deps.job_files.saver(spec.id) as saver:
            trajectories = build_trajectory_graph(saver)
            search = build_search_graph(saver)
            executor = LocalExecutor(lambda plan: run_trajectory(trajectories, self._context, plan))
            context = SearchContext(spec.problem.kind, self._strategy, executor, deps.artifacts, deps.learn)
            config: RunnableConfig = {
                "configurable": {"thread_id": SEARCH},
                "recursion_limit": STEPS_BETWEEN_INTERRUPTS,
            }

            async def advance(value: Any) -> dict[str, Any]:
                with boundary(StoreError, what, sqlite3.Error):
                    state: dict[str, Any] = await search.ainvoke(value, config, context=context, durability="sync")
                    return state

            try:
                with boundary(StoreError, what, sqlite3.Error):
                    before = await search.aget_state(config)
                for plan in before.values.get("pending", {}).values() if before.next else ():
                    executor.start(plan)
                state = await advance(None if before.values else initial_state())
                while "__interrupt__" in state:
                    arrivals = await self._arrivals(executor, scope)
                    state = await advance(Command(resume=arrivals))
                    for outcome in arrivals["outcomes"]:
                        await saver.adelete_thread(outcome["trajectory"])
            finally:
                await executor.aclose()
        return state  # type: ignore[return-value]  # LangGraph types the values as a plain dict

    async def _arrivals(self, executor: LocalExecutor, scope: Scope) -> Arrivals:
        """Wait for the first outcome, the deadline, or the cancellation of this job."""
        deadline_s = self._spec.budget.deadline_s
        left_s = None if deadline_s is None else max(0.0, scope.started_at + deadline_s - self._deps.clock())
        stop = None
        outcomes: list[TrajectoryOutcome] = []
        try:
            async with asyncio.timeout(left_s):
                outcomes = await self._unless_cancelled(executor.next()) or []
        except TimeoutError:
            stop = StopReason.DEADLINE
        if self._cancelled.is_set():
            stop = StopReason.CANCELLED
        outcomes += executor.arrived()
        return {
            "outcomes": [outcome.model_dump(mode="json", exclude_defaults=True) for outcome in outcomes],
            "stop": stop and stop.value,
        }

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
    for name in ("aiosqlite", "langgraph.checkpoint.sqlite.aio", "solvent.agents.search", "solvent.agents.trajectory"):
        importlib.import_module(name)


def job_context(spec: JobSpec, deps: Deps, report: Reporter) -> TrajectoryContext:
    """Return what the trajectories of a job work with.

    Raises:
        ConfigError: the problem allows no language that the sandbox knows.
    """
    missing = sorted({spec.model_for[role] for role in spec.model_for if role not in deps.role_models})
    if missing:
        raise ConfigError(f"job {spec.id!r} names models that were not opened for it: {', '.join(missing)}")
    cast = Cast(RoleModel(deps.model, deps.profile), {role: deps.role_models[role] for role in spec.model_for})
    solver = cast.of("solve").profile
    calls = Calls(
        job_id=spec.id,
        cast=cast,
        sandbox=deps.sandbox,
        artifacts=deps.artifacts,
        ledger=deps.ledger,
        report=report,
        cores=deps.cores,
    )
    wants_program = spec.problem.kind is not ProblemKind.MATH or solver.answer_style == "program"
    return TrajectoryContext(
        job_id=spec.id,
        seed=spec.seed,
        problem=spec.problem,
        view=public_view(spec.problem),
        cast=cast,
        prompts=Prompts(deps.config_dir),
        calls=calls,
        artifacts=deps.artifacts,
        report=report,
        wants="program" if wants_program else "answer",
        languages=allowed_languages(spec),
        default_language=default_language(_languages_of(spec)),
        memory=deps.memory,
    )


def fingerprint(spec: JobSpec) -> str:
    """Return what must stay the same for a job to be gone on with: all but its budget and grading."""
    # Without roles, a job has the fingerprint that it had before there were any.
    unnamed = {"model_for"} if not spec.model_for else None
    text = spec.model_copy(update={"budget": type(spec.budget)(), "grade": True}).model_dump_json(exclude=unnamed)
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def _languages_of(spec: JobSpec) -> tuple[str, ...]:
    known = []
    for name in spec.problem.languages:
        try:
            known.append(find_language(name).name)
        except ConfigError:
            continue
    if spec.problem.languages and not known:
        raise ConfigError(
            f"problem {spec.problem.id!r} allows only {', '.join(spec.problem.languages)}",
            remedy=f"languages that the sandbox knows: {', '.join(languages())}",
        )
    return tuple(known)


def allowed_languages(spec: JobSpec) -> dict[str, str]:
    """Return names and aliases of the languages that a solution may use, each with the language's name."""
    allowed = ("python",) if spec.problem.kind is not ProblemKind.STDIO else _languages_of(spec) or tuple(languages())
    tables = [languages()[name] for name in allowed]
    return {alias.lower(): table.name for table in tables for alias in (table.name, *table.aliases)}
