"""`kill -9` of supervisors and containers in mid-run, and an engine that goes away: each costs at most a retry."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sandboxes import WITH_ZYGOTE, make_sandbox

from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.base import Build, Program, RunLimits, RunStatus

LIMITS = RunLimits(cpu_time_s=2, wall_time_s=20, memory_mb=64, output_bytes=1000)
REAL_ENGINE = "/var/run/docker.sock"


@asynccontextmanager
async def started(backend: str, request: pytest.FixtureRequest) -> AsyncIterator[tuple[BoxSandbox, Build]]:
    sandbox = make_sandbox(backend, request)
    await sandbox.start()
    try:
        source = "import time\ntime.sleep(0.5)\nprint('survived', input())"
        yield sandbox, await sandbox.build(Program(language="python", source=source), time_s=10, memory_mb=512)
    finally:
        await sandbox.aclose()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def supervisors() -> list[int]:
    """Return the pids of the supervisors under this process (bubblewrap), or in containers of this process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            grandparent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if words[0] == b"/solvent/supervisor" and os.getpid() in (parent, grandparent):
            found.append(int(path.name))
    return found


@contextmanager
def containers() -> Iterator[list[Any]]:
    """Give the containers of this process."""
    import docker

    from solvent.sandbox.container import OWNER_LABEL
    from solvent.sandbox.engine import owner

    client = docker.from_env()
    try:
        label = f"{OWNER_LABEL}={owner()}"
        yield client.containers.list(filters={"label": label}, ignore_removed=True)
    finally:
        client.close()


def kill_supervisors(backend: str) -> None:
    pids = supervisors()
    if backend == "docker":
        with containers() as own:
            # One that ended since the list was made has 0, which would be this process and all its kin.
            pids = [pid for container in own if (pid := container.attrs["State"]["Pid"])]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("backend", WITH_ZYGOTE)
async def test_killed_supervisors_cost_a_retry(request: pytest.FixtureRequest, backend: str) -> None:
    async with started(backend, request) as (sandbox, build):
        running = [
            asyncio.create_task(sandbox.run(build, limits=LIMITS, stdin=b"%d" % number))
            for number in range(sandbox.slots)
        ]
        await until(lambda: sandbox.metrics().running == sandbox.slots)
        kill_supervisors(backend)
        results = await asyncio.gather(*running)
        assert [result.stdout for result in results] == [b"survived %d\n" % n for n in range(sandbox.slots)]
        metrics = sandbox.metrics()
        assert 1 <= metrics.retried <= sandbox.slots
        assert metrics.runs == {RunStatus.OK: sandbox.slots}


@pytest.mark.parametrize("backend", WITH_ZYGOTE)
async def test_a_supervisor_that_is_killed_under_a_connected_program_is_a_fault(
    request: pytest.FixtureRequest, backend: str
) -> None:
    async with started(backend, request) as (sandbox, build), sandbox.connect(build, limits=LIMITS) as program:
        kill_supervisors(backend)
        # What it has said to its partner cannot be said again, so this is told and not tried again.
        assert (await program.result()).status is RunStatus.FAULT
        assert await program.receive() == b""
        again = await sandbox.run(build, limits=LIMITS, stdin=b"after")
        assert again.stdout == b"survived after\n"


@pytest.mark.docker
async def test_killed_containers_cost_a_retry(request: pytest.FixtureRequest) -> None:
    async with started("docker", request) as (sandbox, build):
        running = asyncio.create_task(sandbox.run(build, limits=LIMITS, stdin=b"it"))
        await until(lambda: sandbox.metrics().running == 1)
        with containers() as own:
            for container in own:
                container.kill()
        assert (await running).stdout == b"survived it\n"
        await until(lambda: sandbox.metrics().boxes == sandbox.slots + 1)
        with containers() as own:
            assert len(own) == sandbox.slots + 1


class Proxy:
    """A way to the engine that can be cut: for the service the engine is then gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.server: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self.server = await asyncio.start_unix_server(self._serve, self.path)

    async def cut(self) -> None:
        """Close the socket and every connection."""
        assert self.server is not None
        self.server.close()
        self.path.unlink(missing_ok=True)
        for writer in list(self.writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_engine, from_engine = await self._connect()
        self.writers |= {writer, from_engine}
        try:
            await asyncio.gather(self._copy(reader, from_engine), self._copy(to_engine, writer))
        finally:
            self.writers -= {writer, from_engine}
            for one in (writer, from_engine):
                one.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(REAL_ENGINE)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            pass


@pytest.mark.docker
async def test_an_engine_that_comes_back_costs_a_retry(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request.getfixturevalue("require_docker")
    proxy = Proxy(tmp_path / "engine.sock")
    await proxy.open()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{proxy.path}")
    async with started("docker", request) as (sandbox, build):
        running = asyncio.create_task(sandbox.run(build, limits=LIMITS, stdin=b"it"))
        await until(lambda: sandbox.metrics().running == 1)
        await proxy.cut()
        await until(lambda: sandbox.metrics().retried == 1)
        await proxy.open()
        result = await running
        assert (result.status, result.stdout) == (RunStatus.OK, b"survived it\n"), result
    await proxy.cut()
