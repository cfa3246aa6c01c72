"""The HTTP door and a worker in one process: no Redis, no Celery, and SQLite where no database is named."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from solvent.models.serving.listening import listen, url_of
from solvent.service.http.artifact_reading import Artifacts
from solvent.service.http.day_budgets import DayBudgets, spent_in
from solvent.service.http.door import Door
from solvent.service.http.process import ApiOptions, check, server_of
from solvent.settings import Settings
from solvent.workers.handlers import handlers_of
from solvent.workers.local_messages import LocalMessages
from solvent.workers.opening import open_cluster
from solvent.workers.wakeups import LocalWakeups


def serve_all(settings: Settings, options: ApiOptions, *, concurrency: int, started: Callable[[str], None]) -> None:
    """Serve and work until SIGTERM or SIGINT; then steps under way end, and the rest is gone on with next time.

    Args:
        settings: of this process.
        options: of the door.
        concurrency: most jobs and trajectories at once.
        started: called with the base URL once requests are taken.

    Raises:
        ConfigError: the address cannot be had, or keys are to be left out where others can reach it.
        DependencyError: the database does not answer, or no sandbox works here.
    """
    check(options)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    if options.access_log:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    with listen(options.host, options.port) as listening:
        asyncio.run(_serve(settings, options, concurrency, listening, started))


async def _serve(
    settings: Settings,
    options: ApiOptions,
    concurrency: int,
    listening: socket.socket,
    started: Callable[[str], None],
) -> None:
    async with AsyncExitStack() as stack:
        wakeups = LocalWakeups()
        messages = LocalMessages(concurrency)
        cluster = await stack.enter_async_context(open_cluster(settings, messages, wakeups))
        stack.push_async_callback(messages.aclose)
        door = Door(
            settings,
            cluster.store,
            wakeups,
            messages,
            keyless=not options.require_key,
            limits=options.limits,
            day_budgets=DayBudgets(partial(spent_in, cluster.ledger)),
            artifacts=Artifacts(cluster.register, cluster.artifacts),
            memory=cluster.parts.memory,
            worker_metrics=cluster.metrics.text,
        )
        stack.push_async_callback(door.aclose)
        messages.start(handlers_of(cluster))
        await server_of(door, options, lambda: started(url_of(listening))).serve(sockets=[listening])
        cluster.metrics.drain()
        cluster.drain.request()
        await messages.finish(at_most_s=settings.worker_drain_s)
