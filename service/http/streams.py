"""Answers that last: events as they happen, results as they come."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import StreamingResponse
from starlette.types import Send

from solvent.errors import DependencyError
from solvent.service.http.door import Door
from solvent.workers.envelope import envelope_json
from solvent.workers.follow import follow_batch, follow_job
from solvent.workers.records import JobRecord
from solvent.workers.results import result_lines

HEARTBEAT_S = 15
SEND_WAIT_S = 60.0
"""How long a client may leave what it asked for unread; then it is dropped, and may come back."""
JSON_LINES = "application/x-ndjson"

_log = logging.getLogger(__name__)


def event_stream(door: Door, job_id: str, after: int) -> EventSourceResponse:
    """Return a job's events after a sequence number as server-sent events, until the job has ended."""
    return EventSourceResponse(
        _events(door, job_id, after),
        ping=HEARTBEAT_S,
        ping_message_factory=lambda: ServerSentEvent(comment="still here"),
        sep="\n",
        send_timeout=SEND_WAIT_S,
    )


async def _events(door: Door, job_id: str, after: int) -> AsyncIterator[ServerSentEvent]:
    with door.metrics.streams.labels("events").track_inprogress():
        try:
            async for stored in follow_job(door.store, door.wakeups, job_id, after=after, stop=door.closing):
                yield ServerSentEvent(envelope_json(stored), event=stored.event.type, id=str(stored.sequence))
        except DependencyError as error:
            # The stream ends without `job.finished`: clients come back with the id of the last event that they got.
            _log.warning("events of job %s break off: %s", job_id, error)


class Rows(StreamingResponse):
    """JSON lines. One that cannot be sent to its end breaks off, so that nobody takes it for whole."""

    async def stream_response(self, send: Send) -> None:
        """Send the rows; without the last chunk where something failed."""
        try:
            await super().stream_response(send)
        except DependencyError as error:
            _log.warning("results break off: %s", error)


def ended_rows(door: Door, batch_id: str, after: str) -> Rows:
    """Return the rows of a batch's jobs that have ended so far, in the order of their ends."""
    return Rows(_rows(door, door.store.batch_jobs(batch_id, ended_after=after)), media_type=JSON_LINES)


def ordered_rows(door: Door, batch_id: str) -> Rows:
    """Return the rows of all jobs of a batch in the batch's order, also of those that have not ended."""
    return Rows(_rows(door, door.store.batch_jobs(batch_id)), media_type=JSON_LINES)


def followed_rows(door: Door, batch_id: str, after: str) -> Rows:
    """Return the rows of a batch's jobs as they end, until all have."""

    async def jobs() -> AsyncIterator[JobRecord]:
        async for job in follow_batch(door.store, door.wakeups, batch_id, after=after, stop=door.closing):
            yield job
        if door.closing():
            raise DependencyError("the server ends")

    return Rows(_rows(door, jobs()), media_type=JSON_LINES)


async def _rows(door: Door, jobs: AsyncIterator[JobRecord]) -> AsyncIterator[bytes]:
    with door.metrics.streams.labels("results").track_inprogress():
        async for job in jobs:
            yield "".join(result_lines(job)).encode("utf-8", errors="surrogatepass")
