"""Runs jobs of this machine's own database in this process: one new job at once, or those that are stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress

from solvent.agents.events import Event
from solvent.agents.recalled import OFF
from solvent.errors import ConfigError, StoreError
from solvent.settings import Settings
from solvent.workers.embedded import Embedded
from solvent.workers.event_log import EventLog
from solvent.workers.holders import lapse_dead, local_holder
from solvent.workers.home import home_database, old_database, open_home
from solvent.workers.lease import SQLITE_BEAT_S, Keeper
from solvent.workers.records import JobRecord
from solvent.workers.runner import OnEvent, Runner, run_held
from solvent.workers.service_records import LeaseLostError
from solvent.workers.service_store import HolderStore
from solvent.workers.solo_store import SoloStore
from solvent.workers.wakeups import LocalWakeups


@asynccontextmanager
async def open_working(
    settings: Settings, embedded: Embedded, holder: str, *, on_event: OnEvent, stop: asyncio.Event
) -> AsyncIterator[Runner]:
    """Open the database to run jobs of it; what processes held that died here can be had at once.

    Args:
        settings: of the process.
        embedded: what jobs are run with.
        holder: name of this process (`local_holder`).
        on_event: told of each event.
        stop: see `Runner`.

    Raises:
        StoreError: the database cannot be opened.
    """
    database = await open_home(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.aclose)
        store = database.store
        await lapse_dead(store, home_database(settings))
        stack.push_async_callback(_let_go, store, holder)
        keeper = Keeper(store, holder, lease_s=settings.lease_s, beat_s=min(settings.beat_s, SQLITE_BEAT_S))
        stack.push_async_callback(keeper.aclose)
        events = EventLog(store, LocalWakeups(), text=False)
        stack.push_async_callback(events.aclose)
        yield Runner(
            store=store,
            keeper=keeper,
            events=events,
            run_job=lambda record, emit: embedded.run(record, emit, store),
            usage=embedded.ledger.usage,
            on_event=on_event,
            stop=stop,
        )


async def _let_go(store: HolderStore, holder: str) -> None:
    with suppress(StoreError):
        await store.lapse(holder)


async def run_new_job(
    settings: Settings, embedded: Embedded, record: JobRecord, *, on_event: OnEvent, stop: asyncio.Event
) -> JobRecord:
    """Store a job and run it to its end, or until it is stopped; returns it with its result.

    Raises:
        StoreError: it cannot be kept.
    """
    path = home_database(settings)
    with local_holder(path) as holder:
        # It writes on the event loop: beside a memory, whose transactions need that, it would wait for itself.
        is_alone = record.spec is not None and record.spec.memory == OFF
        solo = SoloStore.open(path) if is_alone and old_database(settings) is None else None
        if solo is not None:
            with closing(solo), suppress(LeaseLostError):
                return await _run_solo(settings, embedded, solo, record, holder, on_event=on_event, stop=stop)
        async with open_working(settings, embedded, holder, on_event=on_event, stop=stop) as runner:
            if solo is None:
                await runner.store.submit([record])
            # Else this machine slept, and the lease was over meanwhile.
            return await run_stored(runner, record.id)


async def _run_solo(
    settings: Settings,
    embedded: Embedded,
    store: SoloStore,
    record: JobRecord,
    holder: str,
    *,
    on_event: OnEvent,
    stop: asyncio.Event,
) -> JobRecord:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_let_go, store, holder)
        keeper = Keeper(store, holder, lease_s=settings.lease_s, beat_s=min(settings.beat_s, SQLITE_BEAT_S))
        stack.push_async_callback(keeper.aclose)
        events = EventLog(store, LocalWakeups(), text=False)
        stack.push_async_callback(events.aclose)

        def emit(event: Event) -> None:
            events.emit(event)
            on_event(record, event)

        asked_at = asyncio.get_running_loop().time()
        record, claim = store.store_claimed(record, holder=holder, lease_s=settings.lease_s)
        with keeper.keep(claim, asked_at=asked_at) as held:
            running = asyncio.create_task(embedded.run(record, emit), name=f"run {record.id}")
            return await run_held(
                held, record, running, store=store, events=events, usage=embedded.ledger.usage, stop=stop
            )


async def run_stored(runner: Runner, job_id: str) -> JobRecord:
    """Run a stored job to its end.

    Raises:
        ConfigError: another process works on it.
        StoreError: it cannot be kept.
    """
    ended = await runner.run(job_id)
    if ended is None:
        raise ConfigError(
            f"job {job_id!r} is being run already", remedy="wait for it (`solvent run watch`), or cancel it"
        )
    return ended
