"""What a ledger does beside its callers: heartbeats, work that outlives them, and another try for what failed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from solvent.errors import InternalError, SolventError, StoreError
from solvent.workers.redis_script import FIRST_PAUSE_S, LONGEST_PAUSE_S

T = TypeVar("T")

_log = logging.getLogger(__name__)


class LedgerTasks:
    """Tasks of one ledger.

    Args:
        beat: the heartbeat; begins with the first task.
        beat_s: time between two of them.
    """

    def __init__(self, beat: Callable[[], Awaitable[object]], beat_s: float) -> None:
        self._beat_once = beat
        self._beat_s = beat_s
        self._running: set[asyncio.Task[Any]] = set()
        self._beating: asyncio.Task[None] | None = None
        self._later: list[Callable[[], Awaitable[None]]] = []
        self.closed = False

    @property
    def running(self) -> set[asyncio.Task[Any]]:
        """Tasks that have not ended."""
        return set(self._running)

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin `work`, which whoever waits for it must shield."""
        if self.closed:
            work.close()
            raise InternalError("the ledger is used after it was closed")
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat(), name="heartbeat of the ledger")
            self._running.add(self._beating)
            self._beating.add_done_callback(self._running.discard)
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` to its end, also where who waits for it is cancelled."""
        return await asyncio.shield(self.begin(work))

    def later(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what failed again with the next heartbeat; where it fails then, it asks for that itself."""
        self._later.append(work)

    async def aclose(self) -> None:
        """End the heartbeat and wait for all that was begun."""
        self.closed = True
        if self._beating is not None:
            self._beating.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever waited has it as well; a task whose waiter was cancelled has nobody else to tell.
            _log.debug("an operation of the ledger failed", exc_info=error)

    async def _beat(self) -> None:
        # Not for ever: redis-py may turn a cancellation into an error of the connection.
        while not self.closed:
            await asyncio.sleep(self._beat_s)
            try:
                await self._beat_once()
                for _ in range(len(self._later)):
                    await self._later.pop(0)()
            except SolventError as error:
                _log.warning("the ledger's heartbeat failed: %s", error)


async def stubbornly(write: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """Write to a store, again where it fails: for what may be written twice.

    Raises:
        StoreError: it still failed when the patience was over.
    """
    gives_up_at = time.monotonic() + patience_s
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await write()
        except StoreError:
            if time.monotonic() + pause_s >= gives_up_at:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
