"""What jobs are run with that this process works on itself, without workers: `solvent solve`, `solvent batch run`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from solvent.agents.budget import Ledger
from solvent.agents.checkpoints import JobFiles
from solvent.agents.job import JobResult, JobSpec
from solvent.agents.ledgers import SqliteLedger
from solvent.agents.runner import Deps, run_job
from solvent.models.registry import load_profile
from solvent.sandbox.choose import LazySandbox, refuse_if_hopeless
from solvent.settings import Settings
from solvent.workers.artifact_places import open_artifacts
from solvent.workers.parts import Parts, check_roles
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.scopes import open_parents, parent_of

if TYPE_CHECKING:
    from solvent.agents.events import Emit, Event
    from solvent.workers.service_store import ServiceStore


@dataclass
class Embedded:
    """Models, sandbox, ledger and files of this process. Valid inside `open_embedded`."""

    parts: Parts
    sandbox: LazySandbox
    ledger: Ledger
    job_files: JobFiles
    _opened: set[str] = field(default_factory=set)

    @property
    def cores(self) -> int:
        """Programs that run at once."""
        return self.sandbox.slots

    async def open(self, spec: JobSpec) -> None:
        """Open the models of a job, so that what is missing is known before anything is stored.

        Raises:
            ConfigError: see `Parts.of`.
            DependencyError: a model cannot be opened.
        """
        await self.parts.of(spec, parent=None)

    async def run(self, record: JobRecord, emit: Emit, store: ServiceStore | None = None) -> JobResult:
        """Run or resume a job that this process holds; cancelling it gives a result with status `cancelled`.

        Args:
            record: the job.
            emit: receives its events.
            store: where its batch and its API key are found; needed where it has one.

        Raises:
            ConfigError, DependencyError: see `agents.runner.run_job` and `Parts.of`.
        """
        spec, parent = record.spec, parent_of(record)
        assert spec is not None, "a row that could not be read has nothing to run"

        def begin_sandbox(event: Event) -> None:
            # Not before the first token: starting it would only take the core that the model writes on.
            if event.type == "text":
                self.sandbox.begin()
            emit(event)

        if parent is not None and parent not in self._opened:
            assert store is not None, "only a single job runs without the store"
            await open_parents(store, self.ledger, record)
            self._opened.add(parent)
        deps = await self.parts.of(spec, parent=parent, project=record.project)
        given = {each.name: getattr(deps, each.name) for each in fields(deps)}
        return await run_job(spec, Deps(**given, job_files=self.job_files), begin_sandbox)


@asynccontextmanager
async def open_embedded(settings: Settings) -> AsyncIterator[Embedded]:
    """Open what jobs share, and close it at the end; models are opened by the first job that names them.

    Raises:
        DependencyError: no sandbox can work here; nothing was spent. One that is there and does not start ends the
            first job that needs it, as its error.
    """
    refuse_if_hopeless(settings)
    home = settings.home
    async with AsyncExitStack() as stack:
        sandbox = LazySandbox(settings)
        stack.push_async_callback(sandbox.aclose)
        ledger = SqliteLedger(home / "ledger.sqlite")
        stack.push_async_callback(ledger.aclose)
        parts = Parts(settings, sandbox, open_artifacts(settings), ledger, paths=True)
        stack.push_async_callback(parts.aclose)
        yield Embedded(parts, sandbox, ledger, JobFiles(home / "checkpoints"))


def check_models(settings: Settings, named: JobSpec | BatchRecord) -> None:
    """Look up the profiles that a job or a batch names.

    Raises:
        ConfigError: one is not there or wrong, or its model cannot play the role that it is given.
    """
    names = dict.fromkeys([named.model, *named.model_for.values()])
    check_roles(named.model_for, {name: load_profile(name, settings) for name in names})
