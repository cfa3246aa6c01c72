"""Opens what jobs are run with, all at once, and closes it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from solvent.agents.checkpoints import JobFiles
from solvent.agents.ledgers import SqliteLedger
from solvent.agents.roles import RoleModel
from solvent.agents.runner import Deps, run_job
from solvent.agents.strategies.base import find_strategy, load_parameters
from solvent.artifacts import ArtifactStore
from solvent.errors import ConfigError
from solvent.models.registry import load_profile, open_model
from solvent.sandbox.choose import LazySandbox, refuse_if_hopeless
from solvent.settings import Settings
from solvent.workers.runner import RunJob

if TYPE_CHECKING:
    from pydantic import JsonValue

    from solvent.agents.events import Emit, Event
    from solvent.agents.job import JobResult, JobSpec
    from solvent.models.base import Role
    from solvent.workers.records import BatchRecord


@dataclass(frozen=True)
class Parts:
    """What is open. Valid inside `open_parts`."""

    run_job: RunJob
    cores: int


def check_strategy(settings: Settings, name: str, parameters: dict[str, JsonValue]) -> None:
    """Look a strategy and its parameters up before anything is stored or started.

    Raises:
        ConfigError: there is no such strategy, or a parameter is wrong.
    """
    load_parameters(find_strategy(name), parameters, settings.config_dir)


@asynccontextmanager
async def open_parts(
    settings: Settings,
    model_name: str,
    model_for: Mapping[Role, str] | None = None,
    *,
    batch: BatchRecord | None = None,
) -> AsyncIterator[Parts]:
    """Open models, sandbox, ledger and stores, and close them at the end.

    Args:
        settings: the process's settings.
        model_name: name or path of a model profile.
        model_for: the same of the roles that another model plays.
        batch: the batch that the jobs belong to; its budget holds for all of them together.

    Raises:
        ConfigError: the profile or a setting is wrong, or a model cannot play the role that it is given.
        DependencyError: a part is missing or does not answer; nothing was spent. A sandbox that is there and does
            not start ends the first job that needs it, as its error.
    """
    home = settings.home
    names = dict.fromkeys([model_name, *(model_for or {}).values()])
    profiles = {name: load_profile(name, settings) for name in names}
    for role, name in (model_for or {}).items():
        if not profiles[name].plays(role):
            raise ConfigError(
                f"profile {profiles[name].name}: its model cannot play the role {role}",
                remedy=f"it plays {', '.join(profiles[name].roles or ())}; give {role} to another one",
            )
    refuse_if_hopeless(settings)
    async with AsyncExitStack() as stack:
        models: dict[str, RoleModel] = {}
        for name, profile in profiles.items():
            model = await asyncio.to_thread(open_model, profile)
            stack.push_async_callback(model.aclose)
            models[name] = RoleModel(model, profile)
        sandbox = LazySandbox(settings)
        stack.push_async_callback(sandbox.aclose)
        ledger = SqliteLedger(home / "ledger.sqlite")
        stack.push_async_callback(ledger.aclose)
        if batch is not None:
            await ledger.open(batch.id, batch.budget)
        deps = Deps(
            model=models[model_name].model,
            profile=models[model_name].profile,
            role_models={role: models[name] for role, name in (model_for or {}).items()},
            sandbox=sandbox,
            artifacts=ArtifactStore(home / "artifacts"),
            ledger=ledger,
            job_files=JobFiles(home / "checkpoints"),
            config_dir=settings.config_dir,
            batch=None if batch is None else batch.id,
        )
        yield Parts(run_job=partial(_run, deps, sandbox), cores=sandbox.slots)


async def _run(deps: Deps, sandbox: LazySandbox, spec: JobSpec, emit: Emit) -> JobResult:
    def begin_sandbox(event: Event) -> None:
        # Not before the first token: starting it would only take the core that the model writes on.
        if event.type == "text":
            sandbox.begin()
        emit(event)

    return await run_job(spec, deps, begin_sandbox)
