"""The service's end of one box: requests over a channel, one at a time."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from solvent.errors import SandboxError
from solvent.sandbox import boot
from solvent.sandbox.runner import frames

START_TIMEOUT_S = 60.0
"""A box answers within a third of a second; on a machine under load everything takes longer."""

FORGET_TIMEOUT_S = 10.0


class Channel(Protocol):
    """Bytes to and from the supervisor, and the power to end the box."""

    async def read_exactly(self, size: int) -> bytes:
        """Return `size` bytes.

        Raises:
            EOFError: the box ended before.
            OSError: the connection broke.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`.

        Raises:
            OSError: the connection broke.
        """
        ...

    async def close(self) -> None:
        """Kill and remove the box; safe to call twice. Never raises for a box that is gone already."""
        ...

    def diagnostics(self) -> str:
        """Return what the supervisor or the container tool said on standard error, shortened."""
        ...


class BoxLostError(SandboxError):
    """The box ended or fell out of step; what it was doing has no result."""


class Box:
    """One sandbox with its supervisor. After a BoxLostError or a cancelled request it is of no further use."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.usable = True
        self.runs = 0
        self.ready: dict[str, Any] = {}

    async def start(self) -> None:
        """Send the supervisor in and wait until it serves.

        Raises:
            BoxLostError: it does not.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._channel.write(boot.payload())
                frame = await self._read()
        except TimeoutError as error:
            raise self._lost(f"no answer within {START_TIMEOUT_S:g} s of its start") from error
        except (EOFError, OSError, frames.FrameError) as error:
            raise self._lost(f"it did not start: {type(error).__name__}") from error
        if frame.header.get("op") != "ready":
            raise self._lost(f"its first word was {frame.header.get('op')!r}")
        self.ready = frame.header

    async def request(self, header: dict[str, Any], blobs: list[bytes], timeout_s: float) -> frames.Frame:
        """Send one request and return its answer.

        Raises:
            BoxLostError: there is none.
        """
        if not self.usable:
            raise BoxLostError("the box is of no further use")
        self.runs += header["op"] == "run"
        # Until the answer is there, this box is lost to everyone else: a cancelled request leaves it so.
        self.usable = False
        try:
            data = frames.encode(header, blobs)
        except frames.FrameError as error:
            self.usable = True
            raise SandboxError(f"the request does not fit the channel: {error}") from error
        try:
            async with asyncio.timeout(timeout_s):
                await self._channel.write(data)
                frame = await self._read()
        except TimeoutError as error:
            raise self._lost(f"no answer within {timeout_s:g} s") from error
        except (EOFError, OSError, frames.FrameError) as error:
            raise self._lost(f"it broke off: {type(error).__name__}") from error
        self.usable = bool(frame.header.get("usable", True))
        return frame

    async def forget(self) -> bool:
        """Drop the files that the supervisor keeps for later runs; returns whether the box can be used again."""
        try:
            await self.request({"op": "forget"}, [], FORGET_TIMEOUT_S)
        except SandboxError:
            return False
        return self.usable

    async def close(self) -> None:
        """Kill and remove the box; safe to call twice."""
        self.usable = False
        await self._channel.close()

    async def _read(self) -> frames.Frame:
        header_size, body_size = frames.decode_prefix(await self._channel.read_exactly(frames.PREFIX.size))
        header = await self._channel.read_exactly(header_size)
        return frames.decode(header, await self._channel.read_exactly(body_size))

    def _lost(self, what: str) -> BoxLostError:
        self.usable = False
        said = self._channel.diagnostics()
        return BoxLostError(f"sandbox box lost: {what}{f'; it said: {said}' if said else ''}")
