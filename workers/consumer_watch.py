"""Notices that a worker is given no messages any more, though some wait and it has room, and has it connect again.

A consumer can go deaf without an error: its process lives, its connection looks open, and nothing reads from it. Celery
and kombu mended several causes of that (celery issues 8030, 10205, 10302, kombu issues 2492 and 2629), one after the
other, so this asks for no cause: only whether what should come comes.

One cause is known beforehand: a message whose acknowledgement did not reach Redis counts as not worked off for as long
as the connection lasts, and Celery only logs it. With as many of them as the consumer may hold it asks for nothing
more, and so never hears that its connection was lost.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum

from solvent.errors import DependencyError
from solvent.workers.messages import Messages

LOOK_S = 5.0
"""Time between two looks."""
PATIENCE_S = 20.0
"""For how long messages wait in vain before the worker connects again. Another worker may well take those that it is
seen to leave, so they must wait all that time; connecting again in error costs some messages that come twice."""
MOST_TRIES = 3
"""How often it connects again before it gives up."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What is seen of a consumer at one moment."""

    at: float
    """Monotonic time in seconds."""
    waiting: bool
    """Whether messages wait in the queues that it reads."""
    has_room: bool
    """Whether it could work on one more."""
    received: int
    """How many messages it was given since it started."""
    acks_lost: int = 0
    """How many of them it could not acknowledge."""
    answers: bool = True
    """Whether Redis does."""


class Remedy(Enum):
    """What is to be done about it."""

    NONE = "none"
    CONNECT_AGAIN = "connect again"
    GIVE_UP = "give up"


class Deafness:
    """Judges looks, one after the other. Pure but for what it remembers.

    Args:
        patience_s: see `PATIENCE_S`.
        most_tries: see `MOST_TRIES`.
    """

    def __init__(self, patience_s: float = PATIENCE_S, most_tries: int = MOST_TRIES) -> None:
        self._patience_s = patience_s
        self._most_tries = most_tries
        self._received = -1
        self._since = 0.0
        self._tries = 0
        self._acks_lost = 0

    def judge(self, look: Look) -> Remedy:
        """Return what is to be done after this look."""
        if look.answers and look.acks_lost != self._acks_lost:
            self._acks_lost = look.acks_lost
            self._since = look.at
            return Remedy.CONNECT_AGAIN
        if look.received != self._received:
            self._received = look.received
            self._since = look.at
            self._tries = 0
        elif not look.waiting or not look.has_room:
            self._since = look.at
        elif look.at - self._since >= self._patience_s:
            self._since = look.at
            self._tries += 1
            return Remedy.CONNECT_AGAIN if self._tries <= self._most_tries else Remedy.GIVE_UP
        return Remedy.NONE


class Traffic:
    """What goes through a worker's consumer; counted by Celery's threads."""

    def __init__(self) -> None:
        self.received = 0
        self.busy = 0
        self.acks_lost = 0
        self._lock = threading.Lock()

    @contextmanager
    def message(self) -> Iterator[None]:
        """Count a message that was given to this process, and that it is worked on until the context ends."""
        with self._lock:
            self.received += 1
            self.busy += 1
        try:
            yield
        finally:
            with self._lock:
                self.busy -= 1

    def ack_lost(self) -> None:
        """Count a message that was worked off, of which Redis could not be told."""
        with self._lock:
            self.acks_lost += 1


async def watch_consumer(
    messages: Messages,
    traffic: Traffic,
    *,
    queues: Sequence[str],
    concurrency: int,
    connect_again: Callable[[], object],
    give_up: Callable[[], object],
    stopping: Callable[[], bool],
    look_s: float = LOOK_S,
    deafness: Deafness | None = None,
) -> None:
    """Look again and again, until cancelled, until the process is to stop, or until it gave up.

    Args:
        messages: where what waits is counted; while Redis does not answer nothing waits.
        traffic: of this process.
        queues: that the consumer reads.
        concurrency: most messages that are worked on at once.
        connect_again: has the consumer drop its connection and make a new one.
        give_up: has the process stop.
        stopping: whether it is to stop anyway: then it takes no messages on purpose.
        look_s: see `LOOK_S`.
        deafness: judges; by default with this module's patience.
    """
    loop = asyncio.get_running_loop()
    deafness = deafness or Deafness()
    while True:
        await asyncio.sleep(look_s)
        waiting: Mapping[str, int] | None = None
        with suppress(DependencyError):
            waiting = await messages.waiting()
        if stopping():
            return
        look = Look(
            loop.time(),
            waiting=waiting is not None and any(waiting.get(queue, 0) for queue in queues),
            has_room=traffic.busy < concurrency,
            received=traffic.received,
            acks_lost=traffic.acks_lost,
            answers=waiting is not None,
        )
        remedy = deafness.judge(look)
        if remedy is Remedy.CONNECT_AGAIN:
            logger.warning("messages do not come here, or cannot be acknowledged: connecting to Redis again")
            connect_again()
        elif remedy is Remedy.GIVE_UP:
            logger.error("messages wait and none of them comes here, also on new connections: this worker stops")
            give_up()
            return
