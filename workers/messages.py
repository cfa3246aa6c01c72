"""What is sent to workers: names, queues and priorities. A message is an id and a format, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from solvent.workers.dispatch import Dispatcher

FORMAT = 1
"""Format of the messages; a worker hands one of a later format back."""

INTERACTIVE, BATCH, TRAJECTORIES, MEMORY, MAINTENANCE = "interactive", "batch", "trajectories", "memory", "maintenance"
QUEUES = (MAINTENANCE, INTERACTIVE, TRAJECTORIES, BATCH, MEMORY)
"""In the order in which a worker that is free looks into them: what was begun goes before what was not."""
JOB_QUEUES = (INTERACTIVE, BATCH)

ADVANCE_JOB, RUN_TRAJECTORY, REAP = "solvent.advance_job", "solvent.run_trajectory", "solvent.reap"
DISTILL = "solvent.distill"

URGENT, ORDINARY = 0, 6
"""Priorities in Redis, where the smallest is the first. Across all queues, an urgent message goes first."""

UNSEEN_S = 30.0
"""Age of a message from which on it counts as lost, where its queue is empty."""
UNSEEN_BEHIND_OTHERS_S = 600.0
"""The same where messages wait: it may well be one of them. One about a trajectory is known better: see
`ServiceStore.due`."""

Handler = Callable[[str], Coroutine[Any, Any, None]]
"""What is done with the id that a message names."""


class Messages(Dispatcher, Protocol):
    """A way to the workers that workers have themselves."""

    async def send_trajectories(self, ids: Sequence[str], *, queue: str) -> None:
        """Say that these trajectories (`JOB/NAME`) may be run; `queue` is that of their job.

        Raises:
            DependencyError: the message could not be sent.
        """
        ...

    async def send_distillations(self, ids: Sequence[str]) -> None:
        """Say that what these jobs taught may be distilled.

        Raises:
            DependencyError: the message could not be sent.
        """
        ...

    async def waiting(self) -> Mapping[str, int]:
        """Return how many messages wait in each queue.

        Raises:
            DependencyError: that cannot be told.
        """
        ...

    async def next_trajectories(self) -> Sequence[str]:
        """Return the trajectories of some messages that are taken next, of each priority those that waited longest.

        Raises:
            DependencyError: that cannot be told.
        """
        ...


NEXT = 50
"""So many of the next messages are looked at: a single one may be an old copy of one that was sent again."""


def priority(queue: str) -> int:
    """Return the priority of messages about a job of this queue. Pure."""
    return URGENT if queue in (INTERACTIVE, MAINTENANCE) else ORDINARY


def unseen_s(waiting: Mapping[str, int], *queues: str) -> float:
    """Return from what age on a message counts as lost, given what waits in these queues (by default, jobs'). Pure.

    Sending a second message for each of 100,000 jobs that wait in a queue would only make it longer.
    """
    behind = any(waiting.get(queue, 0) for queue in queues or (*JOB_QUEUES, TRAJECTORIES))
    return UNSEEN_BEHIND_OTHERS_S if behind else UNSEEN_S
