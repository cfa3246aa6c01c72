"""Events of a later version, through a server and to a client that do not know them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from http_door import STDIO, RunningDoor, open_test_door
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.events import JobFinished, OpaqueEvent, PhaseEntered
from solvent.errors import ConfigError
from solvent.service.client import Client
from solvent.workers.envelope import EventEnvelope
from solvent.workers.sql.engine import Database
from solvent.workers.tables import event, job


@pytest_asyncio.fixture
async def door(service_url: str, tmp_path: Path) -> AsyncIterator[RunningDoor]:
    async with open_test_door(service_url, tmp_path, keyless=True) as running:
        yield running


async def append(url: str, job_id: str, bodies: list[dict[str, object]], *, version: int = 1) -> None:
    """Write events as a later version would."""
    database = Database(url)

    async def work(connection: AsyncConnection) -> None:
        for number, body in enumerate(bodies, start=1):
            row = {"job_id": job_id, "sequence": number, "version": version, "type": body["type"], "time": 1.0}
            await connection.execute(insert(event).values(**row, body=json.dumps(body)))
        await connection.execute(update(job).where(job.c.id == job_id).values(last_event=len(bodies)))

    try:
        await database.write("append events", work)
    finally:
        await database.aclose()


async def events(door: RunningDoor, job_id: str) -> list[EventEnvelope]:
    def read() -> list[EventEnvelope]:
        with Client(door.url) as client:
            return list(client.events(job_id))

    return await asyncio.to_thread(read)


async def test_they_pass_through_and_the_others_are_read(door: RunningDoor, service_url: str) -> None:
    async with door.client() as client:
        job_id = (await client.post("/v1/jobs", json={"problem": STDIO})).json()["id"]
        newer: list[dict[str, object]] = [
            {"type": "job.paused", "job_id": job_id, "why": ["a", {"b": 1.5}]},
            {"type": "phase", "job_id": job_id, "trajectory": "t1", "phase": "solve", "gpu": 3},
            {"type": "phase", "job_id": job_id, "trajectory": "t1", "phase": "ponder"},
        ]
        await append(service_url, job_id, newer)
        await door.end(job_id)
        text = (await client.get(f"/v1/jobs/{job_id}/events")).text
    sent = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    assert [one["event"] for one in sent[:3]] == newer
    assert [one["sequence"] for one in sent] == [1, 2, 3, 4]
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert names == ["job.paused", "phase", "phase", "job.finished"]
    read = [one.event for one in await events(door, job_id)]
    assert [type(one) for one in read] == [OpaqueEvent, PhaseEntered, OpaqueEvent, JobFinished]


async def test_a_form_that_would_be_misread_is_passed_on_as_that_form(door: RunningDoor, service_url: str) -> None:
    async with door.client() as client:
        job_id = (await client.post("/v1/jobs", json={"problem": STDIO})).json()["id"]
    await append(service_url, job_id, [{"type": "phase", "job_id": job_id, "phase": "solve"}], version=2)
    await door.end(job_id)
    with pytest.raises(ConfigError, match="form 2"):
        await events(door, job_id)


async def test_a_result_with_fields_of_a_later_version_is_shown_without_them(
    door: RunningDoor, service_url: str
) -> None:
    from solvent.workers.tables import job_content

    async with door.client() as client:
        job_id = (await client.post("/v1/jobs", json={"problem": STDIO})).json()["id"]
        result = await door.end(job_id)
        written = result.model_dump(mode="json")
        written["energy_j"] = 12
        written["evidence"]["proofs"] = ["x"]
        database = Database(service_url)

        async def work(connection: AsyncConnection) -> None:
            changed = update(job_content).where(job_content.c.job_id == job_id)
            await connection.execute(changed.values(result=json.dumps(written)))

        await database.write("write as a later version", work)
        await database.aclose()
        shown = (await client.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["status"], shown["answer"]["text"]) == ("completed", "print(int(input()) + 3)")
    assert "energy_j" not in shown
