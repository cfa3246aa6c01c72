"""What all routes share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request

from solvent.errors import DependencyError
from solvent.service.http.artifact_reading import Artifacts
from solvent.service.http.day_budgets import DayBudgets
from solvent.service.http.metrics import Metrics
from solvent.settings import Settings
from solvent.workers.dispatch import Dispatcher
from solvent.workers.service_records import QueuedJob
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import Wakeups

if TYPE_CHECKING:
    from solvent.workers.concept_memory import ConceptMemory

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What a request may bring.

    Attributes:
        body_bytes: Size of its body.
        rows: Problems in it.
    """

    body_bytes: int = 64 << 20
    rows: int = 50_000


@dataclass
class Door:
    """Everything that the routes work with; `aclose` ends what they have begun, and closes none of the parts.

    Attributes:
        settings: of this process; say which models and strategies there are.
        store: of the service.
        wakeups: on which events are announced.
        dispatcher: the way to the workers.
        keyless: whether whoever can connect may do everything; only where no other machine can.
        limits: see there.
    """

    settings: Settings
    store: ServiceStore
    wakeups: Wakeups
    dispatcher: Dispatcher
    keyless: bool = False
    limits: Limits = field(default_factory=Limits)
    day_budgets: DayBudgets | None = None
    """Refuses jobs of keys whose day is spent; None: they are taken, and end as exhausted."""
    artifacts: Artifacts | None = None
    """Gives out artifacts; None: there are none here."""
    memory: Callable[[], Awaitable[ConceptMemory]] | None = None
    """Opens the concept memory, once; None: there is none here."""
    worker_metrics: Callable[[], bytes] | None = None
    """Returns what the worker in this process counts, where there is one."""
    metrics: Metrics = field(default_factory=Metrics)
    _closing: bool = False
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def send(self, jobs: Sequence[QueuedJob]) -> None:
        """Send jobs to the workers, behind the answer; a message that is lost is sent again by the reaper."""
        if jobs:
            self._begin(self._send(jobs))

    def send_next(self) -> None:
        """Send the jobs of batches whose turn it is; the others follow as these end."""

        async def send() -> None:
            try:
                settings = self.settings
                await self._send(
                    await self.store.next_jobs(outstanding=settings.outstanding_jobs, unseen_s=settings.unseen_s)
                )
            except DependencyError as error:
                _log.warning("jobs of batches wait for the reaper: %s", error)

        self._begin(send())

    async def announce(self, topics: Iterable[str]) -> None:
        """Wake watchers; where that fails they look again by themselves."""
        try:
            await self.wakeups.announce(topics)
        except DependencyError as error:
            _log.warning("watchers wait for their next look: %s", error)

    def closing(self) -> bool:
        """Whether streams are to end, so that the process can."""
        return self._closing

    def begin_close(self) -> None:
        """Let streams end where they are; their readers go on elsewhere from there."""
        self._closing = True
        self.wakeups.wake_all()

    async def aclose(self) -> None:
        """End the streams and wait for messages that are being sent."""
        self.begin_close()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="send jobs")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, jobs: Sequence[QueuedJob]) -> None:
        try:
            await self.dispatcher.send_jobs(jobs)
        except DependencyError as error:
            self.metrics.unsent.inc(len(jobs))
            _log.warning("%d jobs wait for the reaper: %s", len(jobs), error)


def door_of(request: Request) -> Door:
    """Return the door of the application that a request came to."""
    door = request.app.state.door
    assert isinstance(door, Door)
    return door
