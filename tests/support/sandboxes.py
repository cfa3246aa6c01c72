"""The backends that contract tests run on."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from solvent.sandbox.backend import BoxSandbox
from solvent.sandbox.local import LocalSandbox

BACKENDS = [
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("local", marks=pytest.mark.bubblewrap),
    pytest.param("plain-user", marks=pytest.mark.bubblewrap),
]
"""Names of the backends."""
WITH_ZYGOTE = BACKENDS[:2]
"""Those that may change to another user, and so have a zygote."""


@cache
def readable_folder() -> Path:
    """Return a folder for the supervisor that other users may read, unlike our home."""
    folder = Path(tempfile.mkdtemp(prefix="solvent-test-runner-"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    return folder


class PlainUserSandbox(LocalSandbox):
    """Bubblewrap as a user without any privilege, whoever runs the tests."""

    def __init__(self, slots: int | None = None, **options: Any) -> None:
        super().__init__(slots, runner=readable_folder(), **options)
        if os.geteuid() == 0:
            self._privileged = False
            self._prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all")


def require_backend(backend: str, request: pytest.FixtureRequest) -> None:
    """Skip where a backend cannot work."""
    request.getfixturevalue("require_docker" if backend == "docker" else "require_bubblewrap")
    if backend == "plain-user" and os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")


def backend_of(backend: str, **options: Any) -> BoxSandbox:
    """Return a backend, not started."""
    if backend == "docker":
        from solvent.sandbox.docker import DockerSandbox

        return DockerSandbox(**options)
    return LocalSandbox(**options) if backend == "local" else PlainUserSandbox(**options)


def make_sandbox(backend: str, request: pytest.FixtureRequest, **options: Any) -> BoxSandbox:
    """Return a backend, not started; skips where it cannot work."""
    require_backend(backend, request)
    return backend_of(backend, **options)
