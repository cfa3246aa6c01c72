"""Wakes whoever waits for something in the database, in this process or, over Redis, in any other.

A wake-up carries nothing: who is woken reads the database. So a wake-up that is lost delays, and changes nothing; who
waits does so with a limit and looks again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

EVERYBODY = "*"
"""Topic that wakes every listener; for what concerns many at once and is rare, such as the cancel of a batch."""


def job_topic(job_id: str) -> str:
    """Return the topic on which a job's events are announced."""
    return f"job:{job_id}"


def batch_topic(batch_id: str) -> str:
    """Return the topic on which the ends of a batch's jobs are announced."""
    return f"batch:{batch_id}"


class Listener:
    """Hears of one topic. What was announced since the last wait ended is not missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the wait, or the next one."""
        self._event.set()

    async def wait(self, at_most_s: float) -> bool:
        """Wait for a wake-up; returns False where none came in time."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeups(Protocol):
    """Topics to announce and to listen to. Safe for concurrent use on one event loop."""

    async def announce(self, topics: Iterable[str]) -> None:
        """Wake the listeners of these topics.

        Raises:
            DependencyError: the message could not be sent.
        """
        ...

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listener]:
        """Listen from the moment that the context is entered: what is announced afterwards wakes."""
        ...

    def wake_all(self) -> None:
        """Wake everybody in this process, as before its end."""
        ...

    async def ping(self) -> None:
        """Raise `DependencyError` where announcements cannot be heard now."""
        ...

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        ...


class Listeners:
    """The listeners of one process, by topic."""

    def __init__(self) -> None:
        self._of: defaultdict[str, set[Listener]] = defaultdict(set)

    @property
    def topics(self) -> list[str]:
        """Topics that someone listens to."""
        return list(self._of)

    def add(self, topic: str) -> tuple[Listener, bool]:
        """Return a new listener, and whether it is the topic's first."""
        listener = Listener()
        first = topic not in self._of
        self._of[topic].add(listener)
        return listener, first

    def remove(self, topic: str, listener: Listener) -> bool:
        """Forget a listener; returns whether it was the topic's last."""
        self._of[topic].discard(listener)
        if self._of[topic]:
            return False
        del self._of[topic]
        return True

    def wake(self, topic: str) -> None:
        """Wake those of a topic."""
        if topic == EVERYBODY:
            self.wake_all()
        for listener in self._of.get(topic, ()):
            listener.wake()

    def wake_all(self) -> None:
        """Wake everybody, after a time in which announcements may have been lost."""
        for topic in self.topics:
            self.wake(topic)


class LocalWakeups:
    """Within one process."""

    def __init__(self) -> None:
        self._listeners = Listeners()

    async def announce(self, topics: Iterable[str]) -> None:
        """Wake the listeners of these topics."""
        for topic in topics:
            self._listeners.wake(topic)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[Listener]:
        """Listen; see `Wakeups`."""
        listener, _ = self._listeners.add(topic)
        try:
            yield listener
        finally:
            self._listeners.remove(topic, listener)

    def wake_all(self) -> None:
        """Wake everybody."""
        self._listeners.wake_all()

    async def ping(self) -> None:
        """Nothing can be missing."""

    async def aclose(self) -> None:
        """Nothing to close."""
