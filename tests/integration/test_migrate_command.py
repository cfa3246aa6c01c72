"""`solvent migrate`: the tables are there before any process of the service is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from solvent.workers.opening import libpq_url
from solvent.workers.tables import REVISIONS

SOLVENT = (sys.executable, "-c", "from solvent.service.cli.main import main; main()")


def migrate(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run([*SOLVENT, "migrate"], env=environment, capture_output=True, text=True, timeout=240)


@pytest.mark.postgres
def test_all_tables_are_made_once(postgres_url: str, tmp_path: Path) -> None:
    # As in a container: the address is a secret in a file.
    (tmp_path / "url").write_text(postgres_url)
    for _ in range(2):
        done = migrate(SOLVENT_DATABASE_URL_FILE=str(tmp_path / "url"), SOLVENT_DATABASE_URL="")
        assert done.returncode == 0, done.stderr
        assert f"schema {REVISIONS[-1]}" in done.stdout
    with psycopg.connect(libpq_url(postgres_url)) as connection:
        tables = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert {"job", "lease", "alembic_version", "checkpoints"} <= tables


def test_a_database_that_does_not_answer_is_no_success(tmp_path: Path) -> None:
    done = migrate(SOLVENT_DATABASE_URL="postgresql://nobody:hidden-word@127.0.0.1:9/solvent")
    assert done.returncode == 3
    assert "hidden-word" not in done.stdout + done.stderr
