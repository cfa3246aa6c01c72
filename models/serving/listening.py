"""Sockets that are opened before anything is loaded, and a server that says when it takes requests."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from solvent.errors import ConfigError


class AnnouncedServer(uvicorn.Server):
    """Says when it takes requests.

    Args:
        config: of uvicorn.
        started: called then.
    """

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._announce()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; connections wait in it until somebody serves it.

    Raises:
        ConfigError: the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen at {host}, port {port}: {error}", remedy="choose another --host or --port (0: any free one)"
        ) from error


def url_of(listening: socket.socket) -> str:
    """Return the URL of a server at this socket, without a path."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
