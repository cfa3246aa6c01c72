import asyncio
from pathlib import Path

import pytest

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox.base import Program, RunLimits
from solvent.sandbox.choose import LazySandbox, refuse_if_hopeless
from solvent.settings import Settings


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@pytest.mark.usefixtures("nothing_installed")
async def test_where_no_sandbox_starts_the_first_use_is_refused() -> None:
    sandbox = LazySandbox(Settings())
    sandbox.begin()
    for _ in range(2):
        with pytest.raises(SandboxUnavailable, match="no sandbox works here"):
            async with sandbox.open(memory_mb=64):
                pytest.fail("opened")
    await sandbox.aclose()


@pytest.mark.usefixtures("nothing_installed")
def test_a_hopeless_machine_is_refused_before_anything_starts() -> None:
    with pytest.raises(SandboxUnavailable, match="never run without one") as caught:
        refuse_if_hopeless(Settings(sandbox="local"))
    assert caught.value.remedy is not None


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("require_bubblewrap")
async def test_it_starts_once_for_all_and_outlives_a_cancelled_waiter() -> None:
    sandbox = LazySandbox(Settings(sandbox="local", cores=2))
    with pytest.raises(SandboxError, match="not been started"):
        _ = sandbox.info
    assert sandbox.slots == 2
    impatient = asyncio.create_task(sandbox.start())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    async with sandbox.open(memory_mb=64) as session:
        assert (await session.compile(Program(language="python", source="print(1)"), time_s=5, memory_mb=64)).ok
        limits = RunLimits(cpu_time_s=2, wall_time_s=9, memory_mb=64, output_bytes=99)
        assert (await session.run(limits=limits)).stdout == b"1\n"
    assert sandbox.info.backend == "local"
    await sandbox.aclose()
    await sandbox.aclose()


async def test_closing_what_never_started_starts_nothing() -> None:
    sandbox = LazySandbox(Settings(sandbox="local"))
    await sandbox.aclose()
    with pytest.raises(SandboxError, match="not been started"):
        _ = sandbox.info
