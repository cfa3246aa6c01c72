"""The Celery tasks of a worker process: each hands an id to the event loop and waits until that is done with it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from celery.exceptions import Reject
from celery.worker.request import Request

from solvent.workers.celery_app import CeleryMessages, make_app
from solvent.workers.consumer_watch import Traffic
from solvent.workers.messages import ADVANCE_JOB, DISTILL, FORMAT, REAP, RUN_TRAJECTORY, Handler

if TYPE_CHECKING:
    from celery import Celery

    from solvent.settings import Settings
    from solvent.workers.loop import LoopThread

REFUSAL_PAUSE_S = 1.0
"""How long a message that cannot be read here is kept from coming back at once."""

logger = logging.getLogger(__name__)


class Bridge:
    """From Celery's threads to the event loop.

    Args:
        loop: of the process.
        handlers: what each kind of message is handled by.
        stopping: set when the process is to stop: what comes then is handed back.
        traffic: counts what comes.
    """

    def __init__(
        self, loop: LoopThread, handlers: dict[str, Handler], stopping: threading.Event, traffic: Traffic
    ) -> None:
        self._loop = loop
        self._handlers = handlers
        self._stopping = stopping
        self._traffic = traffic

    def handle(self, task: str, id: str, format: int) -> None:
        """Handle a message; returns when the work is done, and the message may be forgotten.

        Raises:
            Reject: another worker is to have it: this one stops, or does not know its format.
        """
        with self._traffic.message():
            self._handle(task, id, format)

    def _handle(self, task: str, id: str, format: int) -> None:
        if format > FORMAT:
            logger.warning("a message of format %d is left to a newer worker", format)
            self._stopping.wait(REFUSAL_PAUSE_S)
            raise Reject(f"format {format} is not known here", requeue=True)
        if self._stopping.is_set():
            raise Reject("this worker stops", requeue=True)
        try:
            self._loop.run(self._handlers[task](id))
        except CancelledError:
            raise Reject("this worker stops", requeue=True) from None


def add_tasks(app: Celery, bridge: Bridge, traffic: Traffic) -> None:
    """Register the tasks that the bridge handles. Further arguments of later versions are ignored.

    Args:
        app: which gets them.
        bridge: handles them.
        traffic: counts the messages that could not be acknowledged.
    """

    class Counted(Request):  # type: ignore[misc]  # Celery has no types
        def acknowledge(self) -> None:
            super().acknowledge()
            self._count()

        def reject(self, requeue: bool = False) -> None:
            super().reject(requeue)
            self._count()

        def _count(self) -> None:
            # Celery logs that it could not, and goes on as if it could.
            if not self.message.acknowledged:
                traffic.ack_lost()

    for name in (ADVANCE_JOB, RUN_TRAJECTORY, DISTILL, REAP):
        app.task(name=name, Request=Counted)(_task(bridge, name))


def _task(bridge: Bridge, name: str) -> Callable[..., None]:
    def task(id: str, format: int, *_: object, **__: object) -> None:
        bridge.handle(name, id, format)

    return task


def celery_dispatcher(settings: Settings) -> CeleryMessages:
    """Return the way to the workers of these settings; nothing is connected yet."""
    return CeleryMessages(make_app(settings.redis_url))
