"""/v1/batches: what is asked of batches with a plan, and what one would take."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request

from solvent.service.http.auth import CallerOf, DoorOf
from solvent.service.http.batches import FILES, read_batch
from solvent.service.http.bodies import JSON, media_type, off_loop, read_body
from solvent.service.http.describe import body_of
from solvent.service.http.requests import BatchRequest
from solvent.service.plans import board, estimated, plan_report

router = APIRouter(prefix="/v1/batches", tags=["batches"])


@router.post("/estimate", openapi_extra=body_of(BatchRequest, files=FILES))
async def estimate(
    request: Request,
    door: DoorOf,
    caller: CallerOf,
    options: Annotated[str, Query(max_length=20_000, description="With a file: the other fields, as JSON.")] = "{}",
) -> dict[str, Any]:
    """Read and check a batch as if it were submitted, and return what it would take. Nothing is run or stored."""
    raw = await read_body(request, door.limits.body_bytes, types=FILES | {JSON})
    form = media_type(request)
    batch, jobs, _ = await off_loop(len(raw), lambda: read_batch(door, raw, options, is_file=form != JSON))
    return await estimated(door.settings, door.store, batch, jobs, project=caller.project)


@router.get("/{batch_id}/standings")
async def standings(
    batch_id: str,
    door: DoorOf,
    caller: CallerOf,
    unfreeze: Annotated[bool, Query(description="Show the rulings since the freeze.")] = False,
) -> dict[str, Any]:
    """Return the board of a contest as it stands. 404 where the batch is none."""
    return await board(door.store, await door.store.batch(batch_id, project=caller.project), unfreeze=unfreeze)


@router.get("/{batch_id}/report")
async def report(
    batch_id: str,
    door: DoorOf,
    caller: CallerOf,
    unfreeze: Annotated[bool, Query(description="Of a contest: show the rulings since the freeze.")] = False,
) -> dict[str, Any]:
    """Return what a batch's plan has come to so far: `allocation`, `benchmark` (pass@k) or `standings`."""
    return await plan_report(door.store, await door.store.batch(batch_id, project=caller.project), unfreeze=unfreeze)
