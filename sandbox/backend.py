"""What backends with our supervisor share: slots, sessions, the list of living boxes, the end."""

from __future__ import annotations

import asyncio
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.problems.problem import Limits
from solvent.sandbox.base import SandboxInfo, SandboxSession
from solvent.sandbox.box import Box, Channel
from solvent.sandbox.session import ProgramSession

WORK_MB, TMP_MB, SHM_MB = 128, 64, 16
INODES, SHM_INODES = 4096, 512
BOX_MARGIN_MB = 256
"""Memory of a box beyond its programs': the supervisor, its copies of inputs and outputs, and full tmpfs."""
_SLOTS_OF_UIDS = 20_000
_FIRST_BOX_MEMORY_MB = Limits().compile_memory_mb
"""What most sessions ask for, so that the first one finds the box of `start`."""
_RUNS_PER_BOX = 2_000
"""A box that has run so many programs is replaced, well before it has used up its uids."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


class BoxSandbox(ABC):
    """A Sandbox whose sessions run in boxes with our supervisor.

    Args:
        slots: sessions at once; default: the cores.
    """

    def __init__(self, slots: int | None = None) -> None:
        self._slots = slots or usable_cores()
        self._free: asyncio.Semaphore | None = None
        self._boxes: set[Box] = set()
        self._idle: dict[int, list[Box]] = {}
        """Clean boxes that wait for the next session, by their memory_mb; never more than slots in all."""
        self._info: SandboxInfo | None = None
        self._closed = False

    @property
    def info(self) -> SandboxInfo:
        """See Sandbox.info."""
        if self._info is None:
            raise SandboxError("the sandbox has not been started")
        return self._info

    @property
    def slots(self) -> int:
        """See Sandbox.slots."""
        return self._slots

    async def start(self) -> None:
        """See Sandbox.start."""
        if self._info is not None:
            return
        self._closed = False
        self._free = asyncio.Semaphore(self._slots)
        await self._prepare()
        try:
            box = await self._open_box(_FIRST_BOX_MEMORY_MB)
        except SandboxUnavailable:
            raise
        except SandboxError as error:
            raise SandboxUnavailable(error.message, remedy=error.remedy or self._remedy()) from error
        try:
            self._info = self._describe(box.ready)
        finally:
            await asyncio.shield(self._give_back(box, _FIRST_BOX_MEMORY_MB))

    def open(self, *, memory_mb: int) -> AbstractAsyncContextManager[SandboxSession]:
        """See Sandbox.open."""
        return self._open(memory_mb)

    @asynccontextmanager
    async def _open(self, memory_mb: int) -> AsyncIterator[SandboxSession]:
        if self._free is None or self._info is None or self._closed:
            raise SandboxError("the sandbox is not running: call start first")
        async with self._free:
            mine: list[Box] = []

            async def open_box() -> Box:
                waiting = self._idle.get(memory_mb)
                box = waiting.pop() if waiting else await self._open_box(memory_mb)
                mine.append(box)
                return box

            session = ProgramSession(open_box)
            try:
                yield session
            finally:
                # A cancelled job must not leave its box behind, so the end is not cancelled with it.
                await asyncio.shield(asyncio.gather(*(self._give_back(box, memory_mb) for box in mine)))

    async def _give_back(self, box: Box, memory_mb: int) -> None:
        """Keep a box in which nothing is left for the next session; remove any other.

        Only where every run has a uid of its own: there the sweep after a run can tell, and reach, all that it left.
        """
        own_uids = self._info is not None and self._info.guarantees["uid_per_run"]
        if own_uids and box.usable and box.runs < _RUNS_PER_BOX and await box.forget() and not self._closed:
            idle = [(size, one) for size, boxes in self._idle.items() for one in boxes]
            if len(idle) >= self._slots:
                size, oldest = idle[0]
                self._idle[size].remove(oldest)
                await self._close_box(oldest)
            self._idle.setdefault(memory_mb, []).append(box)
        else:
            await self._close_box(box)

    async def aclose(self) -> None:
        """See Sandbox.aclose."""
        self._closed = True
        self._info = None
        self._idle.clear()
        await asyncio.gather(*(self._close_box(box) for box in list(self._boxes)))
        await self._finish()

    async def _open_box(self, memory_mb: int) -> Box:
        """Make a fresh box and wait until its supervisor serves.

        Raises:
            SandboxError: it does not start.
        """
        if self._closed:
            raise SandboxError("the sandbox was closed")
        channel = await self._open_channel(memory_mb, secrets.randbelow(_SLOTS_OF_UIDS))
        box = Box(channel)
        self._boxes.add(box)
        try:
            await box.start()
        except BaseException:
            await asyncio.shield(self._close_box(box))
            raise
        return box

    async def _close_box(self, box: Box) -> None:
        await box.close()
        self._boxes.discard(box)

    @abstractmethod
    async def _prepare(self) -> None:
        """Check what is needed, and remove what dead processes left."""

    @abstractmethod
    async def _open_channel(self, memory_mb: int, slot: int) -> Channel:
        """Start a box; programs in it may use `memory_mb`, and `slot` keeps its uids apart from others'."""

    @abstractmethod
    def _describe(self, ready: dict[str, Any]) -> SandboxInfo:
        """Return what holds here, by what a first supervisor found."""

    @abstractmethod
    def _remedy(self) -> str:
        """Return what to do where no box starts."""

    @abstractmethod
    async def _finish(self) -> None:
        """Release what the backend itself holds."""


def guarantees(ready: dict[str, Any]) -> dict[str, bool]:
    """Return the guarantees that follow from what a supervisor found."""
    cgroup = ready["cgroup"] != "none"
    return {
        "network_refused": True,
        "root_read_only": True,
        "system_calls_filtered": True,
        "memory_tree_limited": cgroup,
        "cpu_tree_counted": True,
        "oom_told_apart": cgroup,
        "uid_per_run": bool(ready["uid_per_run"]),
        "inodes_limited": bool(ready["inode_limit"]),
    }
