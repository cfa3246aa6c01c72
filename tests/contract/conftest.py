"""The sandbox that a module's contract tests run on, once for each backend."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sandboxes import BACKENDS, make_sandbox

from solvent.sandbox.base import Sandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=BACKENDS)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    made = make_sandbox(request.param, request)
    await made.start()
    yield made
    await made.aclose()
