"""Fixtures for all tests. In CI (environment variable CI) a missing server is a failure, elsewhere a skip."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def skip_or_fail(reason: str) -> None:
    """Skip with `reason`; in CI fail, since a skipped check there would hide a missing server."""
    if IN_CI:
        pytest.fail(f"missing in CI: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded problems and samples that lie beside the checkout, never inside it."""
    folder = Path(os.environ.get("SOLVENT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        skip_or_fail(f"recorded data not found at {folder} (set SOLVENT_SHARED_DATA)")
    return folder


@pytest.fixture(scope="session")
def require_bubblewrap() -> None:
    if shutil.which("bwrap") is None:
        skip_or_fail("bubblewrap is not installed")


@pytest.fixture(scope="session")
def require_docker() -> None:
    """A Docker engine answers and the sandbox image is there."""
    import docker
    from docker.errors import DockerException

    from solvent.settings import Settings

    try:
        client = docker.from_env(timeout=10)
        try:
            images = {tag for image in client.images.list() for tag in image.tags}
        finally:
            client.close()
    except DockerException as error:
        skip_or_fail(f"no Docker engine answers: {error}")
        return
    if Settings().sandbox_image not in images:
        skip_or_fail(f"the sandbox image {Settings().sandbox_image} is not there: run `make sandbox-image`")
