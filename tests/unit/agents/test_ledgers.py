"""The ledger in an SQLite file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from solvent.agents.budget import Ask, Granted, Refused, Settled
from solvent.agents.job import StopReason
from solvent.agents.ledgers import SqliteLedger
from solvent.errors import StoreError
from solvent.usage import Budget, Usage

FIRST_SCHEMA = """
CREATE TABLE scope (
    id TEXT PRIMARY KEY, parent TEXT, budget TEXT NOT NULL, started_at REAL NOT NULL, fingerprint TEXT NOT NULL,
    spent TEXT NOT NULL, overrun INTEGER NOT NULL, result TEXT
) WITHOUT ROWID;
CREATE TABLE call (
    scope TEXT NOT NULL, id TEXT NOT NULL, reserved TEXT NOT NULL, used TEXT, artifact TEXT, note TEXT NOT NULL,
    PRIMARY KEY (scope, id)
) WITHOUT ROWID;
INSERT INTO scope VALUES ('batch', NULL, '{"tokens": 100}', 1000.0, '', '{"prompt_tokens": 60}', 0, NULL);
INSERT INTO scope VALUES ('job', 'batch', '{}', 1000.0, 'x', '{"prompt_tokens": 60}', 0, NULL);
INSERT INTO call VALUES ('job', 'done', '{"prompt_tokens": 40}', '{"prompt_tokens": 40}', 'a', '{}');
INSERT INTO call VALUES ('job', 'open', '{"prompt_tokens": 20}', NULL, NULL, '{}');
"""


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match=r"ledger\.sqlite"):
        SqliteLedger(path)


async def test_a_file_of_the_first_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    database = sqlite3.connect(path)
    database.executescript(FIRST_SCHEMA)
    database.close()
    for _ in range(2):
        ledger = SqliteLedger(path)
        scope = await ledger.open("job", Budget(), parent="batch", fingerprint="x")
        assert (scope.started_at, scope.resumed) == (1000.0, True)
        used = Usage(prompt_tokens=40)
        assert await ledger.reserve("job", "done", Ask(fixed=used)) == Settled(used, "a", {})
        await ledger.aclose()
    ledger = SqliteLedger(path)
    await ledger.commit("job", "open", Usage(prompt_tokens=5))
    assert isinstance(await ledger.reserve("job", "next", Ask(fixed=Usage(prompt_tokens=55))), Granted)
    ledger.forfeit("job", "next")
    more = Ask(fixed=Usage(prompt_tokens=1))
    assert await ledger.reserve("job", "more", more) == Refused(StopReason.CAP_TOKENS, "batch")
    await ledger.aclose()
