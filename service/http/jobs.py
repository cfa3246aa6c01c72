"""/v1/jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from starlette.requests import Request

from solvent.service.http.answers import (
    CancelAnswer,
    JobAnswer,
    JobPage,
    JobsAnswer,
    RetryAnswer,
    job_answer,
)
from solvent.service.http.auth import Caller, CallerOf, DoorOf
from solvent.service.http.bodies import as_form, load, off_loop, read_body
from solvent.service.http.describe import body_of
from solvent.service.http.door import Door
from solvent.service.http.errors import ApiError
from solvent.service.http.idempotency import REPLAYED, IdempotencyKey, digest
from solvent.service.http.intake import many_jobs, one_job, too_many
from solvent.service.http.requests import JobRequest, JobsRequest
from solvent.service.http.streams import event_stream
from solvent.workers.records import ENDED, JobRecord
from solvent.workers.service_records import QueuedJob
from solvent.workers.wakeups import job_topic

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
QUEUE = "interactive"
"""One problem, which somebody waits for."""


@router.post("", status_code=201, openapi_extra=body_of(JobRequest, JobsRequest))
async def submit(
    request: Request, response: Response, door: DoorOf, caller: CallerOf, key: IdempotencyKey
) -> JobAnswer | JobsAnswer:
    """Submit one job, or many with `{"jobs": [...]}`."""
    raw = await read_body(request, door.limits.body_bytes)
    jobs, many, priority = await off_loop(len(raw), lambda: _read(door, raw))
    found = await off_loop(len(raw), lambda: digest("jobs", raw))
    stored = await door.store.submit(
        jobs,
        key_id=caller.key_id,
        queue=QUEUE,
        priority=priority,
        idempotency_key=key,
        request_digest=found,
        refusal=await caller.refusal(door),
    )
    if stored[0].id == jobs[0].id:
        door.metrics.accepted.inc(len(stored))
        door.send([QueuedJob(job.id, QUEUE) for job in stored if job.status not in ENDED])
    else:
        response.headers.update(REPLAYED)
    if many:
        return JobsAnswer(data=[job_answer(job) for job in stored])
    response.headers["Location"] = f"/v1/jobs/{stored[0].id}"
    return job_answer(stored[0], with_problem=True)


def _read(door: Door, raw: bytes) -> tuple[list[JobRecord], bool, int]:
    value = load(raw)
    if not (isinstance(value, dict) and "jobs" in value):
        single = as_form(value, JobRequest)
        return [one_job(door.settings, single)], False, single.priority
    several = as_form(value, JobsRequest)
    if len(several.jobs) > door.limits.rows:
        raise too_many(door.limits.rows)
    return many_jobs(door.settings, several.jobs), True, several.priority


@router.get("")
async def newest(
    door: DoorOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> JobPage:
    """List the newest jobs, newest first."""
    found = await door.store.recent(project=caller.project, limit=limit + 1, before=cursor)
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    return JobPage(data=[job_answer(job) for job in page], next=following)


@router.get("/{job_id}")
async def show(job_id: str, door: DoorOf, caller: CallerOf) -> JobAnswer:
    """Return a job as it stands; with its answer, evidence and grade once it has ended."""
    return job_answer(await _job(door, caller, job_id), with_problem=True)


@router.post("/{job_id}/cancel", status_code=202)
async def cancel(job_id: str, door: DoorOf, caller: CallerOf) -> CancelAnswer:
    """Ask a job to stop. What it has so far is kept; one that has ended stays as it is."""
    job = await _job(door, caller, job_id)
    stopping = await door.store.cancel(job_id=job_id)
    if stopping:
        await door.announce([job_topic(job_id)])
        # One that is begun, and that nobody holds at the moment, is ended by whoever gets this.
        door.send([QueuedJob(job_id, job.queue)])
    return CancelAnswer(id=job_id, stopping=stopping)


@router.post("/{job_id}/retry", status_code=202)
async def retry(job_id: str, door: DoorOf, caller: CallerOf) -> RetryAnswer:
    """Queue a failed, cancelled or expired job again; it goes on from what it has."""
    await _job(door, caller, job_id)
    queued = await door.store.retry(job_id=job_id)
    door.send(queued)
    return RetryAnswer(id=job_id, queued=len(queued))


@router.get(
    "/{job_id}/events",
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Events; `id` is the sequence number."},
        204: {"description": "The job has ended, and there is nothing after what you have: do not come back."},
    },
)
async def events(
    job_id: str,
    door: DoorOf,
    caller: CallerOf,
    after: Annotated[int, Query(ge=0, description="Sequence number of the last event that you have.")] = 0,
    last_event_id: Annotated[str | None, Header(description="The same, as browsers send it.")] = None,
) -> Response:
    """Stream a job's events from its beginning or from where you were, until it has ended."""
    job = await _job(door, caller, job_id)
    if last_event_id is not None:
        if not (last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) < 19):
            raise ApiError(400, "invalid_request", "Last-Event-ID is no number of an event", field="Last-Event-ID")
        # A client that comes back by itself still has the first `after` in its URL.
        after = max(after, int(last_event_id))
    if after and job.status in ENDED and not await door.store.events(job_id, after=after, limit=1):
        return Response(status_code=204)
    return event_stream(door, job_id, after)


async def _job(door: Door, caller: Caller, job_id: str) -> JobRecord:
    return await door.store.job(job_id, project=caller.project)
