"""A way to a server of this machine, over TCP, that a test breaks."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing then sends a reset."""


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the end, or until either side breaks off."""
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


def relay_to(
    port: int, host: str = "127.0.0.1", opened: Callable[[asyncio.StreamWriter], object] = lambda _: None
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
    """Return what serves a connection by joining it to this port.

    Args:
        port: of the server.
        host: of the server.
        opened: is told of both ends of each connection.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        opened(writer)
        opened(to_server)
        try:
            await asyncio.gather(copy(reader, to_server), copy(from_server, writer))
        finally:
            for one in (writer, to_server):
                one.transport.abort()

    return serve


class Relay:
    """Use as an asynchronous context manager.

    Args:
        port: of the server, on the loopback.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(relay_to(self._target, opened=self._ends.add), "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()

    @property
    def port(self) -> int:
        """Where it listens, on the loopback."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def reset(self) -> int:
        """Reset all connections, as a firewall that forgot them does; returns how many ends that are."""
        ends, self._ends = self._ends, set()
        for end in ends:
            if not end.transport.is_closing():
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()
        return len(ends)
