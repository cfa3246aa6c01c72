"""A worker process: Celery takes messages in threads, one event loop does the work."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

from celery import signals
from celery.worker import WorkController
from celery.worker import state as celery_state

from solvent.settings import Settings
from solvent.workers.celery_app import CeleryMessages, connect_again, make_app
from solvent.workers.cluster import Cluster
from solvent.workers.consumer_watch import Traffic, watch_consumer
from solvent.workers.handlers import handlers_of
from solvent.workers.loop import LoopThread, spare_collector
from solvent.workers.messages import QUEUES, REAP, TRAJECTORIES
from solvent.workers.opening import Runs, beside, open_cluster
from solvent.workers.reaper import reap
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.tasks import Bridge, add_tasks
from solvent.workers.worker_http import WorkerHttp

STOPPED_HARD = 143
"""Exit code after a second signal: 128 + SIGTERM."""
GAVE_UP = 3
"""Exit code where Redis hands out no messages, on new connections neither."""
LAST_S = 30.0
"""How long the process may take to end after it gave up and what was under way was cut."""


@dataclass(frozen=True)
class WorkerOptions:
    """What one worker process does."""

    concurrency: int
    """Most jobs and trajectories at once."""
    queues: Sequence[str] = QUEUES
    name: str = "solvent"


class WorkerProcess:
    """Runs in the main thread until a signal stops it.

    The first SIGTERM (or SIGINT) takes no further message, lets each graph go on to its next step, and hands back what
    has not ended; work that takes longer than the settings' `worker_drain_s` is cut, and handed back too. A second one
    stops at once: what was held is found by its leases.

    Args:
        settings: of the process.
        options: see there.
        say: receives lines for a person.
    """

    def __init__(self, settings: Settings, options: WorkerOptions, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._options = options
        self._say = say
        self._loop = LoopThread()
        self._stack = AsyncExitStack()
        self._runs = Runs()
        self._stopping = threading.Event()
        self._traffic = Traffic()
        self._exit_code = 0

    def run(self) -> int:
        """Run to the end and return the exit code.

        Raises:
            ConfigError: a setting is wrong.
            DependencyError: database or Redis do not answer as the worker starts.
        """
        app = make_app(self._settings.redis_url)
        self._loop.start()
        try:
            cluster = self._loop.run(self._open(CeleryMessages(app)))
            cluster.metrics.watch(cluster.keeper, capacity=self._options.concurrency)
            handlers = {
                name: self._runs.handler(handler)
                for name, handler in {
                    **handlers_of(cluster, in_place=TRAJECTORIES in self._options.queues),
                    REAP: lambda _: reap(cluster),
                }.items()
            }
            add_tasks(app, Bridge(self._loop, handlers, self._stopping, self._traffic), self._traffic)
            worker = app.Worker(
                hostname=f"{self._options.name}@{cluster.keeper.holder}",
                pool="threads",
                concurrency=self._options.concurrency,
                queues=[queue for queue in QUEUES if queue in self._options.queues],
                loglevel="WARNING",
                quiet=True,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
            )
            ready = partial(self._ready, cluster, worker)
            signals.worker_ready.connect(ready, weak=False)
            spare_collector()
            try:
                worker.start()
            finally:
                signals.worker_ready.disconnect(ready)
            return self._exit_code or int(worker.exitcode or 0)
        finally:
            try:
                self._loop.run(self._stack.aclose())
            finally:
                self._loop.stop()

    async def _open(self, messages: CeleryMessages) -> Cluster:
        self._stack.push_async_callback(messages.aclose)
        await messages.waiting()
        wakeups = RedisWakeups(self._settings.redis_url)
        self._stack.push_async_callback(wakeups.aclose)
        cluster = await self._stack.enter_async_context(open_cluster(self._settings, messages, wakeups))
        port = self._settings.worker_metrics_port
        if port is not None:
            http = WorkerHttp(self._settings.worker_metrics_host, port, self._loop, cluster.metrics.text)
            self._stack.callback(http.close)
            self._say(f"metrics at http://{self._settings.worker_metrics_host}:{http.port}/metrics")
        return cluster

    def _ready(self, cluster: Cluster, worker: WorkController, **_: Any) -> None:
        """Take the signals over from Celery, which knows nothing of the event loop."""

        def stop(number: int, frame: FrameType | None) -> None:
            if self._stopping.is_set():
                os._exit(STOPPED_HARD)
            self._stop(cluster)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        self._loop.run(self._watch(cluster, worker))
        self._say("ready")

    def _stop(self, cluster: Cluster) -> None:
        self._stopping.set()
        celery_state.should_stop = 0
        self._loop.call(self._drain, cluster)

    async def _watch(self, cluster: Cluster, worker: WorkController) -> None:
        """Begin to watch over Celery's consumer."""

        def give_up() -> None:
            self._exit_code = GAVE_UP
            self._stop(cluster)
            # Where Celery's own loop hangs it does not hear of the stop.
            asyncio.get_running_loop().call_later(self._settings.worker_drain_s + LAST_S, os._exit, GAVE_UP)

        watch = watch_consumer(
            cluster.messages,
            self._traffic,
            queues=self._options.queues,
            concurrency=self._options.concurrency,
            connect_again=partial(connect_again, worker),
            give_up=give_up,
            stopping=self._stopping.is_set,
        )
        beside(self._stack, watch, "consumer watch")

    def _drain(self, cluster: Cluster) -> None:
        self._say(f"stopping: {len(self._runs)} at work go on to their next step; a second signal stops at once")
        cluster.metrics.drain()
        cluster.drain.request()
        asyncio.get_running_loop().call_later(self._settings.worker_drain_s, self._runs.cut)
