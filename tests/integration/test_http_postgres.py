"""The HTTP door over PostgreSQL and Redis, where writers are truly at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from http_door import STDIO, open_test_door, some_events
from servers import RedisServer

from solvent.agents.events import Event
from solvent.workers.database import open_service_store
from solvent.workers.event_log import EventLog, joined
from solvent.workers.redis_wakeups import RedisWakeups

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
JOBS = 8


async def test_many_at_once(postgres_url: str, redis_server: RedisServer, tmp_path: Path) -> None:
    wakeups = RedisWakeups(redis_server.url)
    elsewhere = await open_service_store(postgres_url)
    announcing = [RedisWakeups(redis_server.url) for _ in range(2)]
    try:
        async with open_test_door(postgres_url, tmp_path, keyless=True, wakeups=wakeups) as running:
            async with running.client() as http:
                headers = {"idempotency-key": "once"}
                batch = {"problems": [STDIO | {"id": f"p{place}"} for place in range(JOBS)]}
                answers = await asyncio.gather(
                    *(http.post("/v1/batches", json=batch, headers=headers) for _ in range(5))
                )
                (batch_id,) = {answer.json()["id"] for answer in answers}
                ids = [job.id async for job in running.store.batch_jobs(batch_id)]
                assert len(ids) == JOBS
                following = asyncio.create_task(http.get(f"/v1/batches/{batch_id}/results?follow=true"))
                watching = asyncio.create_task(http.get(f"/v1/jobs/{ids[0]}/events"))
                # Two workers write into one job's log, elsewhere.
                events = some_events(ids[0], 40)
                parts: list[list[Event]] = [events[:20], events[20:]]
                logs = [EventLog(elsewhere, one) for one in announcing]
                for log, part in zip(logs, parts, strict=True):
                    for event in part:
                        log.emit(event)
                await asyncio.gather(*(log.aclose() for log in logs))
                await asyncio.gather(*map(running.end, ids))
                rows = [json.loads(line) for line in (await following).text.splitlines()]
                data = [line[6:] for line in (await watching).text.splitlines() if line.startswith("data: ")]
            assert sorted(row["job_id"] for row in rows) == sorted(ids)
            found = [json.loads(text) for text in data]
            assert [one["sequence"] for one in found] == list(range(1, len(found) + 1))
            assert found[-1]["event"]["type"] == "job.finished"
            told = [one["event"] for one in found[:-1]]
            for part in parts:
                expected = [event.model_dump(mode="json") for event in joined(part)]
                assert [event for event in told if event in expected] == expected, "each worker's own order is kept"
            assert len(told) == sum(len(joined(part)) for part in parts)
    finally:
        for one in announcing:
            await one.aclose()
        await elsewhere.aclose()
