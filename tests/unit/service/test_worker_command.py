"""`solvent worker`: what it offers and says before anything is opened."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from click.testing import CliRunner

from solvent.errors import DependencyError
from solvent.service.cli import worker as command
from solvent.workers.messages import QUEUES


def test_it_offers_the_queues_that_there_are() -> None:
    assert command._QUEUES == QUEUES


def test_help_names_signals_and_exit_codes() -> None:
    shown = CliRunner().invoke(command.worker, ["--help"]).output
    for word in ("SIGTERM", "Exit codes", "--concurrency", "SOLVENT_DATABASE_URL"):
        assert word in shown


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "celery" else find(name))
    with pytest.raises(DependencyError, match=r"needs celery \(pip install 'solvent\[cluster\]'\)"):
        CliRunner().invoke(command.worker, [], catch_exceptions=False)


def test_it_says_what_it_does_without_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    from solvent.workers import worker as process

    class Quiet:
        def __init__(self, settings: Any, options: process.WorkerOptions, say: Any) -> None:
            self.options = options

        def run(self) -> int:
            return self.options.concurrency

    monkeypatch.setattr(process, "WorkerProcess", Quiet)
    monkeypatch.setenv("SOLVENT_DATABASE_URL", "postgresql://user:secret@db.example/solvent")
    monkeypatch.setenv("SOLVENT_REDIS_URL", "redis://:secret@redis.example:6380/2")
    result = CliRunner().invoke(command.worker, ["-c", "7", "-q", "batch", "-q", "trajectories"])
    assert result.exit_code == 7, "the process's exit code is the command's"
    assert "PostgreSQL at db.example, database solvent" in result.output
    assert "queues batch, trajectories of redis://redis.example:6380/2" in result.output
    assert "at most 7 " in result.output
    assert "secret" not in result.output
