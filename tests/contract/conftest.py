"""What contract tests run on: the sandbox, once for each backend, and one server of the starter model for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from sandboxes import BACKENDS, make_sandbox
from starter_process import StarterProcess

from solvent.sandbox.base import Sandbox
from solvent.sandbox.local import LocalSandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    made = make_sandbox(request.param, request)
    await made.start()
    yield made
    await made.aclose()


@pytest.fixture
async def local_sandbox() -> AsyncIterator[Sandbox]:
    """Two slots of the local backend: for what is tested on one backend only."""
    backend = LocalSandbox(2)
    await backend.start()
    yield backend
    await backend.aclose()


@pytest.fixture(scope="session")
def starter_process() -> Iterator[StarterProcess]:
    with StarterProcess() as process:
        yield process
