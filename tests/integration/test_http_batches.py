"""Batches over HTTP: results as they come, files as they are, cancel and retry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from http_door import MATH, STDIO, RunningDoor, open_test_door

from solvent.errors import StoreError
from solvent.workers.results import result_row

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDoor]:
    home = tmp_path_factory.mktemp("home")
    async with open_test_door(f"sqlite:///{home / 'service.sqlite'}", home, keyless=True) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def http(running: RunningDoor) -> AsyncIterator[httpx2.AsyncClient]:
    async with running.client() as client:
        yield client


def problems(number: int) -> list[dict[str, Any]]:
    return [STDIO | {"id": f"p{place}"} for place in range(number)]


async def submitted(http: httpx2.AsyncClient, items: list[Any], **fields: Any) -> dict[str, Any]:
    answer = await http.post("/v1/batches", json={"problems": items, **fields})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == f"/v1/batches/{body['id']}"
    assert isinstance(body, dict)
    return body


async def rows(http: httpx2.AsyncClient, batch_id: str, **params: Any) -> list[dict[str, Any]]:
    answer = await http.get(f"/v1/batches/{batch_id}/results", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def job_ids(running: RunningDoor, batch_id: str) -> list[str]:
    return [job.id async for job in running.store.batch_jobs(batch_id)]


async def test_results_come_as_jobs_end(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    batch = await submitted(http, [*problems(4), {"foo": 1}])
    assert (batch["total"], batch["ended"], batch["by_status"]["failed"]) == (5, 1, 1)
    following = asyncio.create_task(rows(http, batch["id"], follow="true"))
    ids = await job_ids(running, batch["id"])
    order = [ids[2], ids[0], ids[3], ids[1]]
    for job_id in order[:2]:
        await running.end(job_id)
    part = await rows(http, batch["id"])
    assert [row["job_id"] for row in part] == [ids[4], *order[:2]]
    later = asyncio.create_task(rows(http, batch["id"], follow="true", after=ids[2]))
    for job_id in order[2:]:
        await running.end(job_id)
    whole = await following
    assert [row["job_id"] for row in whole] == [ids[4], *order]
    assert [row["job_id"] for row in await later] == order[1:]
    stored = await running.store.job(ids[0])
    assert next(row for row in whole if row["job_id"] == ids[0]) == result_row(stored)
    in_order = await rows(http, batch["id"], order="batch")
    assert [row["job_id"] for row in in_order] == ids
    shown = (await http.get(f"/v1/batches/{batch['id']}")).json()
    assert (shown["ended"], shown["by_outcome"]) == (5, {"solved": 4})


async def test_jobs_of_a_batch_are_sent_by_the_store_s_choice(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    before = len(running.sent.jobs)
    batch = await submitted(http, problems(3))
    ids = await job_ids(running, batch["id"])
    await running.door.aclose()
    running.door._closing = False
    assert {job.id for job in running.sent.jobs[before:]} >= set(ids)
    assert {job.queue for job in running.sent.jobs[before:]} == {"batch"}


async def test_a_client_s_own_bad_rows_keep_their_place(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    items = [
        {"unreadable": {"message": "field 'tests': is missing", "custom_id": "set.jsonl:1"}},
        MATH | {"custom_id": "row 2"},
        {"unreadable": {"message": 3}},
        "Say 3.",
    ]
    batch = await submitted(http, items)
    found = await rows(http, batch["id"], order="batch")
    assert [row["status"] for row in found] == ["failed", "queued", "failed", "queued"]
    assert [row["custom_id"] for row in found][:2] == ["set.jsonl:1", "row 2"]
    assert found[0]["error"]["message"] == "set.jsonl:1: field 'tests': is missing"
    assert "unreadable.message" in found[2]["error"]["message"]


async def test_a_file_is_taken_as_it_is(http: httpx2.AsyncClient) -> None:
    lines = "\n".join(json.dumps(row) for row in [*problems(2), {"foo": 1}])
    answer = await http.post(
        "/v1/batches",
        content=lines,
        params={"options": json.dumps({"name": "set.jsonl", "strategy": "single", "job_budget": {"tokens": 7}})},
        headers={"content-type": "application/x-ndjson"},
    )
    body = answer.json()
    assert (answer.status_code, body["name"], body["strategy"]) == (201, "set.jsonl", "single")
    assert (body["total"], body["job_budget"]["tokens"]) == (3, 7)
    markdown = await http.post("/v1/batches", content="# Sum\n\nAdd.", headers={"content-type": "text/markdown"})
    assert markdown.json()["total"] == 1
    wrong = await http.post(
        "/v1/batches", content=lines, params={"options": "{}x"}, headers={"content-type": "application/x-ndjson"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_json")


async def test_cancel_and_retry(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    batch = await submitted(http, problems(3))
    ids = await job_ids(running, batch["id"])
    await running.end(ids[1])
    following = asyncio.create_task(rows(http, batch["id"], follow="true"))
    answer = await http.post(f"/v1/batches/{batch['id']}/cancel")
    assert (answer.status_code, answer.json()["stopping"]) == (202, 2)
    assert sorted(row["status"] for row in await following) == ["cancelled", "cancelled", "completed"]
    again = await http.post(f"/v1/batches/{batch['id']}/retry")
    assert again.json()["queued"] == 2
    shown = (await http.get(f"/v1/batches/{batch['id']}")).json()
    assert shown["by_status"] == {"completed": 1, "queued": 2}


async def test_no_row_after_an_unknown_one(http: httpx2.AsyncClient) -> None:
    batch = await submitted(http, problems(1))
    other = await submitted(http, problems(1))
    stranger = (await rows(http, other["id"], order="batch"))[0]["job_id"]
    for after in ("job-none", stranger):
        answer = await http.get(f"/v1/batches/{batch['id']}/results", params={"after": after})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class _BreaksOff:
    def __init__(self, running: RunningDoor) -> None:
        self._store = running.store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def batch_jobs(self, batch_id: str, *, ended_after: str | None = None) -> AsyncIterator[Any]:
        async for job in self._store.batch_jobs(batch_id):
            yield job
            raise StoreError("cannot read: the database went away")


async def test_results_that_break_off_do_not_look_whole(
    running: RunningDoor, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await submitted(http, problems(3))
    monkeypatch.setattr(running.door, "store", _BreaksOff(running))
    with pytest.raises(httpx2.RemoteProtocolError):
        await rows(http, batch["id"], order="batch")
