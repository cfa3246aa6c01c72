"""Fixtures for all tests. In CI (environment variable CI) a missing server is a failure, elsewhere a skip."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from network import Namespace
from schedule import FileSchedule, longest_first
from servers import ChromaServer, PostgresServer, RedisServer, chroma_program

from solvent.benchmarks.servers import postgres_programs, redis_program

REPOSITORY = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
# Processes that multiply matrices side by side, on as many cores each, wait for each other most of the time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the longest files begin first where they are shared out (Makefile)."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FileSchedule | None:
    """Share out whole files."""
    return FileSchedule(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make every skip a failure in CI: it would hide a missing server. An expected failure (xfail) stays one."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be missing: {reason}"
    return report


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded problems and samples that lie beside the checkout, never inside it."""
    folder = Path(os.environ.get("SOLVENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"recorded data not found at {folder} (set SOLVENT_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def require_bubblewrap() -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")


@pytest.fixture(scope="session")
def require_docker() -> None:
    """A Docker engine answers, the sandbox image is there and a box starts in it."""
    from solvent.errors import SandboxUnavailable
    from solvent.sandbox.docker import DockerSandbox

    async def start() -> None:
        sandbox = DockerSandbox(1)
        try:
            await sandbox.start()
        finally:
            await sandbox.aclose()

    try:
        # In a thread: an asynchronous fixture that asks for this one has a loop running.
        with ThreadPoolExecutor(1) as executor:
            executor.submit(lambda: asyncio.run(start())).result()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def require_redis() -> None:
    if redis_program() is None:
        pytest.skip("redis-server is not installed (scripts/setup_services.sh installs it)")


@pytest.fixture(scope="session")
def require_postgres() -> None:
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed (scripts/setup_services.sh installs it)")


@pytest.fixture(scope="session")
def require_chroma() -> None:
    if chroma_program() is None:
        pytest.skip("Chroma is not installed (the extra `memory` has it)")


@pytest.fixture(scope="session")
def chroma_server(require_chroma: None) -> Iterator[ChromaServer]:
    """A running Chroma of this session; a test that kills it starts it again, with its data."""
    server = ChromaServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture(scope="session")
def require_network_namespaces(require_root: None) -> None:
    """Networks of a test's own can be made, and packets in them dropped."""
    missing = [program for program in ("ip", "iptables") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed (scripts/setup_services.sh installs them)")
    try:
        with Namespace() as network:
            network.cut(6379)
    except OSError as error:
        pytest.skip(f"no network namespaces here: {error}")


@pytest.fixture(scope="session")
def require_compiler() -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler is installed (scripts/setup_sandbox.sh all installs one)")


@pytest.fixture(scope="session")
def require_own_engine(require_root: None) -> None:
    """A Docker engine of a test's own can be started, and there is a root file system to make its image of."""
    from docker_engine import engine_program

    from solvent.sandbox.images.roots import find_chosen

    if engine_program() is None:
        pytest.skip("dockerd is not installed (scripts/setup_sandbox.sh all installs it)")
    if find_chosen() is None:
        pytest.skip("the sandbox's root file system is not there (scripts/setup_sandbox.sh all makes it)")


@pytest.fixture(scope="session")
def redis_server(require_redis: None) -> Iterator[RedisServer]:
    """A running Redis of this session; a test that kills it starts it again, and one that fills it flushes it."""
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server(require_postgres: None) -> Iterator[PostgresServer]:
    """A running PostgreSQL of this session; a test that kills it starts it again."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _migrate(url: str) -> None:
    from solvent.workers.database import open_service_database

    async def migrate() -> None:
        await (await open_service_database(url)).aclose()

    with ThreadPoolExecutor(1) as executor:
        executor.submit(lambda: asyncio.run(migrate())).result()


@pytest.fixture(scope="session")
def service_template(postgres_server: PostgresServer) -> str:
    """Name of a database with the service's tables, that others are copied from."""
    name = postgres_server.create_database()
    _migrate(postgres_server.url(name))
    return name


@pytest.fixture(scope="session")
def service_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQLite file with the service's tables, that others are copied from."""
    path = tmp_path_factory.mktemp("service") / "service.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def service_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database of its own with the service's tables, once for each kind of database."""
    if request.param == "sqlite":
        path: Path = request.getfixturevalue("tmp_path") / "service.sqlite"
        shutil.copy(request.getfixturevalue("service_file"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database(template=request.getfixturevalue("service_template"))
    try:
        yield server.url(name)
    finally:
        server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty database of its own, for SQLAlchemy with psycopg."""
    name = postgres_server.create_database()
    try:
        yield postgres_server.url(name)
    finally:
        postgres_server.drop_database(name)
