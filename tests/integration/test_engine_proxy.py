"""The engine's proxy before a real engine: the sandbox works through it, and nothing else does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, NotFound

from solvent.errors import SandboxUnavailable
from solvent.sandbox.base import Program, RunLimits, RunStatus
from solvent.sandbox.container import LABEL
from solvent.sandbox.docker import DEFAULT_IMAGE, DockerSandbox
from solvent.sandbox.engine_proxy import ping

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("require_docker")]
WAIT_S = 120.0
SOLVENT = (sys.executable, "-c", "from solvent.service.cli.main import main; main()")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A proxy that this process uses as its engine."""
    # Paths of sockets are short.
    with tempfile.TemporaryDirectory(prefix="solvent-") as folder:
        listen = Path(folder, "engine.sock")
        command = [
            *SOLVENT,
            "sandbox",
            "engine-proxy",
            "--listen",
            str(listen),
            "--memory-mb",
            "2048",
            "--boxes",
            "1000",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == f"boxes of {DEFAULT_IMAGE} through {listen}\n"
            monkeypatch.setenv("DOCKER_HOST", f"unix://{listen}")
            yield listen
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                assert process.wait(WAIT_S) == 0
            finally:
                process.kill()
                process.stdout.close()
        assert not listen.exists()


async def test_programs_run_through_it(proxy: Path) -> None:
    sandbox = DockerSandbox(1)
    await sandbox.start()
    try:
        program = Program(language="python", source="print(int(input()) + 1)\nprint('x' * 300_000)")
        build = await sandbox.build(program, time_s=60, memory_mb=512)
        limits = RunLimits(cpu_time_s=20, wall_time_s=60, memory_mb=256, output_bytes=1 << 20)
        result = await sandbox.run(build, limits=limits, stdin=b"41\n")
    finally:
        await sandbox.aclose()
    assert result.status is RunStatus.OK
    assert result.stdout == b"42\n" + b"x" * 300_000 + b"\n"


def test_what_the_sandbox_does_not_need_is_refused(proxy: Path) -> None:
    client = docker.from_env()
    calls = {
        "a shell on the host": lambda: client.containers.run(
            DEFAULT_IMAGE, ["id"], privileged=True, volumes=["/:/host"], name="solvent-1-0123456789ab"
        ),
        "an image": lambda: client.images.pull("debian", tag="bookworm"),
        "the list of images": client.images.list,
        "volumes": client.volumes.list,
        "networks": client.networks.list,
        "the engine's state": client.info,
        "another container": lambda: client.containers.get("solvent-postgres-1"),
        "the end of another container": lambda: client.api.remove_container("solvent-postgres-1", force=True),
        "a command in a box": lambda: client.api.exec_create("solvent-1-0123456789ab", ["id"]),
        "a box's files": lambda: client.api.get_archive("solvent-1-0123456789ab", "/etc/passwd"),
    }
    try:
        for what, call in calls.items():
            with pytest.raises(APIError, match="the engine's proxy refuses this") as refused:
                call()
            assert refused.value.status_code == 403, what
        # Only boxes are listed, whatever is asked for.
        assert all(LABEL in one["Labels"] for one in client.api.containers(all=True))
    finally:
        client.close()


def test_a_dead_worker_leaves_no_box(proxy: Path) -> None:
    program = """
        import asyncio
        from solvent.sandbox.docker import DockerSandbox

        async def main():
            sandbox = DockerSandbox(1)
            await sandbox.start()
            async with sandbox.open(memory_mb=256):
                print(sandbox._owner, flush=True)
                await asyncio.Event().wait()

        asyncio.run(main())
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    owner = worker.stdout.readline().strip()
    client = docker.DockerClient(base_url="unix:///var/run/docker.sock")
    filters = {"label": f"org.solvent.sandbox.owner={owner}"}
    try:
        assert client.api.containers(filters=filters)
        worker.kill()
        # One that is made at this moment and was not started is the proxy's to remove, later; one that was started
        # after a look is there at the next.
        while boxes := client.api.containers(filters=filters):
            for box in boxes:
                with suppress(NotFound):
                    client.api.wait(box["Id"], timeout=WAIT_S, condition="removed")
    finally:
        worker.kill()
        worker.wait(WAIT_S)
        worker.stdout.close()
        client.close()


async def test_it_tells_whether_it_works(proxy: Path, tmp_path: Path) -> None:
    await asyncio.to_thread(ping, proxy)
    with pytest.raises(SandboxUnavailable, match="no proxy answers"):
        await asyncio.to_thread(ping, tmp_path / "none.sock")


def test_without_an_engine_it_says_so(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="solvent-") as folder:
        listen = Path(folder, "engine.sock")
        command = [
            *SOLVENT,
            "sandbox",
            "engine-proxy",
            "--listen",
            str(listen),
            "--engine",
            str(tmp_path / "none.sock"),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            with pytest.raises(SandboxUnavailable, match="502"):
                ping(listen)
            assert listen.stat().st_mode & 0o777 == 0o660
        finally:
            process.terminate()
            process.wait(WAIT_S)
            process.stdout.close()
