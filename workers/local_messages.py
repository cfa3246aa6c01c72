"""Messages within one process, for a service that runs embedded: no Redis, no Celery, the same ways through a job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from itertools import count, islice

from solvent.workers.messages import (
    ADVANCE_JOB,
    DISTILL,
    MEMORY,
    NEXT,
    ORDINARY,
    QUEUES,
    RUN_TRAJECTORY,
    TRAJECTORIES,
    Handler,
    priority,
)
from solvent.workers.service_records import QueuedJob

logger = logging.getLogger(__name__)


class LocalMessages:
    """Hands messages to tasks of this event loop, the urgent first; see `Messages`.

    Args:
        concurrency: most messages that are worked on at once.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._queue: asyncio.PriorityQueue[tuple[int, int, int, str, str, str]] = asyncio.PriorityQueue()
        self._waiting: dict[tuple[str, str], str] = {}
        self._numbers = count()
        self._workers: list[asyncio.Task[None]] = []
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def start(self, handlers: Mapping[str, Handler]) -> None:
        """Begin to work, with what handles each kind of message."""
        self._workers = [
            asyncio.create_task(self._work(handlers), name=f"worker {number}") for number in range(self._concurrency)
        ]

    async def send_jobs(self, jobs: Sequence[QueuedJob]) -> None:
        """See `Dispatcher.send_jobs`."""
        for job in jobs:
            self._put(ADVANCE_JOB, job.id, job.queue, priority(job.queue))

    async def send_trajectories(self, ids: Sequence[str], *, queue: str) -> None:
        """See `Messages.send_trajectories`."""
        for id in ids:
            self._put(RUN_TRAJECTORY, id, TRAJECTORIES, priority(queue))

    async def send_distillations(self, ids: Sequence[str]) -> None:
        """See `Messages.send_distillations`."""
        for id in ids:
            self._put(DISTILL, id, MEMORY, ORDINARY)

    async def waiting(self) -> Mapping[str, int]:
        """See `Messages.waiting`."""
        queues = list(self._waiting.values())
        return {queue: queues.count(queue) for queue in QUEUES}

    async def next_trajectories(self) -> Sequence[str]:
        """See `Messages.next_trajectories`."""
        return list(islice((id for task, id in self._waiting if task == RUN_TRAJECTORY), NEXT))

    async def finish(self, *, at_most_s: float) -> None:
        """Begin nothing more, and wait that long for what is worked on."""
        self._stopping.set()
        busy = {worker for worker in self._workers if worker in self._busy}
        if busy:
            await asyncio.wait(busy, timeout=at_most_s)

    async def aclose(self) -> None:
        """Cancel what is worked on, which hands its leases back; safe to call twice."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _put(self, task: str, id: str, queue: str, urgency: int) -> None:
        # One that waits already will look at whatever this one is about.
        if (task, id) not in self._waiting:
            self._waiting[task, id] = queue
            order = QUEUES.index(queue) if queue in QUEUES else len(QUEUES)
            self._queue.put_nowait((urgency, order, next(self._numbers), task, id, queue))

    async def _work(self, handlers: Mapping[str, Handler]) -> None:
        this = asyncio.current_task()
        assert this is not None
        while not self._stopping.is_set():
            *_, task, id, _ = await self._queue.get()
            del self._waiting[task, id]
            if self._stopping.is_set():
                return
            self._busy.add(this)
            try:
                await handlers[task](id)
            except Exception:  # a defect must not end this worker; the lease lapses
                logger.exception("%s of %s failed by a defect", task, id)
            finally:
                self._busy.discard(this)
