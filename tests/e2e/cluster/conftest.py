"""A cluster for each test, and what the tests counted, printed at the end of the run."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cluster_lab import ClusterLab, MakeLab
from cluster_tally import TALLIES
from model_servers import ModelServer
from servers import PostgresServer, RedisServer

LONG_S = {
    "test_1000_jobs_on_the_bundled_model_while_workers_die": 380,
    "test_workers_die_20_times_in_a_batch_of_200_jobs": 160,
    "test_a_worker_is_cut_off_from_redis_for_a_minute": 95,
    "test_a_worker_dies_in_every_phase_and_at_every_write": 80,
    "test_two_jobs_that_kill_their_workers_end_as_failed_and_say_so": 65,
    "test_a_worker_dies_at_every_write_of_a_distillation": 65,
}
"""What the longest take on two cores; the others take about OTHERS_S."""
OTHERS_S = 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest tests begin first: pytest-xdist gives each of its processes a run of the list, as long as any.

    A long test that begins last is waited for by all cores but one.
    """
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    if len(here) != len(items):
        return
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    shares: list[list[pytest.Item]] = [[] for _ in range(processes)]
    size = -(-len(items) // processes)

    def seconds(item: pytest.Item) -> int:
        return LONG_S.get(item.name.partition("[")[0], OTHERS_S)

    for item in sorted(items, key=seconds, reverse=True):
        open_shares = [share for share in shares if len(share) < size]
        min(open_shares, key=lambda share: sum(map(seconds, share))).append(item)
    items[:] = [item for share in shares for item in share]


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
