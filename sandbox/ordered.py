"""Tests side by side, results one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Generic, TypeVar

T = TypeVar("T")


async def run_in_order(
    count: int,
    width: int,
    run: Callable[[int], Awaitable[T]],
    on_result: Callable[[int, T], Collection[int]],
    on_discarded: Callable[[T], None],
) -> None:
    """Run `run(0)` to `run(count - 1)`, up to `width` at once, and give their results to `on_result` in order.

    Args:
        count: how many there are.
        width: how many may run at once.
        run: one of them.
        on_result: takes the next result; the indexes that it returns are left out from then on: those that run are
            cancelled.
        on_discarded: takes the result of one that was done and then left out.

    Raises:
        Exception: what a call raised, when it is its turn; all that run are cancelled first.
    """
    line = _Line(run, on_discarded)
    given = started = 0
    try:
        while given < count:
            while started < count and len(line.running) < width:
                line.start(started)
                started += 1
            if given in line.left_out:
                given += 1
            elif given not in line.done:
                await line.wait()
            else:
                line.leave_out(on_result(given, line.done.pop(given).result()))
                given += 1
    finally:
        await line.close()


class _Line(Generic[T]):
    def __init__(self, run: Callable[[int], Awaitable[T]], on_discarded: Callable[[T], None]) -> None:
        self._run = run
        self._on_discarded = on_discarded
        self.running: dict[asyncio.Future[T], int] = {}
        self.done: dict[int, asyncio.Future[T]] = {}
        self.left_out: set[int] = set()

    def start(self, index: int) -> None:
        if index not in self.left_out:
            self.running[asyncio.ensure_future(self._run(index))] = index

    async def wait(self) -> None:
        finished, _ = await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            index = self.running.pop(task)
            if index in self.left_out:
                self._discard(task)
            else:
                self.done[index] = task

    def leave_out(self, indexes: Collection[int]) -> None:
        if not indexes:
            return
        new = set(indexes) - self.left_out
        self.left_out |= new
        for index in new & self.done.keys():
            self._discard(self.done.pop(index))
        for task, index in self.running.items():
            if index in new:
                task.cancel()

    async def close(self) -> None:
        for task in self.running:
            task.cancel()
        # Each has to end before we do: what it holds in the sandbox is given back then.
        await asyncio.gather(*self.running, return_exceptions=True)
        for task in (*self.running, *self.done.values()):
            self._discard(task)

    def _discard(self, task: asyncio.Future[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._on_discarded(task.result())
