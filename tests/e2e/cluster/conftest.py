"""A cluster for each test, and what the tests counted, printed at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cluster_lab import ClusterLab, MakeLab
from cluster_tally import TALLIES
from model_servers import ModelServer
from servers import PostgresServer, RedisServer


@pytest.fixture
def make_lab(
    tmp_path: Path, redis_server: RedisServer, postgres_server: PostgresServer, require_bubblewrap: None
) -> Iterator[MakeLab]:
    """Make a cluster around a model server, which is started now and ended with the test."""
    with ExitStack() as stack:

        def make(model: ModelServer, **settings: str) -> ClusterLab:
            model.start()
            stack.callback(model.stop)
            folder = tmp_path / f"lab-{len(list(tmp_path.glob('lab-*')))}"
            folder.mkdir()
            return ClusterLab(folder, redis=redis_server, postgres=postgres_server, model=model, settings=settings)

        yield make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLIES:
        terminalreporter.section("what the cluster's tests counted")
        for tally in TALLIES:
            terminalreporter.write_line(tally.line)
