"""Who runs next: slots that are never exceeded, jobs that take turns, and running alone."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Slots for programs.

    Callers that wait are served in turn by job, and in their order within a job. One that wants to run alone waits
    until every slot is free; meanwhile nobody else starts, so it cannot be overtaken for ever. After it as many
    others as there are slots come first, so neither can they.

    Args:
        slots: programs at once.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.running = 0
        """Slots in use; one who runs alone uses one."""
        self._alone = False
        self._jobs: dict[str, deque[asyncio.Future[None]]] = {}
        """Those who wait, by job; the first job is the next one."""
        self._want_alone: deque[asyncio.Future[None]] = deque()
        self._before_alone = 0
        """So many who wait for any slot come before the next one who wants to be alone."""

    @property
    def waiting(self) -> int:
        """Callers that wait now."""
        return len(self._want_alone) + sum(map(len, self._jobs.values()))

    async def take(self, job: str) -> None:
        """Wait for a slot and take it; it is given back by `give_back`."""
        if self.running < self.slots and not self._alone and not self._jobs and not self._want_alone:
            self.running += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._jobs.setdefault(job, deque()).append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            self._forget(turn, job)
            raise

    async def take_all(self) -> None:
        """Wait until nothing runs, then hold every slot; they are given back by one `give_back`."""
        turn = asyncio.get_running_loop().create_future()
        self._want_alone.append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back()
            elif turn in self._want_alone:
                self._want_alone.remove(turn)
                self._grant()
            raise

    def give_back(self) -> None:
        """Give back what one `take` or `take_all` took."""
        self.running -= 1
        self._alone = False
        self._grant()

    def _forget(self, turn: asyncio.Future[None], job: str) -> None:
        """Undo the wait of a caller that was cancelled, perhaps a moment after its turn had come."""
        queue = self._jobs.get(job)
        if not turn.cancelled():
            self.give_back()
        elif queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._jobs[job]
            self._grant()

    def _grant(self) -> None:
        while not self._alone:
            if self._want_alone and (self._before_alone <= 0 or not self._jobs):
                if self.running > 0:
                    return
                turn = self._want_alone.popleft()
                if not turn.cancelled():
                    self._alone = True
                    self.running = 1
                    self._before_alone = self.slots
                    turn.set_result(None)
                continue
            if not self._jobs or self.running >= self.slots:
                return
            job = next(iter(self._jobs))
            queue = self._jobs.pop(job)
            turn = queue.popleft()
            if queue:
                self._jobs[job] = queue
            if not turn.cancelled():
                self.running += 1
                self._before_alone -= 1
                turn.set_result(None)
