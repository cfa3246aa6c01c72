"""A cluster for each test, and what the tests counted, printed at the end of the run."""

from __future__ import annotations

from collections.abc import Generator, Iterator
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
    for server in (redis_server, postgres_server):
        # A test that failed after it had killed one must not fail those after it.
        if not server.is_running:
            server.start()
    with ExitStack() as stack:

        def make(model: ModelServer, **settings: str) -> ClusterLab:
            model.start()
            stack.callback(model.stop)
            folder = tmp_path / f"lab-{len(list(tmp_path.glob('lab-*')))}"
            folder.mkdir()
            return ClusterLab(folder, redis=redis_server, postgres=postgres_server, model=model, settings=settings)

        yield make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give a test's report what the test counted: a report comes back also from the processes of pytest-xdist."""
    report = yield
    if call.when == "call":
        report.user_properties += [("tally", tally.line) for tally in TALLIES]
        TALLIES.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests counted."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [str(value) for report in reports for name, value in report.user_properties if name == "tally"]
    if lines:
        terminalreporter.section("what the cluster's tests counted")
        for line in lines:
            terminalreporter.write_line(line)
