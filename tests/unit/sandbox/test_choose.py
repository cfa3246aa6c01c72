"""Which backend is taken, and that none is ever replaced by running code in the open."""

from __future__ import annotations

from pathlib import Path

import pytest

from solvent.errors import SandboxUnavailable
from solvent.sandbox.choose import open_sandbox, probe
from solvent.settings import Settings


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere.sock")


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_engine", "no_bubblewrap")
async def test_without_any_backend_code_is_refused() -> None:
    with pytest.raises(SandboxUnavailable) as raised:
        await open_sandbox(Settings(sandbox="auto"))
    assert "docker" in raised.value.message
    assert "bubblewrap is not installed" in raised.value.message
    assert "apt-get install bubblewrap" in str(raised.value.remedy)
    assert [one.state for one in await probe(Settings())] == ["missing", "missing"]


@pytest.mark.usefixtures("no_engine")
async def test_a_backend_that_was_asked_for_is_never_replaced() -> None:
    with pytest.raises(SandboxUnavailable, match="no Docker engine answers"):
        await open_sandbox(Settings(sandbox="docker"))


@pytest.mark.bubblewrap
@pytest.mark.usefixtures("no_engine", "require_bubblewrap")
async def test_auto_takes_bubblewrap_where_no_engine_answers() -> None:
    sandbox = await open_sandbox(Settings(sandbox="auto", cores=1))
    try:
        assert (sandbox.info.backend, sandbox.slots) == ("local", 1)
    finally:
        await sandbox.aclose()


@pytest.mark.docker
@pytest.mark.usefixtures("require_docker")
async def test_a_missing_image_names_how_to_build_it() -> None:
    with pytest.raises(SandboxUnavailable, match=r"no-such-image.*make sandbox-image"):
        await open_sandbox(Settings(sandbox="docker", sandbox_image="solvent-no-such-image:1"))
