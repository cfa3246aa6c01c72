"""Boxes for programs: warm ones kept, bad ones replaced, none lent twice, never more programs than slots."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from solvent.errors import SandboxError
from solvent.sandbox.box import Box, BoxLostError
from solvent.sandbox.turns import Turns

SMALLEST_BOX_MB = 1024
_RUNS_PER_BOX = 5_000
"""A box that has run so many programs is replaced, well before it has used up its uids."""
_SPARE = 1
"""Idle boxes beyond the slots, so that a thrown away one is replaced while others work."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0
_CLOSED = "the sandbox is not running: it was closed, or not started"
_STARTS_AT_ONCE = 4
"""More would only have each other wait."""

_log = logging.getLogger(__name__)


class EngineLostError(SandboxError):
    """What makes the boxes does not answer now; it may come back."""


@dataclass(eq=False)
class Lease:
    """A box lent to one caller, to be given back once."""

    box: Box
    slot: bool
    """It counts as a running program."""


@dataclass(eq=False)
class _Start:
    """A box that is being started."""

    memory_mb: int
    task: asyncio.Task[Box]
    extra: bool
    """It comes in addition to the boxes for slots."""
    claimed: bool = False
    """Somebody waits for it."""
    given: bool = False
    """Nobody did when it was there, so it became an idle one."""


