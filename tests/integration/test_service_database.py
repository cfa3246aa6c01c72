"""The service's database as a server: migrations, faults, and what messages may say."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from servers import PostgresServer
from sqlalchemy import Connection, text
from stored_jobs import job_record, job_records, job_result

from solvent.agents.events import TrajectoryStarted
from solvent.agents.job import JobStatus
from solvent.errors import ConfigError, StoreError
from solvent.settings import Settings
from solvent.workers.database import open_service_database, open_service_store
from solvent.workers.database import service_url as url_of
from solvent.workers.service_records import LeaseKind
from solvent.workers.service_store import STOP_CHANNEL
from solvent.workers.sql.engine import Database
from solvent.workers.sql.schema import MIGRATIONS, migrate
from solvent.workers.tables import REVISIONS, metadata


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'empty.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest_asyncio.fixture
async def empty_database(empty_url: str) -> AsyncIterator[Database]:
    opened = Database(empty_url)
    yield opened
    await opened.aclose()


def differences(connection: Connection) -> list[object]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def test_migrations_make_the_tables_that_the_code_knows(empty_database: Database) -> None:
    await migrate(empty_database)
    found = await empty_database.change_schema("compare", lambda connection: connection.run_sync(differences))
    assert found == []


async def test_migrations_make_the_indexes_and_checks_that_the_code_knows(tmp_path: Path) -> None:
    """Alembic compares neither the conditions of indexes nor checks: SQLite keeps the texts of both."""
    migrated, made = (Database(f"sqlite:///{tmp_path / name}.sqlite") for name in ("migrated", "made"))
    await migrate(migrated)
    await made.change_schema("make the tables", lambda connection: connection.run_sync(metadata.create_all))

    async def texts(database: Database) -> dict[str, list[str]]:
        query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'")
        rows = await database.read("read the schema", lambda connection: connection.execute(query))
        # The order of columns and constraints says nothing.
        plain = {row.name: re.sub(r"[\"()]", " ", row.sql).split(",") for row in rows}
        return {name: sorted(" ".join(part.split()) for part in parts) for name, parts in plain.items()}

    try:
        assert await texts(migrated) == await texts(made)
    finally:
        await migrated.aclose()
        await made.aclose()


async def test_concepts_of_an_earlier_version_stay(empty_database: Database) -> None:
    """SQLite cannot change a check: the table is made anew, while versions and snapshots refer to its rows."""

    def upgrade(connection: Connection, revision: str) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    rows = (
        "INSERT INTO concept_namespace (id, read_only, last_change, created_at) VALUES ('default', false, 1, 7.5)",
        "INSERT INTO concept (id, namespace, name, version, format, body, status, change, created_at, updated_at) "
        "VALUES ('con-1', 'default', 'Ember rule', 1, 1, '{}', 'active', 1, 7.5, 7.5)",
        "INSERT INTO concept_version (concept_id, version, format, action, body, created_at) "
        "VALUES ('con-1', 1, 1, 'add', '{}', 7.5)",
    )
    await empty_database.change_schema("be old", lambda old: old.run_sync(upgrade, "r0002"))
    for row in rows:
        await empty_database.write("store", lambda connection, row=row: connection.execute(text(row)))  # type: ignore[misc]
    await migrate(empty_database)
    demoted = text("UPDATE concept SET status = 'demoted' WHERE id = 'con-1'")
    await empty_database.write("demote", lambda connection: connection.execute(demoted))
    found = text("SELECT name, status FROM concept JOIN concept_version ON concept_id = id")
    query = await empty_database.read("look", lambda connection: connection.execute(found))
    assert [tuple(row) for row in query] == [("Ember rule", "demoted")]


def test_the_code_names_the_revisions_that_there_are() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    assert tuple(reversed([revision.revision for revision in script.walk_revisions()])) == REVISIONS


async def test_many_that_start_at_once_migrate_once(empty_url: str) -> None:
    opened = await asyncio.gather(*(open_service_database(empty_url) for _ in range(4)))
    await opened[0].store.submit([job_record("job")])
    assert (await opened[3].store.job("job")).id == "job"
    for one in opened:
        await one.aclose()


async def test_tables_of_a_newer_version_are_refused(service_url: str) -> None:
    database = Database(service_url)
    newer = text("UPDATE alembic_version SET version_num = 'r9999'")
    await database.write("pretend", lambda connection: connection.execute(newer))
    await database.aclose()
    with pytest.raises(StoreError, match=r"r9999.*upgrade solvent"):
        await open_service_store(service_url)


async def test_foreign_keys_hold(service_url: str) -> None:
    database = Database(service_url)
    orphan = text("INSERT INTO job_content (job_id, version) VALUES ('none', 1)")
    with pytest.raises(StoreError, match=r"(?i)foreign key"):
        await database.write("store an orphan", lambda connection: connection.execute(orphan))
    await database.aclose()


async def test_a_transaction_that_fails_leaves_nothing(service_url: str) -> None:
    database = Database(service_url)

    async def work(connection: object) -> None:
        await connection.execute(  # type: ignore[attr-defined]
            text("INSERT INTO artifact (id, size_bytes, media_type, created_at) VALUES ('a', 1, 'file', 0)")
        )
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await database.write("be cancelled", work)
    count = text("SELECT count(*) FROM artifact")
    assert (await database.read("count", lambda connection: connection.execute(count))).scalar_one() == 0
    await database.aclose()


async def test_calls_that_are_cancelled_midway_leave_nothing_behind(service_url: str) -> None:
    store = await open_service_store(service_url)
    await store.submit([job_record("job")])
    kept: list[int] = []
    for turns in range(0, 60, 3):
        event = TrajectoryStarted(job_id="job", trajectory=str(turns))
        call = asyncio.ensure_future(store.add_events("job", [event, event]))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            kept += await call
    last = await store.add_events("job", [TrajectoryStarted(job_id="job", trajectory="last")])
    stored = [one.sequence for one in await store.events("job")]
    assert stored == list(range(1, last[0] + 1))
    assert set(kept) <= set(stored)
    await store.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@host:port/db",
        "mysql://user:s3cret@host/db",
        "s3cret",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_wrong_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="database_url") as caught:
        Database(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.postgres
async def test_no_message_has_the_password(
    postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    url = postgres_server.url("there_is_no_such_database")
    with pytest.raises(StoreError, match="there_is_no_such_database") as missing:
        await open_service_store(url)
    wrong = url.replace(postgres_server.password, "wr0ngpassword")
    with pytest.raises(StoreError, match="password authentication failed") as refused:
        await open_service_store(wrong)
    settings = Settings.model_validate({"database_url": url})
    assert url_of(settings) == url
    said = [str(missing.value), str(refused.value), repr(settings), caplog.text, *capsys.readouterr()]
    for secret in (postgres_server.password, "wr0ngpassword"):
        assert not any(secret in one for one in said)


def test_without_a_url_it_is_a_file_in_home(tmp_path: Path) -> None:
    assert url_of(Settings(home=tmp_path)) == f"sqlite:///{tmp_path}/service.sqlite"


@pytest.mark.postgres
async def test_nothing_is_lost_when_postgres_is_killed(postgres_server: PostgresServer, service_template: str) -> None:
    name = postgres_server.create_database(template=service_template)
    store = await open_service_store(postgres_server.url(name))
    try:
        await store.submit(job_records("job", 30), queue="batch")
        claim = await store.claim(LeaseKind.JOB, "job-000", holder="worker", lease_s=1000)
        assert claim is not None
        stored: dict[str, list[int]] = {}
        stop = asyncio.Event()

        async def write(job_id: str) -> None:
            stored[job_id] = []
            while not stop.is_set():
                try:
                    numbers = await store.add_events(job_id, [TrajectoryStarted(job_id=job_id, trajectory="t")])
                except StoreError:
                    # It ends only with a server that is gone: no write is refused for another reason.
                    return
                stored[job_id] += numbers

        async def kill() -> None:
            while min((len(numbers) for numbers in stored.values()), default=0) < 3:
                await store.ping()
            await asyncio.to_thread(postgres_server.kill)

        writers = [f"job-{number:03}" for number in range(1, 9)]
        await asyncio.wait_for(asyncio.gather(kill(), *map(write, writers)), 120)
        with pytest.raises(StoreError, match="PostgreSQL at"):
            await store.ping()
        await asyncio.to_thread(postgres_server.start)
        # Each connection of the pool is broken: the first call after the start works all the same.
        assert (await store.job("job-000")).status is JobStatus.RUNNING
        for job_id in writers:
            sequences = [one.sequence for one in await store.events(job_id)]
            assert sequences == list(range(1, len(sequences) + 1))
            # One may have been committed whose answer did not come back.
            assert len(stored[job_id]) <= len(sequences) <= len(stored[job_id]) + 1
        assert (await store.beat("worker", [claim], lease_s=1000)).lost == []
        await store.finish(claim, job_result("job-000"))
        assert len(await store.recent(project=None, limit=100)) == 30
    finally:
        await store.aclose()
        postgres_server.drop_database(name)


@pytest.mark.postgres
async def test_a_broken_connection_is_made_again_within_the_call(
    postgres_server: PostgresServer, service_template: str
) -> None:
    name = postgres_server.create_database(template=service_template)
    store = await open_service_store(postgres_server.url(name))
    try:
        await store.submit([job_record("job")])
        await asyncio.to_thread(postgres_server.restart)
        claims = await asyncio.gather(
            *(store.claim(LeaseKind.JOB, "job", holder=f"w{number}", lease_s=1000) for number in range(5))
        )
        assert sum(claim is not None for claim in claims) == 1
    finally:
        await store.aclose()
        postgres_server.drop_database(name)


@pytest.mark.postgres
async def test_postgres_says_at_once_that_a_job_is_to_stop(
    postgres_server: PostgresServer, service_template: str
) -> None:
    import psycopg

    name = postgres_server.create_database(template=service_template)
    store = await open_service_store(postgres_server.url(name))
    listener = await psycopg.AsyncConnection.connect(postgres_server.url(name, driver="postgresql"), autocommit=True)
    try:
        await listener.execute(f"LISTEN {STOP_CHANNEL}")
        await store.submit([job_record("job")])
        assert await store.claim(LeaseKind.JOB, "job", holder="worker", lease_s=1000)
        await store.cancel(job_id="job")
        heard = [notification.payload async for notification in listener.notifies(timeout=30, stop_after=1)]
        assert heard == ["job"]
    finally:
        await listener.close()
        await store.aclose()
        postgres_server.drop_database(name)
