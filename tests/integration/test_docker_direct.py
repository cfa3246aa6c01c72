"""The two ways to a container's supervisor: its own socket, and the engine's streams where that cannot be taken."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from solvent.sandbox import direct
from solvent.sandbox.base import Program, RunLimits, RunResult
from solvent.sandbox.docker import DockerSandbox
from solvent.sandbox.replies import Offer

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("require_docker")]

LIMITS = RunLimits(cpu_time_s=2, wall_time_s=10, memory_mb=64, output_bytes=1 << 20)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[DockerSandbox]:
    made = DockerSandbox(1)
    yield made
    await made.aclose()


async def add(sandbox: DockerSandbox) -> RunResult:
    await sandbox.start()
    build = await sandbox.build(Program(language="python", source="print(input() * 2)"), time_s=10, memory_mb=256)
    return await sandbox.run(build, limits=LIMITS, stdin=b"x" * 300_000)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the container")
async def test_root_takes_the_socket_of_the_supervisor(sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def take(pid: int, offer: Offer) -> socket.socket:
        taken.append(pid)
        return real(pid, offer)

    real = direct.take_socket
    monkeypatch.setattr(direct, "take_socket", take)
    assert (await add(sandbox)).stdout == b"x" * 600_000 + b"\n"
    assert taken


async def test_where_it_cannot_be_taken_the_engine_carries_everything(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, offer: Offer) -> socket.socket:
        raise PermissionError("not permitted")

    monkeypatch.setattr(direct, "take_socket", refuse)
    assert (await add(sandbox)).stdout == b"x" * 600_000 + b"\n"


def test_a_socket_of_another_process_is_not_taken() -> None:
    own, other = socket.socketpair()
    with own, other:
        inode = os.fstat(other.fileno()).st_ino
        direct.take_socket(os.getpid(), Offer(other.fileno(), inode)).close()
        before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(OSError, match="another one"):
            direct.take_socket(os.getpid(), Offer(own.fileno(), inode))
        assert len(list(Path("/proc/self/fd").iterdir())) == before
