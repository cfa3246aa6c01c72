"""Hostile programs: each is contained, ends as its header says, and the probes after it find a clean box."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import hostile_suite
import pytest
import pytest_asyncio
from hostile_stage import Stage, traces
from hostile_suite import Arena, Host, Hostile, judge_outcome
from sandboxes import BACKENDS, backend_of, require_backend

from solvent.errors import ConfigError

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUITE = hostile_suite.load()
SETTLE_S = 20.0


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=BACKENDS,
)
async def stage(request: pytest.FixtureRequest, outside: Host) -> AsyncIterator[Stage]:
    backend = str(request.param)
    require_backend(backend, request)
    selected = [
        item.callspec.params
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    order = [one["hostile"] for one in selected if one.get("stage") == backend and "hostile" in one]
    stage = Stage(backend, outside, order)
    try:
        problems = await stage.open()
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        yield stage
    finally:
        await stage.close()


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with hostile_suite.host(tmp_path_factory.mktemp("outside")) as made:
        yield made


@pytest.fixture(params=[pytest.param(one, id=one.id) for one in SUITE])
def hostile(request: pytest.FixtureRequest) -> Hostile:
    one: Hostile = request.param
    return one


async def test_is_contained(stage: Stage, hostile: Hostile) -> None:
    try:
        problems = await stage.problems(hostile)
    except ConfigError as error:
        pytest.skip(str(error))
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


@pytest.mark.parametrize(
    "name",
    [
        "process/fork_bomb.c",
        "process/kills_everyone.py",
        "memory/heap.c",
        "memory/pipe_buffers.c",
        "disk/fills_all.py",
        "disk/locks.py",
        "leftovers/burners.c",
        "leftovers/abstract_listener.py",
    ],
)
async def test_a_neighbour_is_not_disturbed(stage: Stage, name: str) -> None:
    """Programs in two boxes at the same time: the one beside the attack sees nothing of it."""
    [attack] = [one for one in SUITE if one.id == name]
    arena = await stage.pair()
    attacking = asyncio.create_task(arena.execute(attack, stage.host.facts))
    problems = []
    try:
        while not attacking.done():
            problems += (await arena.probe(exclude=("lock on",))).problems
    finally:
        outcome = await attacking
    problems += judge_outcome(attack, stage.backend, outcome)
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


async def test_afterwards_nothing_is_left(stage: Stage) -> None:
    assert stage.host.visitors() == 0
    await stage.close()
    deadline = time.monotonic() + SETTLE_S
    while (after := traces(stage.backend)) != stage.before and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert after == stage.before
    # And the backend works again.
    fresh = backend_of(stage.backend, slots=1)
    await fresh.start()
    try:
        assert not (await Arena(fresh).probe()).problems
    finally:
        await fresh.aclose()
