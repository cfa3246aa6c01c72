"""A running program whose streams are connected to the caller."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from solvent.sandbox import replies
from solvent.sandbox.base import RunResult
from solvent.sandbox.box import Box, BoxLostError
from solvent.sandbox.requests import Request, fault

WINDOW_BYTES = 256 << 10
"""Bytes under way to a program's standard input at most."""
_PIECE_BYTES = 64 << 10
_SIGINT = 2


class ConnectedProgram:
    """See RunningProgram.

    Args:
        box: lent to this program alone.
        request: what to run.
        on_result: called once, when it has ended.
    """

    def __init__(self, box: Box, request: Request, on_result: Callable[[RunResult], None]) -> None:
        self._box = box
        self._request = request
        self._on_result = on_result
        loop = asyncio.get_running_loop()
        self._result: asyncio.Future[RunResult] = loop.create_future()
        self._loop = loop
        self._output: deque[bytes] = deque()
        self._output_ended = False
        self._printed: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._unacknowledged = 0
        box.begin(request.run, request.timeout_s, self).add_done_callback(self._finished)

    async def send(self, data: bytes) -> None:
        """See RunningProgram.send."""
        view = memoryview(data)
        while view and not self._result.done():
            free = WINDOW_BYTES - self._unacknowledged
            if free <= 0:
                self._room = self._room or self._loop.create_future()
                await asyncio.shield(self._room)
                continue
            piece = bytes(view[: min(free, _PIECE_BYTES)])
            self._unacknowledged += len(piece)
            self._box.send(piece)
            view = view[len(piece) :]

    async def close_stdin(self) -> None:
        """See RunningProgram.close_stdin."""
        if not self._result.done():
            self._box.close_stdin()

    async def receive(self) -> bytes:
        """See RunningProgram.receive."""
        while not self._output:
            if self._output_ended:
                return b""
            self._printed = self._printed or self._loop.create_future()
            await asyncio.shield(self._printed)
        if len(self._output) == 1:
            return self._output.popleft()
        data = b"".join(self._output)
        self._output.clear()
        return data

    async def interrupt(self) -> None:
        """See RunningProgram.interrupt."""
        if not self._result.done():
            self._box.signal(_SIGINT)

    async def kill(self) -> None:
        """See RunningProgram.kill."""
        self.kill_now()

    async def result(self) -> RunResult:
        """See RunningProgram.result."""
        return await asyncio.shield(self._result)

    def kill_now(self) -> None:
        """End it; its result comes soon."""
        if not self._result.done():
            self._box.kill()

    def printed(self, data: bytes) -> None:
        """See Streams."""
        if data:
            self._output.append(data)
            self._wake_receiver()

    def ended(self) -> None:
        """See Streams."""
        self._output_ended = True
        self._wake_receiver()

    def taken(self, size: int) -> None:
        """See Streams."""
        self._unacknowledged = max(0, self._unacknowledged - size)
        self._wake_sender()

    def _finished(self, future: asyncio.Future[replies.Result]) -> None:
        error = future.exception()
        if isinstance(error, BoxLostError):
            result = fault(error.message)
        elif error is not None:
            raise error
        else:
            result = self._request.result(future.result())
        self._result.set_result(result)
        self.ended()
        self._wake_sender()
        self._on_result(result)

    def _wake_receiver(self) -> None:
        if self._printed is not None:
            self._printed.set_result(None)
            self._printed = None

    def _wake_sender(self) -> None:
        if self._room is not None:
            self._room.set_result(None)
            self._room = None
