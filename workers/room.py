"""Room for many at once, or for one alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """Whoever wants to be alone waits until those inside have left; nobody enters meanwhile."""

    def __init__(self) -> None:
        self._inside = 0
        self._empty, self._open = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._open.set()
        self._turn = asyncio.Lock()

    async def enter(self) -> None:
        """Come in, once nobody is alone there or waits to be."""
        while not self._open.is_set():
            await self._open.wait()
        self._inside += 1
        self._empty.clear()

    def leave(self) -> None:
        """Go out."""
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be there alone inside the context; who enters it must have left before."""
        async with self._turn:
            self._open.clear()
            try:
                await self._empty.wait()
                yield
            finally:
                self._open.set()