@dataclass
class Pool:
    """The boxes of a backend.

    Args:
        turns: the slots.
        open_box: makes a fresh box for programs of so many MB; raises SandboxError.
        share: boxes may run programs of different tenants, since every run has a uid of its own.
        engine_wait_s: how long a caller waits for an engine that went away.
    """

    turns: Turns
    open_box: Callable[[int], Awaitable[Box]]
    share: bool = True
    engine_wait_s: float = 30.0
    closed: bool = False
    started: int = 0
    replaced: int = 0
    _idle: list[Box] = field(default_factory=list)
    """The one that was used last is the last."""
    _starts: list[_Start] = field(default_factory=list)
    _leases: set[Lease] = field(default_factory=set)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _gates: tuple[asyncio.Semaphore, asyncio.Semaphore] = field(
        default_factory=lambda: (asyncio.Semaphore(_STARTS_AT_ONCE), asyncio.Semaphore(_STARTS_AT_ONCE))
    )
    """For boxes of slots, and for those in addition, which may be hundreds."""

    @property
    def alive(self) -> int:
        """Boxes that are there now."""
        return len(self._idle) + len(self._leases)

    async def lease(
        self,
        memory_mb: int,
        *,
        keys: Sequence[bytes] = (),
        job: str = "",
        tenant: str = "",
        fresh: bool = False,
        slot: bool = True,
        alone: bool = False,
    ) -> Lease:
        """Wait for a slot and a box.

        Args:
            memory_mb: most that a program will ask for.
            keys: contents that it needs; a box that keeps them is preferred.
            job: who asks; callers that wait are served in turn by job.
            tenant: whose programs may share a box, where not all may.
            fresh: only a box that is started now; idle ones may have died with the one before.
            slot: False takes none, and the box comes in addition.
            alone: wait until nothing runs, and keep all others waiting.

        Raises:
            SandboxError: there is no box to be had.
        """
        if slot:
            await (self.turns.take_all() if alone else self.turns.take(job))
        try:
            return await self._lend(memory_mb, keys, tenant, fresh, slot)
        except BaseException:
            if slot:
                self.turns.give_back()
            raise

    def give_back(self, lease: Lease) -> None:
        """Take a box back. One whose program was killed is waited for; one that looks wrong is replaced."""
        if lease.box.busy and lease.box.usable and not self.closed:
            self.spawn(self._settle(lease))
        else:
            self._take_back(lease)

    def warm(self, memory_mb: int = SMALLEST_BOX_MB) -> None:
        """Start boxes in the background until there are enough."""
        while not self.closed and self._pooled() < self.turns.slots + _SPARE:
            self._start(memory_mb)

    async def aclose(self) -> None:
        """End all boxes."""
        self.closed = True
        starts, self._starts = self._starts, []
        for start in starts:
            start.task.cancel()
        boxes, self._idle = self._idle, []
        boxes += [lease.box for lease in self._leases]
        await asyncio.gather(*(start.task for start in starts), *(box.close() for box in boxes), return_exceptions=True)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def keep(self, box: Box) -> None:
        """Add a box that was started elsewhere."""
        self.started += 1
        self._idle.append(box)

    def lost(self, box: Box) -> None:
        """Hear that a box is of no further use; an idle one is replaced, a lent one when it comes back."""
        if box in self._idle:
            self._idle.remove(box)
            self._throw_away(box)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background, to be finished before the pool is closed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lend(self, memory_mb: int, keys: Sequence[bytes], tenant: str, fresh: bool, slot: bool) -> Lease:
        if self.closed:
            raise SandboxError(_CLOSED)
        size = box_memory_mb(memory_mb)
        # One that takes no slot leaves those who do a box each.
        free = slot or len(self._idle) + self._lent() > self.turns.slots
        box = self._choose(size, keys, tenant) if free and not fresh else None
        if box is None:
            box = await self._await_start(size, extra=not slot, fresh=fresh)
            if self.closed or not box.usable:
                # It died, or the pool was closed, in the moment in which it was there.
                self.spawn(box.close())
                raise BoxLostError("the box ended at its start")
        lease = Lease(box, slot)
        self._leases.add(lease)
        box.tenant = tenant
        if not slot:
            self.warm(size)
        return lease

    def _choose(self, size: int, keys: Sequence[bytes], tenant: str) -> Box | None:
        """Return the best idle box, taken out of the idle ones."""
        best, best_lacks = None, 0
        for box in reversed(self._idle):
            if box.memory_mb != size or (box.runs and not self.share and box.tenant != tenant):
                continue
            lacks = box.lacks(keys)
            if best is None or lacks < best_lacks:
                best, best_lacks = box, lacks
                if not lacks:
                    break
        if best is not None:
            self._idle.remove(best)
        return best

    async def _await_start(self, size: int, *, extra: bool, fresh: bool) -> Box:
        wanted = (size, extra, False)
        waiting = [one for one in self._starts if (one.memory_mb, one.extra, one.claimed) == wanted and not fresh]
        if not waiting and not extra and self._idle and self._pooled() >= self.turns.slots + _SPARE:
            # An idle box that does not fit gives way.
            self.spawn(self._idle.pop(0).close())
        start = waiting[0] if waiting else self._start(size, extra=extra)
        start.claimed = True
        try:
            return await asyncio.shield(start.task)
        except asyncio.CancelledError:
            if start.task.cancelled():
                raise SandboxError(_CLOSED) from None
            # Whoever comes next takes it, even if it is there already.
            start.claimed = False
            if start.task.done():
                self._started(start)
            raise

    def _start(self, size: int, *, extra: bool = False) -> _Start:
        start = _Start(size, asyncio.create_task(self._open(size, self._gates[extra])), extra)
        self._starts.append(start)
        start.task.add_done_callback(lambda _: self._started(start))
        return start

    def _started(self, start: _Start) -> None:
        """Make an idle box of one that nobody waits for."""
        if start in self._starts:
            self._starts.remove(start)
        if start.task.cancelled() or start.claimed or start.given:
            return
        start.given = True
        error = start.task.exception()
        if error is not None:
            _log.warning("a box could not be started: %s", error)
        elif self.closed:
            self.spawn(start.task.result().close())
        else:
            self._put_idle(start.task.result())

    async def _open(self, size: int, gate: asyncio.Semaphore) -> Box:
        """Make a box; if the engine has gone away, wait for it."""
        deadline, pause, again = time.monotonic() + self.engine_wait_s, _FIRST_PAUSE_S, True
        while True:
            try:
                async with gate:
                    box = await self.open_box(size)
            except BoxLostError:
                # An engine that goes down takes boxes along before it stops to answer.
                if self.closed or not again:
                    raise
                again = False
            except EngineLostError:
                if self.closed or time.monotonic() + pause > deadline:
                    raise
                # An engine tells nobody when it comes back.
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            else:
                self.started += 1
                return box

    async def _settle(self, lease: Lease) -> None:
        await lease.box.settle()
        self._take_back(lease)

    def _take_back(self, lease: Lease) -> None:
        self._leases.remove(lease)
        if lease.slot:
            self.turns.give_back()
        if self.closed or (lease.box.usable and lease.box.runs >= _RUNS_PER_BOX):
            self.spawn(lease.box.close())
            self.warm(lease.box.memory_mb)
        else:
            self._put_idle(lease.box)

    def _put_idle(self, box: Box) -> None:
        if not box.usable:
            self._throw_away(box)
            return
        self._idle.append(box)
        if self._pooled() > self.turns.slots + _SPARE:
            self.spawn(self._idle.pop(0).close())

    def _throw_away(self, box: Box) -> None:
        self.replaced += 1
        self.spawn(box.close())
        self.warm(box.memory_mb)

    def _pooled(self) -> int:
        """Boxes that are or will be there for slots; those of callers without a slot come in addition."""
        return len(self._idle) + self._lent() + sum(not start.extra for start in self._starts)

    def _lent(self) -> int:
        return sum(lease.slot for lease in self._leases)


def box_memory_mb(memory_mb: int) -> int:
    """Return the memory class of the box for a program that may use `memory_mb`."""
    return max(SMALLEST_BOX_MB, 1 << (memory_mb - 1).bit_length())
