"""Opens a worker process's share in the cluster, and what runs beside its work: beats, reaper, stop signals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.agents.budget import Ledger
from solvent.agents.ledgers import SqliteLedger
from solvent.sandbox.choose import LazySandbox, refuse_if_hopeless
from solvent.settings import Settings
from solvent.workers.artifact_places import check_artifacts, open_artifacts
from solvent.workers.artifact_register import ArtifactRecorder
from solvent.workers.checkpoints import Checkpoints, PostgresCheckpoints, SqliteCheckpoints
from solvent.workers.cluster import Cluster, build_graphs
from solvent.workers.database import open_service_database, service_url
from solvent.workers.event_log import EventLog
from solvent.workers.holders import lapse_dead, local_holder, new_holder
from solvent.workers.home import carry_over_old
from solvent.workers.lease import SQLITE_BEAT_S, Keeper, alone_from
from solvent.workers.measured import MeasuredLedger
from solvent.workers.messages import Handler, Messages
from solvent.workers.metrics import WorkerMetrics
from solvent.workers.parts import Parts
from solvent.workers.reaper import reap_on
from solvent.workers.sql.engine import read_url
from solvent.workers.upkeep import Sweeper, sweep_on
from solvent.workers.wakeups import Wakeups

if TYPE_CHECKING:
    from solvent.workers.ledger_journal import LedgerJournal
    from solvent.workers.service_store import ServiceStore

CHECKPOINT_CONNECTIONS = 8


@asynccontextmanager
async def open_cluster(settings: Settings, messages: Messages, wakeups: Wakeups) -> AsyncIterator[Cluster]:
    """Open everything, and close it at the end; the reaper runs meanwhile, and cancels come at once.

    Args:
        settings: of the process.
        messages: the way to the workers; closed by the caller.
        wakeups: who watches is told there; closed by the caller.

    Raises:
        ConfigError: a setting is wrong.
        DependencyError: something is missing or does not answer.
    """
    refuse_if_hopeless(settings)
    url = service_url(settings)
    is_sqlite = read_url(url).get_backend_name() == "sqlite"
    async with AsyncExitStack() as stack:
        database = await open_service_database(url)
        stack.push_async_callback(database.aclose)
        ledger, clock = await _ledger(settings, database.journal, wakeups, is_sqlite=is_sqlite)
        stack.push_async_callback(ledger.aclose)
        metrics = WorkerMetrics()
        ledger = MeasuredLedger(ledger, metrics)
        checkpoints = await open_checkpoints(settings, url, is_sqlite=is_sqlite)
        stack.push_async_callback(checkpoints.aclose)
        sandbox = LazySandbox(settings)
        stack.push_async_callback(sandbox.aclose)
        artifacts = open_artifacts(settings)
        await asyncio.to_thread(check_artifacts, artifacts)
        recorder = ArtifactRecorder(database.artifacts)
        stack.push_async_callback(recorder.aclose)
        parts = Parts(
            settings, sandbox, artifacts, ledger, clock=clock, paths=is_sqlite, recorder=recorder, metrics=metrics
        )
        stack.push_async_callback(parts.aclose)
        events = EventLog(database.store, wakeups, observe=metrics.observe)
        stack.push_async_callback(events.aclose)
        beat_s = min(settings.beat_s, SQLITE_BEAT_S) if is_sqlite else settings.beat_s
        holder = await _holder(stack, settings, database.store, url, is_sqlite=is_sqlite)
        alone = alone_from(settings.worker_attempts)
        keeper = Keeper(database.store, holder, lease_s=settings.lease_s, beat_s=beat_s, alone_from=alone)
        stack.push_async_callback(keeper.aclose)
        cluster = Cluster(
            store=database.store,
            distillations=database.distillations,
            ledger=ledger,
            artifacts=artifacts,
            checkpoints=checkpoints,
            parts=parts,
            keeper=keeper,
            events=events,
            messages=messages,
            graphs=await asyncio.to_thread(build_graphs),
            register=database.artifacts,
            metrics=metrics,
            max_attempts=settings.worker_attempts,
            outstanding=settings.outstanding_jobs,
        )
        metrics.watch(keeper, capacity=settings.worker_trajectories)
        if not is_sqlite:
            from solvent.workers.stop_signals import listen_for_stops

            beside(stack, listen_for_stops(libpq_url(url), keeper.wake), "stop signals")
        beside(stack, reap_on(cluster, settings.reap_s), "reaper")
        sweeper = Sweeper(database.upkeep, database.artifacts, artifacts, checkpoints)
        beside(stack, sweep_on(sweeper, settings, keeper.holder, metrics.swept), "sweeper")
        yield cluster


async def _holder(stack: AsyncExitStack, settings: Settings, store: ServiceStore, url: str, *, is_sqlite: bool) -> str:
    """Return the name of this process as a holder; on one machine, what the dead held can be had from now on."""
    if not is_sqlite:
        return new_holder()
    path = Path(read_url(url).database or "")
    await asyncio.to_thread(carry_over_old, settings, path)
    holder = stack.enter_context(local_holder(path))
    await lapse_dead(store, path)
    return holder


def libpq_url(url: str) -> str:
    """Return a PostgreSQL URL as libpq takes it. Pure."""
    return read_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def beside(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Run something until the stack is closed."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _ledger(
    settings: Settings, journal: LedgerJournal, wakeups: Wakeups, *, is_sqlite: bool
) -> tuple[Ledger, Callable[[], float]]:
    """Return the ledger and its clock."""
    if is_sqlite:
        return SqliteLedger(settings.home / "ledger.sqlite"), time.time
    from solvent.workers.redis_ledger import open_ledger

    ledger = await open_ledger(settings, journal, wakeups=wakeups)
    return ledger, ledger.clock


async def open_checkpoints(settings: Settings, url: str, *, is_sqlite: bool) -> Checkpoints:
    """Open the checkpoints that go with a database.

    Raises:
        StoreError: they cannot be opened.
    """
    if is_sqlite:
        return SqliteCheckpoints(settings.home / "checkpoints")
    return await PostgresCheckpoints.open(libpq_url(url), connections=CHECKPOINT_CONNECTIONS)


class Runs:
    """What runs for messages now, so that it can be cut where a process must stop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def handler(self, run: Handler) -> Handler:
        """Return `run`, noted while it runs."""

        async def noted(id: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await run(id)
            finally:
                self._tasks.discard(task)

        return noted

    def cut(self) -> None:
        """Cancel what runs: each hands its lease back."""
        for task in self._tasks:
            task.cancel()
