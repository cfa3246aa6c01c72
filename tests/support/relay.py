"""A way to a server of this machine, over TCP, that a test breaks."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing then sends a reset."""


class Relay:
    """Use as an asynchronous context manager.

    Args:
        port: of the server, on the loopback.
        listening: socket on which clients come; by default a new one on the loopback.
    """

    def __init__(self, port: int, listening: socket.socket | None = None) -> None:
        self._target = port
        self._listening = listening or socket.create_server(("127.0.0.1", 0))
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._joined: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, sock=self._listening)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        await asyncio.gather(*self._joined, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def reset(self) -> int:
        """Reset all connections, as a firewall that forgot them does; returns how many ends that are."""
        ends, self._ends = self._ends, set()
        for end in ends:
            if not end.transport.is_closing():
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()
        return len(ends)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._joined.add(this)
        try:
            await self._join(reader, writer)
        finally:
            writer.transport.abort()
            self._joined.discard(this)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return
        ends = {writer, to_server}
        self._ends |= ends
        try:
            await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))
        finally:
            self._ends -= ends
            to_server.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the end, or until either side breaks off."""
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()
