"""A job's events over HTTP: wherever a reader is cut off and comes back, nothing is missing and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from http_door import STDIO, RunningDoor, open_test_door, some_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solvent.errors import StoreError
from solvent.service.http import streams
from solvent.workers.event_log import EventLog, joined

pytestmark = pytest.mark.asyncio(loop_scope="module")
EVENTS = 23


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDoor]:
    home = tmp_path_factory.mktemp("home")
    async with open_test_door(f"sqlite:///{home / 'service.sqlite'}", home, keyless=True) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def http(running: RunningDoor) -> AsyncIterator[httpx2.AsyncClient]:
    async with running.client() as client:
        yield client


async def new_job(http: httpx2.AsyncClient) -> str:
    answer = await http.post("/v1/jobs", json={"problem": STDIO})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def read(
    http: httpx2.AsyncClient, job_id: str, *, most: int | None = None, **request: Any
) -> list[tuple[int, dict[str, Any]]]:
    """Return the events of one connection, which is cut after `most`."""
    found: list[tuple[int, dict[str, Any]]] = []
    async with http.stream("GET", f"/v1/jobs/{job_id}/events", **request) as answer:
        assert answer.status_code == 200, answer.status_code
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(answer.aiter_lines()) as lines:
            fields: dict[str, str] = {}
            async for line in lines:
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "data" in fields:
                    body = json.loads(fields["data"])
                    assert fields["event"] == body["event"]["type"]
                    found.append((int(fields["id"]), body))
                    if most is not None and len(found) >= most:
                        return found
                fields = {}
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ended_job(running: RunningDoor) -> str:
    async with running.client() as http:
        job_id = await new_job(http)
    events = some_events(job_id, EVENTS)
    for start in range(0, EVENTS, 5):
        await running.store.add_events(job_id, events[start : start + 5])
    await running.end(job_id)
    return job_id


@given(cuts=st.lists(st.integers(1, EVENTS), max_size=5), by_header=st.booleans())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_cut_leaves_no_gap_and_no_duplicate(
    http: httpx2.AsyncClient, ended_job: str, cuts: list[int], by_header: bool
) -> None:
    found: list[tuple[int, dict[str, Any]]] = []
    for most in [*cuts, None]:
        last = found[-1][0] if found else 0
        request: dict[str, Any] = (
            {"headers": {"last-event-id": str(last)}} if by_header else {"params": {"after": last}}
        )
        if last == EVENTS + 1:
            answer = await http.get(f"/v1/jobs/{ended_job}/events", **request)
            assert answer.status_code == 204, "a browser must not come back for ever"
            break
        found += await read(http, ended_job, most=most, **request)
    assert [number for number, _ in found] == list(range(1, EVENTS + 2))
    assert [body["sequence"] for _, body in found] == list(range(1, EVENTS + 2))
    expected = [event.model_dump(mode="json") for event in some_events(ended_job, EVENTS)]
    assert [body["event"] for _, body in found][:-1] == expected
    assert found[-1][1]["event"]["type"] == "job.finished"
    assert {(body["version"], body["job_id"]) for _, body in found} == {(1, ended_job)}


async def test_the_later_of_two_places_counts(http: httpx2.AsyncClient, ended_job: str) -> None:
    found = await read(http, ended_job, params={"after": 3}, headers={"last-event-id": "20"})
    assert found[0][0] == 21


@pytest.mark.parametrize("wrong", ["x", "-1", "1.5", "9" * 30, "²"])
async def test_a_wrong_place_is_refused(http: httpx2.AsyncClient, ended_job: str, wrong: str) -> None:
    headers = {b"last-event-id": wrong.encode()}
    answer = await http.get(f"/v1/jobs/{ended_job}/events", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_readers_follow_while_it_happens(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    job_id = await new_job(http)
    events = some_events(job_id, 40)
    log = EventLog(running.store, running.door.wakeups)
    readers = [asyncio.create_task(read(http, job_id)) for _ in range(3)]
    for event in events[:20]:
        log.emit(event)
    await log.flush()
    first = await read(http, job_id, most=5)
    last = first[-1][0]
    rest = asyncio.create_task(read(http, job_id, params={"after": last}))
    for event in events[20:]:
        log.emit(event)
    await log.aclose()
    await running.end(job_id)
    found = await asyncio.gather(*readers)
    assert [body["event"] for _, body in found[0]][:-1] == [e.model_dump(mode="json") for e in joined(events)]
    assert found[1] == found[0]
    assert found[2] == found[0]
    assert first + await rest == found[0]


async def test_a_retried_job_goes_on_in_the_same_log(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    job_id = await new_job(http)
    await running.store.cancel(job_id=job_id)
    before = await read(http, job_id)
    assert [body["event"]["type"] for _, body in before] == ["job.finished"]
    await running.store.retry(job_id=job_id)
    following = asyncio.create_task(read(http, job_id))
    await running.store.add_events(job_id, some_events(job_id, 3))
    await running.end(job_id)
    found = await following
    assert found[: len(before)] == before
    assert [number for number, _ in found] == [1, 2, 3, 4, 5]


async def test_a_silent_stream_has_heartbeats(
    running: RunningDoor, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert streams.HEARTBEAT_S == 15
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.01)
    job_id = await new_job(http)
    async with (
        http.stream("GET", f"/v1/jobs/{job_id}/events") as answer,
        aclosing(answer.aiter_lines()) as lines,
    ):
        assert await anext(lines) == ": still here"
    await running.store.cancel(job_id=job_id)


class _Flaky:
    """A store that appends, and then seems to have failed: the connection broke after the commit."""

    def __init__(self, running: RunningDoor, fails: int) -> None:
        self._running = running
        self._fails = fails

    def __getattr__(self, name: str) -> Any:
        return getattr(self._running.store, name)

    async def add_events(self, job_id: str, events: Any) -> Any:
        done = await self._running.store.add_events(job_id, events)
        if self._fails:
            self._fails -= 1
            raise StoreError("the connection broke")
        return done


async def test_an_append_whose_answer_was_lost_is_done_once(
    running: RunningDoor, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solvent.workers.event_log.RETRY_S", 0.0)
    job_id = await new_job(http)
    flaky: Any = _Flaky(running, fails=2)
    log = EventLog(flaky, running.door.wakeups)
    events = some_events(job_id, 9)
    for event in events[:5]:
        log.emit(event)
    await log.flush()
    for event in events[5:]:
        log.emit(event)
    await log.aclose()
    assert [stored.event for stored in await running.store.events(job_id)] == events


async def test_streams_end_when_the_server_does(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'own.sqlite'}"
    async with open_test_door(database, tmp_path, keyless=True) as own, own.client() as http:
        job_id = await new_job(http)
        await own.store.add_events(job_id, some_events(job_id, 2))
        waiting = asyncio.create_task(read(http, job_id))
        assert len(await read(http, job_id, most=2)) == 2
        own.door.begin_close()
        assert len(await waiting) == 2, "without job.finished: the reader comes back elsewhere"
        assert (await http.get("/ready")).status_code == 503
