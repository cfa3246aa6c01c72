"""Artifacts over HTTP: to whose jobs they belong, as bytes that nothing takes for a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from http_door import STDIO, RunningDoor, open_test_door

from solvent.artifacts import JSON, FileArtifacts
from solvent.errors import NotFound
from solvent.service.client import Client
from solvent.service.http.artifact_reading import Artifacts
from solvent.workers.artifact_register import OwnedArtifact
from solvent.workers.database import ServiceDatabase, open_service_database

TEXT = "print('\u00fc')\n<script>alert(1)</script>\udc80"


@pytest_asyncio.fixture
async def service(service_url: str) -> AsyncIterator[ServiceDatabase]:
    opened = await open_service_database(service_url)
    yield opened
    await opened.aclose()


@pytest_asyncio.fixture
async def door(service_url: str, tmp_path: Path, service: ServiceDatabase) -> AsyncIterator[RunningDoor]:
    async with open_test_door(service_url, tmp_path) as running:
        running.door.artifacts = Artifacts(service.artifacts, FileArtifacts(tmp_path / "artifacts"))
        yield running


async def test_a_project_gets_the_artifacts_of_its_own_jobs(
    door: RunningDoor, service: ServiceDatabase, tmp_path: Path
) -> None:
    store = FileArtifacts(tmp_path / "artifacts")
    mine, record = store.put(TEXT), store.put("{}", JSON)
    async with (
        door.client(await door.add_key("ada", project="one")) as ada,
        door.client(await door.add_key("ann", project="one")) as ann,
        door.client(await door.add_key("bob", project="two")) as bob,
        door.client() as nobody,
    ):
        job = (await ada.post("/v1/jobs", json={"problem": STDIO})).json()["id"]
        assert (await ada.get(f"/v1/artifacts/{mine}")).status_code == 404
        size = len(TEXT.encode(errors="surrogatepass"))
        await service.artifacts.note([OwnedArtifact(job, mine, size), OwnedArtifact(job, record, 2, JSON)])
        for client in (ada, ann):
            answer = await client.get(f"/v1/artifacts/{mine}")
            assert answer.content == TEXT.encode(errors="surrogatepass")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert (await ada.get(f"/v1/artifacts/{record}")).headers["content-type"] == JSON
        again = await ada.get(f"/v1/artifacts/{mine}", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        listed = (await ada.get(f"/v1/jobs/{job}/artifacts")).json()["data"]
        assert {(one["id"], one["size_bytes"], one["media_type"]) for one in listed} == {
            (mine, size, "text/plain; charset=utf-8"),
            (record, 2, JSON),
        }
        with Client(door.url, door.keys["ada"]) as program, Client(door.url, door.keys["bob"]) as other:
            assert await asyncio.to_thread(program.artifact, mine) == TEXT
            assert {one["id"] for one in await asyncio.to_thread(program.artifacts, job)} == {mine, record}
            with pytest.raises(NotFound):
                await asyncio.to_thread(other.artifact, mine)
        for path in (f"/v1/artifacts/{mine}", f"/v1/jobs/{job}/artifacts"):
            assert (await bob.get(path)).status_code == 404
            assert (await nobody.get(path)).status_code == 401
        for wrong in ("0" * 63, "A" * 64, "..%2f..%2fetc%2fpasswd"):
            assert (await ada.get(f"/v1/artifacts/{wrong}")).status_code in (404, 422)


async def test_a_text_that_is_gone_and_one_that_is_damaged_are_the_servers_fault(
    door: RunningDoor, service: ServiceDatabase, tmp_path: Path
) -> None:
    store = FileArtifacts(tmp_path / "artifacts")
    gone, damaged = store.put("gone"), store.put("damaged")
    (tmp_path / "artifacts" / gone[:2] / gone[2:]).unlink()
    (tmp_path / "artifacts" / damaged[:2] / damaged[2:]).write_text("demaged")
    async with door.client(await door.add_key("ada")) as client:
        job = (await client.post("/v1/jobs", json={"problem": STDIO})).json()["id"]
        await service.artifacts.note([OwnedArtifact(job, gone, 4), OwnedArtifact(job, damaged, 7)])
        for id_ in (gone, damaged):
            answer = await client.get(f"/v1/artifacts/{id_}")
            assert (answer.status_code, answer.json()["code"]) == (503, "store")
            assert str(tmp_path) not in answer.text
