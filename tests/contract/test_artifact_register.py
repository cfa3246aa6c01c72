"""Whose artifacts are whose, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from stored_jobs import job_record

from solvent.artifacts import JSON, FileArtifacts, id_of
from solvent.errors import StoreError
from solvent.workers.artifact_register import ArtifactRecorder, OwnedArtifact
from solvent.workers.database import ServiceDatabase, open_service_database
from solvent.workers.service_records import ApiKey

A, B, C = (id_of(text) for text in (b"a", b"b", b"c"))


@pytest_asyncio.fixture
async def service(service_url: str) -> AsyncIterator[ServiceDatabase]:
    opened = await open_service_database(service_url)
    for project in ("one", "two"):
        await opened.store.add_key(ApiKey(id=project, name=project, project=project), f"digest {project}")
        await opened.store.submit([job_record(f"job-{project}")], key_id=project)
    yield opened
    await opened.aclose()


async def test_an_artifact_is_found_by_the_projects_whose_jobs_have_it(service: ServiceDatabase) -> None:
    register = service.artifacts
    await register.note([OwnedArtifact("job-one", A, 1, JSON), OwnedArtifact("job-one", B, 2)])
    await register.note([OwnedArtifact("job-two", B, 2)])
    found = await register.find(A, project="one")
    assert found is not None
    assert (found.id, found.size_bytes, found.media_type, found.jobs) == (A, 1, JSON, 1)
    assert await register.find(A, project="two") is None
    assert await register.find(A) == found
    of_both = await register.find(B, project="two")
    assert of_both is not None
    assert of_both.jobs == 2
    assert {row.id for row in await register.of_job("job-one")} == {A, B}
    assert list(await register.of_job("job-none")) == []
    assert await register.unknown([A, B, C]) == [C]


async def test_noting_again_changes_nothing_and_what_has_no_job_is_left_out(service: ServiceDatabase) -> None:
    register = service.artifacts
    rows = [OwnedArtifact("job-one", A, 1, JSON), OwnedArtifact("no-job", C, 1), OwnedArtifact("job-one", A, 1)]
    await asyncio.gather(*(register.note(rows) for _ in range(5)))
    await register.note([])
    found = await register.find(A)
    assert found is not None
    assert (found.media_type, found.jobs) == (JSON, 1)
    assert await register.find(C) is None
    assert await register.unknown([C]) == [C]


async def test_a_recorder_writes_behind_the_work_what_goes_through_a_jobs_store(
    service: ServiceDatabase, tmp_path: Path
) -> None:
    recorder = ArtifactRecorder(service.artifacts)
    store = FileArtifacts(tmp_path)
    mine = recorder.of("job-one", store)
    stored = await asyncio.gather(*(asyncio.to_thread(mine.put, f"text {number}", JSON) for number in range(20)))
    read = store.put("of another worker")
    assert mine.get(read) == "of another worker"
    assert stored[0] in mine
    await recorder.flush()
    assert {row.id for row in await service.artifacts.of_job("job-one")} == {*stored, read}
    mine.put("at the end")
    await recorder.aclose()
    assert len(await service.artifacts.of_job("job-one")) == 22
    await recorder.aclose()


class FailingRegister:
    """Fails at first; what it is told then is kept."""

    def __init__(self) -> None:
        self.failures = 1
        self.noted: list[OwnedArtifact] = []
        self.done = asyncio.Event()

    async def note(self, artifacts: Sequence[OwnedArtifact]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("away")
        self.noted += artifacts
        self.done.set()


async def test_what_a_database_that_is_away_did_not_take_is_written_later_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("solvent.workers.artifact_register.LINGER_S", 0.0)
    monkeypatch.setattr("solvent.workers.artifact_register.RETRY_S", 0.0)
    register = FailingRegister()
    recorder = ArtifactRecorder(register)  # type: ignore[arg-type]  # only `note` is used
    one = OwnedArtifact("job", A, 1)
    recorder.note(one)
    await register.done.wait()
    recorder.note(one)
    await recorder.flush()
    assert register.noted == [one]
    await recorder.aclose()
