"""The store of a single job makes the rows that the service's store makes with the same operations."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from stored_jobs import job_record, job_result

from solvent.agents.events import JobFinished, PhaseEntered, TrajectoryStarted
from solvent.agents.job import JobStatus
from solvent.errors import NotFound, StoreError
from solvent.workers.database import open_service_store
from solvent.workers.records import JobRecord
from solvent.workers.service_records import Claim, LeaseKind, LeaseLostError
from solvent.workers.service_store import ServiceStore
from solvent.workers.solo_store import SoloStore, newest_revision
from solvent.workers.tables import REVISIONS, metadata

LEASE_S = 600.0
EVENTS = [
    TrajectoryStarted(job_id="job", trajectory="t0"),
    PhaseEntered(job_id="job", trajectory="t0", phase="solve"),
]


def test_the_newest_revision_is_known_without_sqlalchemy() -> None:
    assert newest_revision() == REVISIONS[-1]


def rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the tables, without what differs between two runs: times, and what holds times."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = {}
    for table in metadata.sorted_tables:
        names = [column.name for column in table.columns if not column.name.endswith(("_at", "_since"))]
        names = [name for name in names if (table.name, name) not in {("event", "time"), ("event", "body")}]
        query = f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {', '.join(names)}"
        found[table.name] = [dict(row) for row in connection.execute(query)]
    connection.close()
    return found


def times(path: Path) -> dict[str, bool]:
    """Return which times of the job are set."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    row = dict(connection.execute("SELECT * FROM job").fetchone())
    connection.close()
    return {name: value is not None for name, value in row.items() if name.endswith(("_at", "_since"))}


@pytest_asyncio.fixture
async def whole(tmp_path: Path) -> AsyncIterator[ServiceStore]:
    store = await open_service_store(f"sqlite:///{tmp_path / 'whole.sqlite'}")
    yield store
    await store.aclose()


@pytest_asyncio.fixture
async def solo(tmp_path: Path) -> AsyncIterator[SoloStore]:
    await (await open_service_store(f"sqlite:///{tmp_path / 'solo.sqlite'}")).aclose()
    store = SoloStore.open(tmp_path / "solo.sqlite")
    assert store is not None
    yield store
    store.close()


async def begin(store: ServiceStore, record: JobRecord) -> Claim:
    await store.submit([record])
    claim = await store.claim(LeaseKind.JOB, record.id, holder="me", lease_s=LEASE_S)
    assert claim is not None
    return claim


@pytest.mark.parametrize("deadline_s", [None, 90.0])
async def test_both_make_the_same_rows(
    whole: ServiceStore, solo: SoloStore, tmp_path: Path, deadline_s: float | None
) -> None:
    record = job_record("job", deadline_s=deadline_s)
    held = await begin(whole, record)
    stored, claim = solo.store_claimed(record, holder="me", lease_s=LEASE_S)
    assert (claim.kind, claim.id, claim.holder, claim.attempt) == (held.kind, held.id, held.holder, held.attempt)
    assert (claim.left_s is None) == (held.left_s is None) == (deadline_s is None)
    again = await whole.job("job")
    assert stored.model_copy(update={"created_at": again.created_at}) == again

    def same() -> None:
        assert rows(tmp_path / "solo.sqlite") == rows(tmp_path / "whole.sqlite")
        assert times(tmp_path / "solo.sqlite") == times(tmp_path / "whole.sqlite")

    same()
    for store, its in ((whole, held), (solo, claim)):
        assert not (await store.beat("me", [its], lease_s=LEASE_S)).lost
        assert await store.add_events("job", EVENTS) == [1, 2]
        assert [one.event for one in await store.events("job", after=1)] == EVENTS[1:]
    same()
    for store, its in ((whole, held), (solo, claim)):
        await store.finish(its, job_result("job"))
        last = (await store.events("job", after=2))[-1].event
        assert isinstance(last, JobFinished)
        assert last.result == job_result("job")
        with pytest.raises(LeaseLostError):
            await store.finish(its, job_result("job"))
    same()


async def test_a_holder_hears_what_others_do_to_its_job(solo: SoloStore, tmp_path: Path) -> None:
    _, claim = solo.store_claimed(job_record("job"), holder="me", lease_s=LEASE_S)
    assert (await solo.beat("me", [claim], lease_s=LEASE_S)).cancelled == []
    other = await open_service_store(f"sqlite:///{tmp_path / 'solo.sqlite'}")
    assert await other.holders() == ["me"]
    assert await other.claim(LeaseKind.JOB, "job", holder="other", lease_s=LEASE_S) is None
    await other.cancel(job_id="job")
    assert (await solo.beat("me", [claim], lease_s=LEASE_S)).cancelled == [claim]
    assert await solo.lapse("me") == 1
    taken = await other.claim(LeaseKind.JOB, "job", holder="other", lease_s=LEASE_S)
    assert taken is not None
    assert (await solo.beat("me", [claim], lease_s=LEASE_S)).lost == [claim]
    await other.finish(taken, job_result("job", JobStatus.CANCELLED))
    await other.aclose()


async def test_nothing_of_a_job_is_stored_where_it_fails(solo: SoloStore) -> None:
    solo.store_claimed(job_record("job"), holder="me", lease_s=LEASE_S)
    with pytest.raises(StoreError, match="UNIQUE"):
        solo.store_claimed(job_record("job"), holder="me", lease_s=LEASE_S)
    solo.store_claimed(job_record("another"), holder="me", lease_s=LEASE_S)
    with pytest.raises(NotFound):
        await solo.add_events("none", EVENTS)


async def test_a_database_without_these_tables_is_left_to_migrations(tmp_path: Path) -> None:
    path = tmp_path / "service.sqlite"
    assert SoloStore.open(path) is None
    assert not path.exists()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    assert SoloStore.open(path) is None
    connection.execute("INSERT INTO alembic_version VALUES ('r0000')")
    connection.commit()
    connection.close()
    assert SoloStore.open(path) is None
    path.write_text("not a database, but long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="cannot open the database"):
        SoloStore.open(path)
