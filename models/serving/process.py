"""The server as a process: its socket, its signals and its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from solvent.models.profiles import ModelProfile
from solvent.models.serving.app import Limits, Server
from solvent.models.serving.listening import AnnouncedServer, listen, url_of
from solvent.models.starter.model import StarterModel


@dataclass(frozen=True)
class ServeOptions:
    """How the server is reached.

    Attributes:
        names: Names that the model is asked for by; none takes the profile's.
        drain_s: How long requests may go on after SIGTERM before they are cut off.
    """

    host: str = "127.0.0.1"
    port: int = 8089
    names: tuple[str, ...] = ()
    api_key: str | None = field(default=None, repr=False)
    drain_s: int = 30
    access_log: bool = False
    limits: Limits = field(default_factory=Limits)


def serve(profile: ModelProfile, options: ServeOptions, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let the running requests end.

    Args:
        profile: of a model with the backend starter.
        options: see there.
        started: called with the base URL once requests are taken.

    Raises:
        ConfigError: the address cannot be had, or the weights cannot be read.
    """
    logging.basicConfig(level=logging.INFO if options.access_log else logging.WARNING, format="%(asctime)s %(message)s")
    with listen(options.host, options.port) as listening:
        asyncio.run(_serve(profile, options, listening, started))


async def _serve(
    profile: ModelProfile, options: ServeOptions, listening: socket.socket, started: Callable[[str], None]
) -> None:
    model = StarterModel(profile)
    try:
        tokenizer, engine = await model.load()
        names = options.names or (profile.name,)
        app = Server(profile, tokenizer, engine, names=names, limits=options.limits).app(options.api_key)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=options.access_log,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=options.drain_s,
            server_header=False,
        )
        url = f"{url_of(listening)}/v1"
        server = AnnouncedServer(config, lambda: started(url))

        def stop(_signal: int, _frame: FrameType | None) -> None:
            server.should_exit = True

        # uvicorn handles these itself while it serves, and raises them again afterwards: an end that was asked for
        # and went well is no failure.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        await server.serve(sockets=[listening])
    finally:
        await model.aclose()
