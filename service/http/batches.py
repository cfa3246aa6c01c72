"""/v1/batches."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from starlette.requests import Request

from solvent.errors import NotFound
from solvent.service.http.answers import BatchAnswer, BatchPage, CancelAnswer, RetryAnswer, batch_answer
from solvent.service.http.auth import Caller, CallerOf, DoorOf
from solvent.service.http.bodies import JSON, as_form, load, media_type, off_loop, read_body
from solvent.service.http.describe import body_of
from solvent.service.http.door import Door
from solvent.service.http.errors import ApiError
from solvent.service.http.idempotency import REPLAYED, IdempotencyKey, digest
from solvent.service.http.intake import new_batch, rows_of_file, rows_of_list, too_many
from solvent.service.http.requests import BatchOptions, BatchRequest
from solvent.service.http.streams import JSON_LINES, Rows, ended_rows, followed_rows, ordered_rows
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.wakeups import EVERYBODY, batch_topic

router = APIRouter(prefix="/v1/batches", tags=["batches"])
QUEUE = "batch"
FILES = frozenset({JSON_LINES, "application/jsonl", "application/zip", "application/yaml", "text/markdown"})


@router.post("", status_code=201, openapi_extra=body_of(BatchRequest, files=FILES))
async def submit(
    request: Request,
    response: Response,
    door: DoorOf,
    caller: CallerOf,
    key: IdempotencyKey,
    options: Annotated[str, Query(max_length=20_000, description="With a file: the other fields, as JSON.")] = "{}",
) -> BatchAnswer:
    """Submit many problems under one budget: as JSON, or as a file in any format that `solvent batch run` reads."""
    raw = await read_body(request, door.limits.body_bytes, types=FILES | {JSON})
    form = media_type(request)
    batch, jobs, priority = await off_loop(len(raw), lambda: read_batch(door, raw, options, is_file=form != JSON))
    found = await off_loop(len(raw), lambda: digest("batches", form, options, raw))
    stored = await door.store.submit(
        jobs,
        batch=batch,
        key_id=caller.key_id,
        queue=QUEUE,
        priority=priority,
        idempotency_key=key,
        request_digest=found,
        refusal=await caller.refusal(door),
    )
    batch_id = stored[0].batch_id or batch.id
    if batch_id == batch.id:
        door.metrics.accepted.inc(len(stored))
        door.send_next()
    else:
        response.headers.update(REPLAYED)
    response.headers["Location"] = f"/v1/batches/{batch_id}"
    return await _answer(door, await _batch(door, caller, batch_id))


def read_batch(door: Door, raw: bytes, options: str, *, is_file: bool) -> tuple[BatchRecord, list[JobRecord], int]:
    """Return the batch of a request, its jobs and their priority.

    Raises:
        ApiError: the request is not what the interface takes.
        ConfigError: there is no such strategy, parameter, model or role.
        DataError: there is no problem in it.
    """
    most = door.limits.rows
    if is_file:
        chosen = as_form(load(options.encode()), BatchOptions)
        return *new_batch(door.settings, chosen, rows_of_file(raw), most), chosen.priority
    form = as_form(load(raw), BatchRequest)
    if len(form.problems) > most:
        raise too_many(most)
    return *new_batch(door.settings, form, rows_of_list(form.problems), most), form.priority


@router.get("")
async def newest(
    door: DoorOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> BatchPage:
    """List the newest batches, newest first."""
    found = await door.store.recent_batches(project=caller.project, limit=limit + 1, before=cursor)
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    return BatchPage(data=[await _answer(door, batch) for batch in page], next=following)


@router.get("/{batch_id}")
async def show(batch_id: str, door: DoorOf, caller: CallerOf) -> BatchAnswer:
    """Return how a batch stands."""
    return await _answer(door, await _batch(door, caller, batch_id))


@router.post("/{batch_id}/cancel", status_code=202)
async def cancel(batch_id: str, door: DoorOf, caller: CallerOf) -> CancelAnswer:
    """Ask all jobs of a batch to stop. What they have so far is kept; those that have ended stay as they are."""
    await _batch(door, caller, batch_id)
    stopping = await door.store.cancel(batch_id=batch_id)
    await door.announce([batch_topic(batch_id), EVERYBODY])
    return CancelAnswer(id=batch_id, stopping=stopping)


@router.post("/{batch_id}/retry", status_code=202)
async def retry(batch_id: str, door: DoorOf, caller: CallerOf) -> RetryAnswer:
    """Queue the failed, cancelled and expired jobs of a batch again."""
    await _batch(door, caller, batch_id)
    queued = await door.store.retry(batch_id=batch_id)
    door.send_next()
    return RetryAnswer(id=batch_id, queued=len(queued))


@router.get(
    "/{batch_id}/results",
    response_class=Response,
    responses={200: {"content": {JSON_LINES: {}}, "description": "One JSON object per line and job."}},
)
async def results(
    batch_id: str,
    door: DoorOf,
    caller: CallerOf,
    follow: Annotated[bool, Query(description="Go on as jobs end, until all have.")] = False,
    after: Annotated[str, Query(max_length=200, description="Job of the last row that you have.")] = "",
    order: Annotated[
        Literal["ended", "batch"], Query(description="`batch`: all jobs in the batch's order, ended or not.")
    ] = "ended",
) -> Rows:
    """Stream the results: those there are, or with `follow` all as they come."""
    await _batch(door, caller, batch_id)
    if order == "batch":
        if follow or after:
            raise ApiError(422, "invalid_request", "order: `batch` goes without follow and after", field="order")
        return ordered_rows(door, batch_id)
    if after and (await door.store.job(after, project=caller.project)).batch_id != batch_id:
        raise NotFound(f"no job {after!r} in batch {batch_id!r}")
    return followed_rows(door, batch_id, after) if follow else ended_rows(door, batch_id, after)


async def _batch(door: Door, caller: Caller, batch_id: str) -> BatchRecord:
    return await door.store.batch(batch_id, project=caller.project)


async def _answer(door: Door, batch: BatchRecord) -> BatchAnswer:
    return batch_answer(batch, await door.store.batch_counts(batch.id))
