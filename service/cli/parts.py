"""Opens what jobs are run with, all at once, and closes it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from solvent.agents.checkpoints import JobFiles
from solvent.agents.ledgers import SqliteLedger
from solvent.agents.runner import Deps, run_job
from solvent.agents.strategies.base import find_strategy, load_parameters
from solvent.artifacts import ArtifactStore
from solvent.models.registry import load_profile, open_model
from solvent.sandbox.choose import open_sandbox
from solvent.settings import Settings
from solvent.workers.runner import RunJob

if TYPE_CHECKING:
    from pydantic import JsonValue

    from solvent.agents.events import Emit
    from solvent.agents.job import JobResult, JobSpec
    from solvent.sandbox.base import SandboxInfo
    from solvent.workers.records import BatchRecord


@dataclass(frozen=True)
class Parts:
    """What is open. Valid inside `open_parts`."""

    run_job: RunJob
    cores: int
    sandbox: SandboxInfo


def check_strategy(settings: Settings, name: str, parameters: dict[str, JsonValue]) -> None:
    """Look a strategy and its parameters up before anything is stored or started.

    Raises:
        ConfigError: there is no such strategy, or a parameter is wrong.
    """
    load_parameters(find_strategy(name), parameters, settings.config_dir)


@asynccontextmanager
async def open_parts(settings: Settings, model_name: str, *, batch: BatchRecord | None = None) -> AsyncIterator[Parts]:
    """Open model, sandbox, ledger and stores, and close them at the end.

    Args:
        settings: the process's settings.
        model_name: name or path of a model profile.
        batch: the batch that the jobs belong to; its budget holds for all of them together.

    Raises:
        ConfigError: the profile or a setting is wrong.
        DependencyError: a part is missing or does not answer; nothing was spent.
    """
    home = settings.home
    profile = load_profile(model_name, settings)
    async with AsyncExitStack() as stack:
        opening = asyncio.create_task(open_sandbox(settings))
        loading = asyncio.create_task(asyncio.to_thread(open_model, profile))
        try:
            await asyncio.wait({opening, loading})
        finally:
            for task in (loading, opening):
                if task.done() and not task.cancelled() and task.exception() is None:
                    stack.push_async_callback(task.result().aclose)
        sandbox, model = opening.result(), loading.result()
        ledger = SqliteLedger(home / "ledger.sqlite")
        stack.push_async_callback(ledger.aclose)
        if batch is not None:
            await ledger.open(batch.id, batch.budget)
        deps = Deps(
            model=model,
            profile=profile,
            sandbox=sandbox,
            artifacts=ArtifactStore(home / "artifacts"),
            ledger=ledger,
            job_files=JobFiles(home / "checkpoints"),
            config_dir=settings.config_dir,
            batch=None if batch is None else batch.id,
        )
        yield Parts(run_job=partial(_run, deps), cores=sandbox.slots, sandbox=sandbox.info)


async def _run(deps: Deps, spec: JobSpec, emit: Emit) -> JobResult:
    return await run_job(spec, deps, emit)
