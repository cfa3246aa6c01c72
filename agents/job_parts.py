"""What a job is run with, and the steps that all ways of running one share: embedded, or spread over workers."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.agents.budget import Ledger, Scope
from solvent.agents.calls import Calls
from solvent.agents.decoding.requirements import check
from solvent.agents.events import Emit, JobStarted
from solvent.agents.extract import default_language
from solvent.agents.grade import grade, grade_grids
from solvent.agents.job import Grade, JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.agents.prompts import Prompts
from solvent.agents.recalled import LIVE, OFF, snapshot_of
from solvent.agents.reporter import Reporter
from solvent.agents.result import assemble
from solvent.agents.roles import Cast, RoleModel
from solvent.agents.strategies.base import DecodingParameters, Strategy, Task, find_strategy, load_parameters
from solvent.agents.trajectory_state import TrajectoryContext, judgeable
from solvent.artifacts import JSON, ArtifactStore, MissingArtifactError
from solvent.errors import ConfigError, SolventError
from solvent.models.base import ChatModel, Role
from solvent.models.profiles import ModelProfile
from solvent.problems.problem import ProblemKind
from solvent.problems.view import public_view
from solvent.sandbox.base import Sandbox
from solvent.sandbox.languages import find_language, languages
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.agents.lessons import Learner
    from solvent.agents.recall import JobMemory, Library, Trial
    from solvent.agents.search import SearchState

_WRITING: tuple[Role, ...] = ("solve", "refine")
"""Roles whose replies decoding controls hold for."""
KINDS = frozenset({ProblemKind.STDIO, ProblemKind.FUNCTION, ProblemKind.GRID, ProblemKind.MATH})


@dataclass(frozen=True, kw_only=True)
class JobDeps:
    """What a job is run with. Shared by all jobs of a process; running a job closes none of it."""

    model: ChatModel
    profile: ModelProfile
    """Of the default model."""
    sandbox: Sandbox
    """Started."""
    artifacts: ArtifactStore
    ledger: Ledger
    role_models: Mapping[Role, RoleModel] = field(default_factory=dict)
    """Models of the roles that the default one does not play; a job that names others is refused."""
    config_dir: Path | None = None
    """Searched for strategies and prompts before those that ship."""
    batch: str | None = None
    """Scope of the batch in the ledger, opened before; its caps hold as well."""
    memory: Library | None = None
    """What jobs with a memory policy are answered from; a job that wants one is refused without."""
    trial: Trial | None = None
    """Leaves concepts out by chance, so that it is found out what they are worth; None: all that is chosen is shown."""
    count_uses: Callable[[JobResult], Awaitable[None]] | None = None
    """Counts what concepts did for a job that ended; a job counts once, however often it is told."""
    learner: Learner | None = None
    """Where jobs with the policy `live` write what they teach."""
    cores: asyncio.Semaphore | None = None
    """Held while a program runs; shared by what computes in this process."""
    clock: Callable[[], float] = time.time


@dataclass(frozen=True)
class PreparedJob:
    """A job with what its search and its trajectories work with."""

    spec: JobSpec
    deps: JobDeps
    report: Reporter
    context: TrajectoryContext
    strategy: Strategy

    async def enter(self) -> Scope:
        """Enter the job's scope of the ledger, or find it again as it was left."""
        deps, spec = self.deps, self.spec
        return await deps.ledger.open(spec.id, spec.budget, parent=deps.batch, fingerprint=fingerprint(spec))

    def completed(self, scope: Scope) -> JobResult | None:
        """Return the result of a job that completed before, unless its budget was raised since and it may go on."""
        if scope.result is None:
            return None
        try:
            result = JobResult.model_validate_json(self.deps.artifacts.get(scope.result))
        except MissingArtifactError:
            # Lost; what it was made of is asked for again, and what of that is there costs nothing.
            return None
        ended = result.status is JobStatus.COMPLETED and not may_go_on(result, self.spec.budget)
        return result if ended else None

    async def enter_anew(self) -> Scope:
        """Give a job that failed or was cancelled a new clock; what it committed is not made again."""
        await self.deps.ledger.restart(self.spec.id)
        return await self.enter()

    def report_start(self, *, resumed: bool) -> None:
        """Report that the job begins or goes on."""
        spec = self.spec
        self.report(
            JobStarted,
            problem_id=spec.problem.id,
            strategy=spec.strategy,
            model=spec.model,
            budget=spec.budget,
            resumed=resumed,
        )

    async def result(self, state: SearchState, *, wall_s: float) -> JobResult:
        """Return the result of a search that ended, without a grade."""
        usage = await self.deps.ledger.usage(self.spec.id)
        return await asyncio.to_thread(assemble, self.spec, state, self.deps.artifacts, usage=usage, wall_s=wall_s)

    async def grade(self, result: JobResult) -> Grade | None:
        """Grade the selected answer, where the job wants that and there is one."""
        if not self.spec.grade:
            return None
        if self.spec.problem.kind is ProblemKind.GRID:
            return grade_grids(self.spec.problem, result)
        if result.answer is None:
            return None
        every_test = self.spec.grade == "all"
        return await grade(self.spec.problem, result.answer, self.deps.sandbox, every_test=every_test)

    async def keep(self, result: JobResult) -> None:
        """Write down that the job ended, and what its concepts were worth."""
        if result.memory is not None and self.deps.count_uses is not None:
            await self.deps.count_uses(result)
        artifact = await asyncio.to_thread(self.deps.artifacts.put, result.model_dump_json(), JSON)
        await self.deps.ledger.finish(self.spec.id, artifact)


