"""The HTTP door as a process: what it opens, its signals and its end."""

from __future__ import annotations

import asyncio
import importlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from sse_starlette.sse import AppStatus

from solvent.errors import ConfigError
from solvent.models.serving.listening import AnnouncedServer, listen, url_of
from solvent.service.http.app import create_app
from solvent.service.http.artifact_reading import Artifacts
from solvent.service.http.day_budgets import DayBudgets, spent_today
from solvent.service.http.door import Door, Limits
from solvent.service.http.gate import is_loopback
from solvent.settings import Settings
from solvent.workers.artifact_places import open_artifacts
from solvent.workers.database import open_service_database, service_url
from solvent.workers.dispatch import Dispatcher, NoDispatcher
from solvent.workers.loop import spare_collector
from solvent.workers.parts import MemoryOpener
from solvent.workers.redis_wakeups import RedisWakeups
from solvent.workers.wakeups import LocalWakeups, Wakeups

DISPATCHER = "solvent.workers.tasks:celery_dispatcher"
"""Imported only where messages are sent, since Celery takes long to import."""


@dataclass(frozen=True)
class ApiOptions:
    """How the door is reached.

    Attributes:
        require_key: Ask for API keys; without, whoever reaches it may do everything.
        redis: Send messages and hear of events over Redis. Without, workers find jobs through the reaper, and streams
            hear of events of this process alone.
        drain_s: How long requests may go on after SIGTERM before they are cut off.
    """

    host: str = "127.0.0.1"
    port: int = 8088
    require_key: bool = True
    redis: bool = True
    drain_s: int = 30
    access_log: bool = False
    limits: Limits = field(default_factory=Limits)


def serve(settings: Settings, options: ApiOptions, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let the open requests end.

    Args:
        settings: of this process.
        options: see there.
        started: called with the base URL once requests are taken.

    Raises:
        ConfigError: the address cannot be had, or keys are to be left out where others can reach it.
        StoreError: the database does not answer.
    """
    check(options)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    if options.access_log:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    with listen(options.host, options.port) as listening:
        asyncio.run(_serve(settings, options, listening, started))


def check(options: ApiOptions) -> None:
    """Refuse a server without keys that other machines can reach.

    Raises:
        ConfigError: it would be one.
    """
    if not options.require_key and not is_loopback(options.host):
        raise ConfigError(
            f"{options.host} can be reached from elsewhere: keys cannot be left out",
            remedy="leave --no-key out, or listen at 127.0.0.1",
        )


@asynccontextmanager
async def open_door(settings: Settings, options: ApiOptions) -> AsyncIterator[Door]:
    """Open the database and the ways to the workers, and close them at the end.

    Raises:
        StoreError: the database does not answer.
    """
    async with AsyncExitStack() as stack:
        database = await open_service_database(service_url(settings))
        stack.push_async_callback(database.aclose)
        wakeups: Wakeups = RedisWakeups(settings.redis_url) if options.redis else LocalWakeups()
        stack.push_async_callback(wakeups.aclose)
        dispatcher = _dispatcher(settings) if options.redis else NoDispatcher()
        stack.push_async_callback(dispatcher.aclose)
        memory = MemoryOpener(settings)
        stack.push_async_callback(memory.aclose)
        door = Door(
            settings,
            database.store,
            wakeups,
            dispatcher,
            keyless=not options.require_key,
            limits=options.limits,
            day_budgets=DayBudgets(partial(spent_today, database.journal)),
            artifacts=Artifacts(database.artifacts, open_artifacts(settings)),
            memory=memory,
        )
        stack.push_async_callback(door.aclose)
        yield door


def _dispatcher(settings: Settings) -> Dispatcher:
    module, _, function = DISPATCHER.partition(":")
    return cast(Dispatcher, getattr(importlib.import_module(module), function)(settings))


class DoorServer(AnnouncedServer):
    """Lets streams end when it is asked to stop.

    Args:
        door: what is served.
        config: of uvicorn.
        started: called once requests are taken.
        signals: stop at SIGTERM and SIGINT; False where another part of the process takes them and calls `stop`.
    """

    def __init__(
        self, door: Door, config: uvicorn.Config, started: Callable[[], None], *, signals: bool = True
    ) -> None:
        super().__init__(config, started)
        self._door = door
        self._signals = signals
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Take no more requests, let the open ones end, and streams end where they are."""
        self.should_exit = True
        self._door.begin_close()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal; a second SIGINT ends the process without waiting."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self.stop)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while serving; unlike uvicorn, do not raise them again: this end is no failure."""
        if not self._signals:
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def server_of(door: Door, options: ApiOptions, started: Callable[[], None], *, signals: bool = True) -> DoorServer:
    """Return the server of a door, which is run by `serve(sockets=[...])`."""
    # Otherwise the library cuts streams off at the signal, in the middle of an event; ours end by themselves.
    AppStatus.enable_automatic_graceful_drain = False
    config = uvicorn.Config(
        create_app(door),
        log_config=None,
        access_log=options.access_log,
        lifespan="off",
        ws="none",
        # Whoever stands before this server is no matter: nothing is decided by a client's address.
        proxy_headers=False,
        timeout_graceful_shutdown=options.drain_s,
        server_header=False,
    )
    return DoorServer(door, config, started, signals=signals)


async def _serve(
    settings: Settings, options: ApiOptions, listening: socket.socket, started: Callable[[str], None]
) -> None:
    async with open_door(settings, options) as door:
        server = server_of(door, options, lambda: started(url_of(listening)))
        spare_collector()
        await server.serve(sockets=[listening])
