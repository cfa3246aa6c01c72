"""The service's end of one box: contents that it keeps, one run at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from solvent.errors import SandboxError
from solvent.sandbox import replies, wire

START_TIMEOUT_S = 60.0
"""A box answers within a third of a second; on a machine under load everything takes longer."""
KILL_TIMEOUT_S = 2.0
_KEPT_BYTES = 96 << 20
"""Contents that a box keeps for later runs; they lie in its memory."""
_KEPT_CONTENTS = 256
"""And so many at most: each is a descriptor of the supervisor, which may have as few as 1024."""

_log = logging.getLogger(__name__)


class BoxLostError(SandboxError):
    """The box ended or fell out of step; what it was doing has no result."""


class Channel(Protocol):
    """The way to the supervisor of a box, and the power to end the box.

    What comes from it is passed to the box's `feed`; its end to the box's `lose`.
    """

    def write(self, data: bytes) -> None:
        """Send all of `data`, now or as soon as it can be taken."""
        ...

    async def close(self) -> None:
        """Kill and remove the box; safe to call twice. Never raises for a box that is gone already."""
        ...

    def diagnostics(self) -> str:
        """Return what the supervisor or the container tool said on standard error, shortened."""
        ...


class Streams(Protocol):
    """Takes what a connected program says."""

    def printed(self, data: bytes) -> None:
        """It wrote to its standard output."""
        ...

    def ended(self) -> None:
        """Its standard output has ended."""
        ...

    def taken(self, size: int) -> None:
        """So many bytes more have gone into its standard input."""
        ...


class Box:
    """One sandbox with its supervisor.

    Args:
        memory_mb: most memory that a program in it may ask for.
        slot: number that keeps its uids apart from those of other boxes.
        on_lost: called once when it is of no further use.
        on_closed: called with `slot` when it has been removed.
    """

    def __init__(
        self, memory_mb: int, slot: int, on_lost: Callable[[Box], None], on_closed: Callable[[int], None]
    ) -> None:
        self.memory_mb = memory_mb
        self.slot = slot
        self.usable = True
        """Whether it may be given another run, once it is not `busy`."""
        self.busy = False
        self.runs = 0
        self.tenant = ""
        """Whose programs have run in it, where programs share a uid."""
        self._on_lost = on_lost
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._parser = wire.Parser()
        self._channel: Channel | None = None
        self._ready: asyncio.Future[replies.Ready] | None = None
        self._offer: asyncio.Future[replies.Offer] | None = None
        self._id = 0
        self._run: wire.Run | None = None
        self._result: asyncio.Future[replies.Result] | None = None
        self._streams: Streams | None = None
        self._streamed = 0
        self._timer: asyncio.TimerHandle | None = None
        self._settled: asyncio.Future[None] | None = None
        self._kept: OrderedDict[bytes, int] = OrderedDict()
        """Sizes of its contents by key, the least recently used first."""
        self._kept_bytes = 0

    async def start(self, channel: Channel, config: bytes) -> replies.Ready:
        """Say how to serve, and wait until it does.

        Raises:
            BoxLostError: it does not.
        """
        self._channel = channel
        self._ready = self._loop.create_future()
        if not self.usable:
            raise self._lost_error("it ended at its start")
        self._timer = self._loop.call_later(START_TIMEOUT_S, self.lose, f"no answer within {START_TIMEOUT_S:g} s")
        self._write(config)
        try:
            return await self._ready
        finally:
            self._timer.cancel()

    async def offer(self) -> replies.Offer:
        """Ask for a socket that leads to the supervisor without any way between; before the first run.

        Raises:
            BoxLostError: there is none.
        """
        if not self.usable:
            raise self._lost_error("it ended at its start")
        self._offer = self._loop.create_future()
        self._timer = self._loop.call_later(START_TIMEOUT_S, self.lose, "no socket was offered")
        self._write(wire.frame(wire.DIRECT, 0))
        try:
            return await self._offer
        finally:
            self._timer.cancel()

    def lacks(self, keys: Sequence[bytes]) -> int:
        """Return how many of these contents it does not keep."""
        return sum(key not in self._kept for key in keys)

    async def run(self, run: wire.Run, timeout_s: float) -> replies.Result:
        """Run a program. If the call is cancelled the program is killed; see `settle`.

        Raises:
            BoxLostError: there is no result.
            SandboxError: the request does not fit a frame.
        """
        try:
            return await self.begin(run, timeout_s)
        except asyncio.CancelledError:
            self.kill()
            raise

    def begin(self, run: wire.Run, timeout_s: float, streams: Streams | None = None) -> asyncio.Future[replies.Result]:
        """Start a program and return its result to come.

        Args:
            run: what to run; contents with keys are sent before it if the box does not keep them.
            timeout_s: a box that is silent for so long is lost.
            streams: takes the output of a connected program.
        """
        if not self.usable or self.busy:
            raise BoxLostError("the box is of no use for a run")
        self._id = (self._id + 1) & 0xFFFFFFFF
        try:
            frame = wire.encode_run(self._id, run)
        except wire.FrameError as error:
            raise SandboxError(str(error)) from error
        self.busy = True
        self.runs += 1
        self._run, self._streams, self._streamed = run, streams, 0
        self._parser.largest = max(run.largest_result(), wire.FIRST_WORD_BYTES)
        self._result = self._loop.create_future()
        self._timer = self._loop.call_later(timeout_s, self.lose, f"no answer within {timeout_s:g} s")
        self._give_contents(run)
        for part in frame:
            self._write(part)
        return self._result

    def kill(self) -> None:
        """End the program that runs; its result comes soon."""
        if self.busy and self.usable:
            self._write(wire.frame(wire.KILL, self._id))

    def send(self, data: bytes) -> None:
        """Write to the standard input of the connected program."""
        if self.busy and self.usable:
            self._write(wire.frame(wire.DATA_IN, self._id, data))

    def close_stdin(self) -> None:
        """End the standard input of the connected program."""
        if self.busy and self.usable:
            self._write(wire.frame(wire.CLOSE, self._id))

    def signal(self, number: int) -> None:
        """Send a signal to the first process of the program."""
        if self.busy and self.usable:
            self._write(wire.encode_signal(self._id, number))

    async def settle(self) -> None:
        """Wait until a killed program has ended; if it does not, the box is lost."""
        if self.busy and self.usable:
            self._settled = self._loop.create_future()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(KILL_TIMEOUT_S, self.lose, "a killed program did not end")
            await self._settled

    async def close(self) -> None:
        """Kill and remove the box; safe to call twice."""
        self.lose("it was closed")
        if self._channel is not None:
            await self._channel.close()
        self._on_closed(self.slot)

    def feed(self, data: bytes | memoryview) -> None:
        """Take what the supervisor sent."""
        if not self.usable and not self.busy:
            return
        try:
            for kind, id, payload in self._parser.feed(data):
                self._take(kind, id, payload)
        except wire.FrameError as error:
            self.lose(f"it is out of step: {error}")

    def lose(self, why: str) -> None:
        """Note that it is of no further use; whoever waits for it gets a BoxLostError."""
        if not self.usable and not self.busy:
            return
        self.usable = False
        self.busy = False
        if self._timer is not None:
            self._timer.cancel()
        for waiting in (self._ready, self._offer, self._result):
            if waiting is not None and not waiting.done():
                waiting.set_exception(self._lost_error(why))
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)
        self._on_lost(self)

    def _take(self, kind: int, id: int, payload: memoryview) -> None:
        if kind == wire.READY:
            if self._ready is None or self._ready.done():
                raise wire.FrameError("READY, though it was ready")
            self._ready.set_result(replies.decode_ready(payload))
            return
        if kind == wire.OFFER:
            if self._offer is None or self._offer.done():
                raise wire.FrameError("OFFER, though nobody asked")
            self._offer.set_result(replies.decode_offer(payload))
            return
        if self._run is None or not self.busy or id != self._id:
            raise wire.FrameError(f"frame {kind} for run {id}, which does not run")
        if kind == wire.RESULT:
            self._finish(replies.decode_result(payload, self._run))
            return
        if self._streams is None:
            raise wire.FrameError(f"frame {kind} for a run that is not connected")
        if kind == wire.DATA_OUT:
            self._streamed += len(payload)
            if self._streamed > self._run.largest_result():
                raise wire.FrameError("more output than its limit allows")
            self._streams.printed(bytes(payload))
        elif kind == wire.EOF:
            self._streams.ended()
        else:
            self._streams.taken(replies.decode_room(payload))

    def _finish(self, result: replies.Result) -> None:
        self.busy = False
        self._run = self._streams = None
        if self._timer is not None:
            self._timer.cancel()
        if not result.usable or result.problems:
            _log.info("a box is replaced: %s", "; ".join(result.problems) or "it says so")
            self.usable = False
        if self._result is not None and not self._result.done():
            self._result.set_result(result)
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _give_contents(self, run: wire.Run) -> None:
        """Send what the run needs and the box does not keep; have it forget what was not used for longest."""
        needed = set()
        for file in run.files:
            key = file.content.key
            if key is None:
                continue
            needed.add(key)
            if key in self._kept:
                self._kept.move_to_end(key)
                continue
            self._kept[key] = len(file.content.data)
            self._kept_bytes += len(file.content.data)
            for part in wire.encode_put(file.content):
                self._write(part)
        if self._kept_bytes > _KEPT_BYTES or len(self._kept) > _KEPT_CONTENTS:
            dropped = []
            for key, size in list(self._kept.items()):
                if self._kept_bytes <= _KEPT_BYTES and len(self._kept) <= _KEPT_CONTENTS:
                    break
                if key not in needed:
                    del self._kept[key]
                    self._kept_bytes -= size
                    dropped.append(key)
            if dropped:
                self._write(wire.encode_drop(dropped))

    def _write(self, data: bytes) -> None:
        if self._channel is not None:
            self._channel.write(data)

    def _lost_error(self, why: str) -> BoxLostError:
        said = self._channel.diagnostics() if self._channel is not None else ""
        return BoxLostError(f"sandbox box lost: {why}{f'; it said: {said}' if said else ''}")
