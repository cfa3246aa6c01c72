"""A small soak: mixed and hostile programs in one pool while supervisors are killed; nothing leaks, all is right."""

from __future__ import annotations

import pytest
from sandboxes import WITH_ZYGOTE, require_backend

from solvent.benchmarks.soak import Soak, soak, to_text
from solvent.benchmarks.soak_watch import trends

PROGRAMS = 800
KILL_EVERY_S = 2.0
SHARED = {"engine_mb", "engine_descriptors", "disk_mb"}
"""Other tests and users of this machine change these; the long soak looks at them."""


@pytest.mark.slow
@pytest.mark.parametrize("backend", WITH_ZYGOTE)
async def test_mixed_programs_leave_nothing_behind(request: pytest.FixtureRequest, backend: str) -> None:
    found = await run(request, backend, kill_every_s=None)
    assert not found.wrong, to_text(found)
    assert not found.ours, to_text(found)
    growing = {trend.name for trend in trends(found.samples) if not trend.flat} - SHARED
    assert growing == set(), to_text(found)
    assert found.by_kind["hostile"] > PROGRAMS // 20


@pytest.mark.slow
@pytest.mark.parametrize("backend", WITH_ZYGOTE)
async def test_killed_boxes_cost_a_retry_and_no_verdict(request: pytest.FixtureRequest, backend: str) -> None:
    found = await run(request, backend, kill_every_s=KILL_EVERY_S)
    assert found.kills.total() > 0
    assert not found.wrong, to_text(found)
    assert not found.ours, to_text(found)


async def run(request: pytest.FixtureRequest, backend: str, kill_every_s: float | None) -> Soak:
    require_backend(backend, request)
    return await soak(backend, PROGRAMS, 0.1, kill_every_s=kill_every_s)  # type: ignore[arg-type]  # one of the two
