"""What is asked often is answered from an index: a long queue costs no more per job than a short one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection
from stored_jobs import batch_record, job_records, job_result, outcome, plan

from solvent.agents.events import TrajectoryStarted
from solvent.usage import Budget, Usage
from solvent.workers.service_records import ApiKey, LeaseKind
from solvent.workers.sql import choosing
from solvent.workers.sql.engine import Database
from solvent.workers.sql.journal import SqlLedgerJournal
from solvent.workers.sql.schema import migrate
from solvent.workers.sql.store import SqlServiceStore
from solvent.workers.tables import job

GROWS = r"(job|job_content|trajectory|event|ledger_call|ledger_scope|idempotency)"
OPEN_ONLY = {"job_waiting", "job_waiting_in_batch", "job_sent", "job_begun", "job_open", "trajectory_open"}
"""Indexes of what has not ended: whoever reads one of these whole counts or chooses among that."""


async def use(store: SqlServiceStore, journal: SqlLedgerJournal) -> None:
    await store.add_key(ApiKey(id="k", name="k", concurrency=2, queued=50), "digest")
    await store.submit(
        job_records("job", 5),
        batch=batch_record("batch", deadline_s=9e9),
        key_id="k",
        queue="batch",
        idempotency_key="i",
    )
    await store.key_of("digest")
    await store.next_jobs(outstanding=3, unseen_s=100)
    claim = await store.claim(LeaseKind.JOB, "job-000", holder="w", lease_s=100)
    assert claim is not None
    await store.start_trajectories(claim, [plan("t1"), plan("t2")])
    await store.rest(claim)
    part = await store.claim(LeaseKind.TRAJECTORY, "job-000/t1", holder="w", lease_s=0)
    assert part is not None
    await store.beat("w", [claim, part], lease_s=0)
    await store.add_events("job-000", [TrajectoryStarted(job_id="job-000", trajectory="t1")])
    await store.events("job-000", after=1)
    await store.due(max_attempts=1, unseen_s=0)
    await store.due(max_attempts=5, unseen_s=0)
    claim = await store.claim(LeaseKind.JOB, "job-000", holder="w", lease_s=100)
    assert claim is not None
    part = await store.claim(LeaseKind.TRAJECTORY, "job-000/t2", holder="w", lease_s=100)
    assert part is not None
    await store.end_trajectory(part, outcome("t2"))
    await store.untold(claim)
    await store.unended(claim)
    await store.tell(claim, ["t1", "t2"])
    await store.finish(claim, job_result("job-000"))
    await store.gauges()
    await store.batch_counts("batch")
    for ended_after in (None, "", "job-000"):
        _ = [record.id async for record in store.batch_jobs("batch", ended_after=ended_after)]
    await store.recent(project="default", limit=5)
    await store.recent(project=None, limit=5, before="job-000")
    await store.recent_batches(project="default", limit=5, before="batch")
    await store.cancel(batch_id="batch")
    await store.retry(batch_id="batch")
    await journal.open("job-000", parent=None, budget=Budget(), daily=False, fingerprint="", started_at=0.0)
    await journal.asked("job-000", "call", day="2026-01-01", reserved=Usage(model_calls=1), ticket="w#1")
    await journal.load("job-000", day="2026-01-01")
    await journal.committed("job-000", "call", Usage(model_calls=1), artifact=None, note={})


async def test_no_statement_reads_a_whole_table(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'service.sqlite'}")
    await migrate(database)
    asked: dict[str, Any] = {}

    def note(_connection: object, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        asked.setdefault(statement, given[0] if many else given)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await use(SqlServiceStore(database), SqlLedgerJournal(database))
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)

    async def explain(connection: AsyncConnection) -> dict[str, list[str]]:
        await connection.execute(text("SELECT 1"))
        plans = {}
        for statement, given in asked.items():
            if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)", statement):
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
                plans[statement] = [row[3] for row in rows]
        return plans

    plans = await database.read("explain", explain)
    await database.aclose()
    assert len(plans) > 60
    whole = [
        (step, statement)
        for statement, steps in plans.items()
        for step in steps
        if (found := re.match(rf"SCAN {GROWS}\b(?: USING (?:COVERING )?INDEX (\w+))?", step))
        and found[2] not in OPEN_ONLY
    ]
    assert whole == []


@pytest.mark.postgres
@pytest.mark.parametrize("key_id", [None, "k"])
async def test_postgresql_chooses_the_next_jobs_from_an_index(postgres_url: str, key_id: str | None) -> None:
    """Also among jobs without an API key, whose NULLs hide from the planner that the index has their order."""
    database = Database(postgres_url)
    await migrate(database)
    store = SqlServiceStore(database)
    await store.add_key(ApiKey(id="k", name="k", concurrency=None, queued=None), "digest")
    await store.submit(job_records("job", 900), batch=batch_record("batch"), key_id=key_id, queue="batch")

    async def copy(connection: AsyncConnection) -> None:
        names = [column.name for column in job.columns]
        values = [{"id": "id || '-' || n", "position": "position + 1000 * n"}.get(name, name) for name in names]
        copied = f"SELECT {', '.join(values)} FROM job, generate_series(1, 9) AS n"  # own names
        await connection.execute(text(f"INSERT INTO job ({', '.join(names)}) {copied}"))
        await connection.execute(text("ANALYZE"))

    async def rows_read(connection: AsyncConnection) -> int:
        # Of this connection, also before this transaction.
        read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'job'")
        return int((await connection.execute(read)).scalar_one())

    async def choose(connection: AsyncConnection) -> tuple[int, int]:
        before = await rows_read(connection)
        chosen = await choosing.choose(connection, outstanding=20, unseen_s=100)
        return len(chosen), await rows_read(connection) - before

    await database.write("copy", copy)
    chosen, rows = await database.write("choose", choose)
    await database.aclose()
    assert chosen == 20
    assert rows < 500, "of the 9,000 that wait"
