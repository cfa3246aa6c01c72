"""/live, /ready and /metrics: for what runs and watches the service. They need no key and tell of no job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from solvent import __version__
from solvent.errors import DependencyError
from solvent.service.http.auth import DoorOf
from solvent.service.http.metrics import CONTENT_TYPE
from solvent.workers.wakeups import LocalWakeups

router = APIRouter(tags=["health"])
ANSWER_WAIT_S = 3.0


@router.get("/live")
async def live() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok", "version": __version__}


@router.get("/ready")
async def ready(door: DoorOf) -> JSONResponse:
    """Say whether requests can be served: 503 while the database does not answer, or the process is ending.

    Where Redis is used and does not answer, requests are served (`degraded`): messages wait for the reaper, and streams
    look again by themselves.
    """
    database, redis = await asyncio.gather(_state(door.store.ping()), _state(door.wakeups.ping()))
    if isinstance(door.wakeups, LocalWakeups):
        redis = "unused"
    ending = door.closing()
    status = "unavailable" if ending or database != "ok" else "degraded" if redis == "no answer" else "ok"
    body = {"status": status, "database": database, "redis": redis, "ending": ending, "version": __version__}
    return JSONResponse(body, 503 if status == "unavailable" else 200)


async def _state(work: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(ANSWER_WAIT_S):
            await work
    except (DependencyError, TimeoutError):
        return "no answer"
    return "ok"


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(door: DoorOf) -> Response:
    """Return this process's counts and the database's, as Prometheus text."""
    try:
        async with asyncio.timeout(ANSWER_WAIT_S):
            gauges = {**await door.store.gauges(), "database_up": 1.0}
    except (DependencyError, TimeoutError):
        gauges = {"database_up": 0.0}
    more = b"" if door.worker_metrics is None else door.worker_metrics()
    return Response(door.metrics.text(gauges) + more, headers={"Content-Type": CONTENT_TYPE})
