"""Celery on Redis, as this service uses it, and the messages that go through it.

No results, no chords, no groups, no retries: Celery only brings an id to a worker that is free. See
docs/decisions/0015-workers.md for what each setting is for.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from celery import Celery
from kombu import Queue
from kombu.exceptions import KombuError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from solvent.errors import DependencyError, boundary
from solvent.workers.messages import (
    ADVANCE_JOB,
    DISTILL,
    FORMAT,
    JOB_QUEUES,
    MAINTENANCE,
    MEMORY,
    NEXT,
    ORDINARY,
    QUEUES,
    REAP,
    RUN_TRAJECTORY,
    TRAJECTORIES,
    URGENT,
    priority,
)
from solvent.workers.service_records import QueuedJob

if TYPE_CHECKING:
    from celery.worker import WorkController

ANSWER_WAIT_S = 5.0
"""How long Redis may take to answer."""
SILENCE_S = 10
"""How long the answer to a request for messages may be late before the connection is taken for dead."""
VISIBILITY_S = 3600
"""After this time Redis gives a message that is not acknowledged to another worker, which finds the lease held and
lets it go. Work that died is found by its lease, long before."""


def make_app(redis_url: str) -> Celery:
    """Return the Celery application; nothing is connected yet."""
    app = Celery("solvent", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(name) for name in QUEUES],
        task_create_missing_queues=False,
        task_default_queue=MAINTENANCE,
        task_acks_late=True,
        task_acks_on_failure_or_timeout=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_S,
            "queue_order_strategy": "priority",
            "priority_steps": [URGENT, ORDINARY],
            "socket_connect_timeout": ANSWER_WAIT_S,
            "socket_timeout": ANSWER_WAIT_S,
            "socket_keepalive": True,
            "health_check_interval": SILENCE_S,
            "retry_on_timeout": False,
        },
    )
    return app


def connect_again(worker: WorkController) -> None:
    """Have a worker's consumer drop its connection and make a new one; called from any thread.

    What it had taken and not yet worked off goes back to the queue, and comes twice.
    """

    def lose() -> None:
        raise RedisConnectionError("messages wait and none of them came")

    # As a connection that breaks: the consumer's loop ends with it, and begins anew.
    worker.consumer.hub.call_soon(lose)


class CeleryMessages:
    """Messages through Celery; see `Messages` and `Dispatcher`.

    Args:
        app: see `make_app`; closed with this.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app

    async def send_jobs(self, jobs: Sequence[QueuedJob]) -> None:
        """See `Dispatcher.send_jobs`."""
        known = [(job.id, job.queue if job.queue in JOB_QUEUES else JOB_QUEUES[-1]) for job in jobs]
        await self._send(ADVANCE_JOB, [(id, queue, priority(queue)) for id, queue in known])

    async def send_trajectories(self, ids: Sequence[str], *, queue: str) -> None:
        """See `Messages.send_trajectories`."""
        await self._send(RUN_TRAJECTORY, [(id, TRAJECTORIES, priority(queue)) for id in ids])

    async def send_distillations(self, ids: Sequence[str]) -> None:
        """See `Messages.send_distillations`."""
        await self._send(DISTILL, [(id, MEMORY, ORDINARY) for id in ids])

    async def send_reap(self) -> None:
        """Have one worker look for lost work now, beside what each does by itself."""
        await self._send(REAP, [("", MAINTENANCE, URGENT)])

    async def waiting(self) -> Mapping[str, int]:
        """See `Messages.waiting`."""
        return await asyncio.to_thread(self._waiting)

    async def next_trajectories(self) -> Sequence[str]:
        """See `Messages.next_trajectories`."""
        return await asyncio.to_thread(self._next, TRAJECTORIES)

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        await asyncio.to_thread(self._app.close)

    async def _send(self, task: str, messages: Iterable[tuple[str, str, int]]) -> None:
        await asyncio.to_thread(self._publish, task, list(messages))

    def _publish(self, task: str, messages: Sequence[tuple[str, str, int]]) -> None:
        with (
            boundary(DependencyError, "send messages over Redis", RedisError, KombuError, OSError),
            self._app.producer_or_acquire() as producer,
        ):
            for id, queue, urgency in messages:
                self._app.send_task(
                    task, args=[id, FORMAT], queue=queue, priority=urgency, producer=producer, retry=False
                )

    def _waiting(self) -> dict[str, int]:
        with (
            boundary(DependencyError, "look into the queues on Redis", RedisError, KombuError, OSError),
            self._app.connection_or_acquire() as connection,
        ):
            channel = connection.default_channel
            # The public way, a passive declaration, takes an empty queue of Redis for one that is not there.
            return {queue: int(channel._size(queue)) for queue in QUEUES}

    def _next(self, queue: str) -> list[str]:
        with (
            boundary(DependencyError, "look into the queues on Redis", RedisError, KombuError, OSError),
            self._app.connection_or_acquire() as connection,
        ):
            channel = connection.default_channel
            lists = [channel._q_for_pri(queue, step) for step in channel.priority_steps]
            found = [raw for name in lists for raw in channel.client.lrange(name, -NEXT, -1)]
        return [id for raw in found if (id := id_of(raw)) is not None]


def id_of(message: str | bytes) -> str | None:
    """Return the id that a message in Redis brings; None for what was not written by this service. Pure."""
    try:
        [id, *_], *_ = json.loads(base64.b64decode(json.loads(message)["body"]))
    except (ValueError, TypeError, KeyError):
        return None
    return id if isinstance(id, str) else None