def prepare(spec: JobSpec, deps: JobDeps, emit: Emit) -> PreparedJob:
    """Look up all that a job names, before anything of it is begun.

    Raises:
        ConfigError: unknown strategy, wrong parameters, decoding controls that the model cannot have, missing prompt,
            models that were not opened, or a kind of problem that cannot be solved.
    """
    if spec.problem.kind not in KINDS:
        raise ConfigError(f"problems of kind {spec.problem.kind.value!r} cannot be solved yet")
    report = Reporter(spec.id, emit)
    context = job_context(spec, deps, report)
    info = find_strategy(spec.strategy)
    parameters = load_parameters(info, spec.parameters, deps.config_dir)
    if isinstance(parameters, DecodingParameters):
        for role in _WRITING:
            who = context.cast.of(role)
            check(parameters.decoding, who.model.info, who.profile)
    tests = len(spec.problem.public_tests) if judgeable(spec.problem) else 0
    strategy: Strategy = info.make(parameters, Task(spec.problem.kind, tests, context.can_refine))
    return PreparedJob(spec, deps, report, context, strategy)


def may_go_on(result: JobResult, budget: Budget) -> bool:
    """Return whether a cap ended a job that leaves room now. Pure.

    Where the cap is the same as then, running the job again makes the same calls, which are committed already, and
    comes to the same end: it costs time and nothing else.
    """
    if result.outcome is not Outcome.EXHAUSTED:
        return False
    used = result.usage
    caps: dict[StopReason, Sequence[tuple[float | None, float]]] = {
        StopReason.CAP_TOKENS: ((budget.tokens, used.tokens), (budget.completion_tokens, used.completion_tokens)),
        StopReason.CAP_COST: ((budget.cost, used.cost),),
        StopReason.CAP_SANDBOX: ((budget.sandbox_cpu_s, used.sandbox_cpu_s),),
    }
    limits = caps.get(result.stop_reason, ((0, 0),))
    return all(cap is None or cap > amount for cap, amount in limits)


def failed_result(spec: JobSpec, error: SolventError) -> JobResult:
    """Return the result of a job that could not be run at all."""
    return JobResult(
        job_id=spec.id,
        problem_id=spec.problem.id,
        status=JobStatus.FAILED,
        stop_reason=StopReason.ERROR,
        error=error.to_dict(),
        strategy=spec.strategy,
        model=spec.model,
        model_for=spec.model_for,
    )


def job_context(spec: JobSpec, deps: JobDeps, report: Reporter) -> TrajectoryContext:
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
        most_searching=_most_searching(spec, deps),
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
        memory=_memory(spec, deps),
    )


def _most_searching(spec: JobSpec, deps: JobDeps) -> int | None:
    if spec.memory != LIVE or deps.learner is None or not deps.learner.rules.reserve or spec.budget.tokens is None:
        return None
    return spec.budget.tokens - int(deps.learner.rules.reserve * spec.budget.tokens)


def _memory(spec: JobSpec, deps: JobDeps) -> JobMemory | None:
    if spec.memory == OFF:
        return None
    snapshot_of(spec.memory)
    if deps.memory is None:
        raise ConfigError(
            f"job {spec.id!r} has the memory policy {spec.memory!r}, and no memory is open here",
            remedy="leave the policy at off",
        )
    from solvent.agents.recall import JobMemory

    return JobMemory(spec.memory, deps.memory, spec.budget.tokens, deps.trial, looks=spec.share)


def fingerprint(spec: JobSpec) -> str:
    """Return what must stay the same for a job to be gone on with: all but its budget, its share and grading."""
    # Without roles, a job has the fingerprint that it had before there were any.
    unnamed = {"model_for"} if not spec.model_for else None
    same = spec.model_copy(update={"budget": type(spec.budget)(), "share": 1, "grade": True})
    text = same.model_dump_json(exclude=unnamed)
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
