"""Sends what is stored to the workers. A message only says "look at this id": it may be lost, doubled or late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from solvent.workers.service_records import QueuedJob


class Dispatcher(Protocol):
    """A way to the workers. Everything is decided in the database; what could not be sent, the reaper finds there.

    Safe for concurrent use on one event loop. All raise `DependencyError` where the message could not be sent.
    """

    async def send_jobs(self, jobs: Sequence[QueuedJob]) -> None:
        """Say that these jobs may be advanced."""
        ...

    async def aclose(self) -> None:
        """Close the way; safe to call twice."""
        ...


class NoDispatcher:
    """Sends nothing: workers find jobs through the reaper."""

    async def send_jobs(self, jobs: Sequence[QueuedJob]) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""
