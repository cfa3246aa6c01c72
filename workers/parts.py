"""Models and sandbox of a worker process: opened once, at the first job that needs them, and shared by all jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.agents.budget import Ledger
from solvent.agents.job import JobSpec
from solvent.agents.job_parts import JobDeps
from solvent.agents.recalled import LIVE, OFF
from solvent.agents.roles import RoleModel
from solvent.artifacts import ArtifactStore
from solvent.errors import ConfigError
from solvent.models.base import ChatModel, Role
from solvent.models.profiles import ModelProfile
from solvent.models.registry import load_profile, open_model
from solvent.sandbox.base import Sandbox
from solvent.settings import Settings

if TYPE_CHECKING:
    from solvent.workers.artifact_register import ArtifactRecorder
    from solvent.workers.concept_memory import ConceptMemory
    from solvent.workers.metrics import WorkerMetrics


class MemoryOpener:
    """Opens the concept memory when it is first asked for; a process has one.

    Raises:
        ConfigError: it cannot be had here.
        StoreError: its database does not answer; the next one who asks tries again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: ConceptMemory | None = None
        self._opening = asyncio.Lock()

    async def __call__(self) -> ConceptMemory:
        """Return it."""
        async with self._opening:
            if self._opened is None:
                from solvent.workers.concept_memory import open_concept_memory

                self._opened = await open_concept_memory(self._settings)
            return self._opened

    async def aclose(self) -> None:
        """Close it; safe to call twice."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()


def check_roles(model_for: Mapping[Role, str], profiles: Mapping[str, ModelProfile]) -> None:
    """Refuse a model that cannot play the role that it is given.

    Raises:
        ConfigError: names the profile and the role.
    """
    for role, name in model_for.items():
        if not profiles[name].plays(role):
            raise ConfigError(
                f"profile {profiles[name].name}: its model cannot play the role {role}",
                remedy=f"it plays {', '.join(profiles[name].roles or ())}; give {role} to another one",
            )


class Parts:
    """What the jobs of one process work with.

    Profiles are names: who submits a job to a cluster names them, and must not name files of the worker. Where all
    rows were written on this machine, those of its own user may name files (the HTTP door takes none).

    Args:
        settings: of the process.
        sandbox: shared by all jobs; closed by the caller.
        artifacts: where texts are kept.
        ledger: where budgets are kept.
        clock: Unix time as the ledger has it.
        paths: take profiles by the path of their file too.
        recorder: writes down whose artifacts are whose.
        metrics: counts the models' requests.
    """

    def __init__(
        self,
        settings: Settings,
        sandbox: Sandbox,
        artifacts: ArtifactStore,
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.time,
        paths: bool = False,
        recorder: ArtifactRecorder | None = None,
        metrics: WorkerMetrics | None = None,
    ) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._artifacts = artifacts
        self._ledger = ledger
        self._clock = clock
        self._paths = paths
        self._recorder = recorder
        self._metrics = metrics
        self._models: dict[str, asyncio.Task[RoleModel]] = {}
        self._memory = MemoryOpener(settings)

    @property
    def config_dir(self) -> Path | None:
        """Where strategies, prompts and allocations are searched for before those that ship."""
        return self._settings.config_dir

    async def of(self, spec: JobSpec, *, parent: str | None, project: str = "default") -> JobDeps:
        """Return what a job is run with; `parent` is its parent's scope in the ledger, `project` whose memory it reads.

        Raises:
            ConfigError: a profile is not there or wrong, its model cannot play its role, or the memory that the job
                wants cannot be had here.
            DependencyError: a model cannot be opened here, or the memory's database.
        """
        names = dict.fromkeys([spec.model, *spec.model_for.values()])
        models = {name: await self._model(name) for name in names}
        check_roles(spec.model_for, {name: model.profile for name, model in models.items()})
        memory = None if spec.memory == OFF else await self._memory()
        return JobDeps(
            model=models[spec.model].model,
            profile=models[spec.model].profile,
            role_models={role: models[name] for role, name in spec.model_for.items()},
            sandbox=self._sandbox,
            artifacts=self._artifacts if self._recorder is None else self._recorder.of(spec.id, self._artifacts),
            ledger=self._ledger,
            config_dir=self._settings.config_dir,
            batch=parent,
            memory=None if memory is None else memory.of(project),
            trial=None if memory is None else memory.trial(project),
            count_uses=None if memory is None else memory.counter(project),
            learner=memory.learner(project) if memory is not None and spec.memory == LIVE else None,
            clock=self._clock,
        )

    async def aclose(self) -> None:
        """Close models and memory; safe to call twice."""
        await self._memory.aclose()
        models, self._models = list(self._models.values()), {}
        for opened in await asyncio.gather(*models, return_exceptions=True):
            if isinstance(opened, RoleModel):
                await opened.model.aclose()

    async def memory(self) -> ConceptMemory:
        """Return the concept memory of this process, which is closed with this. Raises as `MemoryOpener`."""
        return await self._memory()

    async def _model(self, name: str) -> RoleModel:
        opening = self._models.get(name)
        if opening is None:
            opening = self._models[name] = asyncio.create_task(self._open(name), name=f"open model {name}")
        try:
            # Everybody's: one that is cancelled while waiting must not cancel it.
            return await asyncio.shield(opening)
        finally:
            if opening.done() and (opening.cancelled() or opening.exception() is not None):
                self._models.pop(name, None)

    async def _open(self, name: str) -> RoleModel:
        if not self._paths and (Path(name).name != name or name.endswith(".toml")):
            raise ConfigError(f"{name!r} is a path", remedy="in the service, name a profile of the workers")
        profile = load_profile(name, self._settings)
        model = await asyncio.to_thread(open_model, profile)
        return RoleModel(self._measured(model, profile.name), profile)

    def _measured(self, model: ChatModel, profile: str) -> ChatModel:
        if self._metrics is None:
            return model
        from solvent.workers.measured import MeasuredModel, router_of

        router = router_of(model)
        if router is not None:
            self._metrics.watch_router(profile, router)
        return MeasuredModel(model, profile, self._metrics)
