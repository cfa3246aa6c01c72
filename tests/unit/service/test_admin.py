"""`solvent admin sweep`: what it says, and that it does what it says."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from stored_jobs import job_record, job_result, pass_time

from solvent.service.cli.admin import admin, words
from solvent.workers.database import open_service_database
from solvent.workers.service_records import LeaseKind
from solvent.workers.sql.engine import Database
from solvent.workers.upkeep import Swept


async def old_job(url: str) -> None:
    service, database = await open_service_database(url), Database(url)
    try:
        await service.store.submit([job_record("job")])
        claim = await service.store.claim(LeaseKind.JOB, "job", holder="worker", lease_s=100)
        assert claim is not None
        await service.store.finish(claim, job_result("job"))
        await pass_time(database, 40 * 86_400)
    finally:
        await service.aclose()
        await database.aclose()


def test_a_dry_run_says_what_a_sweep_then_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLVENT_HOME", str(tmp_path))
    monkeypatch.delenv("SOLVENT_DATABASE_URL", raising=False)
    asyncio.run(old_job(f"sqlite:///{tmp_path}/service.sqlite"))

    def run(*options: str) -> str:
        result = CliRunner().invoke(admin, ["sweep", *options])
        assert result.exit_code == 0, result.output
        return result.output

    assert run() == words(Swept(), "deleted") + "\n"
    assert run("--retention-days", "30", "--dry-run") == words(Swept(jobs=1), "would be deleted") + "\n"
    monkeypatch.setenv("SOLVENT_RETENTION_DAYS", "30")
    found = json.loads(run("--json"))
    assert found == {
        "dry_run": False,
        "jobs": 1,
        "batches": 0,
        "events": 0,
        "checkpoints": 0,
        "artifacts": 0,
        "artifact_bytes": 0,
    }
    assert json.loads(run("--json"))["jobs"] == 0


def test_a_day_is_too_little() -> None:
    result = CliRunner().invoke(admin, ["sweep", "--retention-days", "1"])
    assert result.exit_code == 2
