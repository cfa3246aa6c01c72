"""Many tool sessions on one host: those that nobody uses give their boxes up."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from solvent.sandbox.base import Sandbox
from solvent.sandbox.tool import Tool, open_tool
from solvent.sandbox.tool_results import ToolLimits


class Gate(Protocol):
    """Decides how many sessions may have a kernel at once."""

    async def admit(self, tool: Tool) -> None:
        """Return when the tool may start a kernel."""
        ...

    def used(self, tool: Tool) -> None:
        """Hear that a call of the tool has ended."""
        ...

    def left(self, tool: Tool) -> None:
        """Hear that it has no kernel any more."""
        ...


class ToolPool:
    """Opens sessions, and takes the boxes of idle ones back.

    A session that was idle for too long loses its box, and so does the one that has been idle longest when a box is
    wanted and all are taken; its next cell says so (`CellResult.state_lost`) or, with `replay`, restores the variables.
    Where all are busy, a cell waits.

    Args:
        sandbox: a started sandbox.
        max_sessions: sessions that may hold a box at once; others are open without one.
        max_idle_s: after which an idle session gives its box up.
    """

    def __init__(self, sandbox: Sandbox, *, max_sessions: int = 200, max_idle_s: float = 600.0) -> None:
        self._sandbox = sandbox
        self._max_sessions = max_sessions
        self._max_idle_s = max_idle_s
        self._live: OrderedDict[Tool, asyncio.TimerHandle | None] = OrderedDict()
        """Sessions with a box, the one that was used last at the end; the timer runs while it is idle."""
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.reclaimed = 0
        """Boxes that were taken back so far."""

    @property
    def live(self) -> int:
        """Sessions that hold a box now."""
        return len(self._live)

    def open(
        self, limits: ToolLimits | None = None, *, job: str = "", replay: bool = False
    ) -> AbstractAsyncContextManager[Tool]:
        """Return a context with a session; see `open_tool`."""
        return open_tool(self._sandbox, limits, job=job, replay=replay, gate=self)

    async def admit(self, tool: Tool) -> None:
        """See Gate.admit."""
        async with self._changed:
            while len(self._live) >= self._max_sessions and tool not in self._live:
                if not await self._evict_one():
                    await self._changed.wait()
            self._live[tool] = None

    def used(self, tool: Tool) -> None:
        """See Gate.used."""
        if tool not in self._live:
            return
        self._stop_timer(tool)
        self._live.move_to_end(tool)
        loop = asyncio.get_running_loop()
        self._live[tool] = loop.call_later(self._max_idle_s, lambda: self._spawn(self._reclaim(tool)))
        # It is idle as soon as its call has returned.
        loop.call_soon(lambda: self._spawn(self._notify()))

    def left(self, tool: Tool) -> None:
        """See Gate.left."""
        if tool in self._live:
            self._stop_timer(tool)
            del self._live[tool]
            self._spawn(self._notify())

    async def _evict_one(self) -> bool:
        for tool in list(self._live):
            if tool.alive and await tool.reclaim("another session needed its place"):
                self.reclaimed += 1
                return True
        return False

    async def _reclaim(self, tool: Tool) -> None:
        if tool in self._live and await tool.reclaim(f"it was idle for {self._max_idle_s:g} s"):
            self.reclaimed += 1

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _stop_timer(self, tool: Tool) -> None:
        timer = self._live.get(tool)
        if timer is not None:
            timer.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
