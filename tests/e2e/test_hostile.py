"""Hostile programs: each is contained, ends as its header says, and the probes after it find a clean box."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hostile_suite
import pytest
import pytest_asyncio
from hostile_suite import Arena, Host, Hostile, judge_outcome
from sandboxes import PlainUserSandbox

from solvent.errors import ConfigError
from solvent.sandbox import cgroups
from solvent.sandbox.base import Sandbox
from solvent.sandbox.local import LocalSandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUITE = hostile_suite.load()
SETTLE_S = 20.0


def make(backend: str, slots: int) -> Sandbox:
    if backend == "docker":
        from solvent.sandbox.docker import DockerSandbox

        return DockerSandbox(slots)
    return LocalSandbox(slots) if backend == "local" else PlainUserSandbox(slots)


@dataclass
class Stage:
    """A backend under attack, and what there was before it."""

    backend: str
    sandbox: Sandbox
    arena: Arena
    host: Host
    before: dict[str, object]
    supervisor: int = 0
    """Start time of the supervisor that served last."""
    uids: set[int] = field(default_factory=set)
    pair: Sandbox | None = None

    async def open_pair(self) -> Sandbox:
        """Return a backend with two boxes, for programs side by side."""
        if self.pair is None:
            self.pair = make(self.backend, 2)
            await self.pair.start()
        return self.pair

    async def close(self) -> None:
        """Close all that was opened."""
        await self.sandbox.aclose()
        if self.pair is not None:
            await self.pair.aclose()


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param("local", marks=pytest.mark.bubblewrap),
        pytest.param("plain-user", marks=pytest.mark.bubblewrap),
    ],
)
async def stage(request: pytest.FixtureRequest, outside: Host) -> AsyncIterator[Stage]:
    backend = str(request.param)
    request.getfixturevalue("require_docker" if backend == "docker" else "require_bubblewrap")
    if backend == "plain-user" and os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    await asyncio.to_thread(lambda: None)  # The threads of to_thread stay; they are no leak.
    before = traces(backend)
    sandbox = make(backend, 1)
    await sandbox.start()
    stage = Stage(backend, sandbox, Arena(sandbox), outside, before)
    try:
        first = await stage.arena.probe()
        if first.problems:
            pytest.fail("\n".join(["before any program:", *first.problems]), pytrace=False)
        stage.supervisor = first.supervisor
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
    secret = f"SOLVENT-MARKER-{secrets.token_hex(16)}"
    if "victim" in hostile.fields:
        await stage.arena.victim(secret)
    problems: list[str] = []
    if "verdict" in hostile.fields:
        verdict, message = await stage.arena.judged(hostile, stage.host.facts)
        if verdict not in hostile.fields["verdict"].split(", "):
            problems.append(f"the verdict is {verdict}: {message}")
    elif "cells" in hostile.fields:
        problems += await stage.arena.session(hostile, stage.host.facts)
    else:
        try:
            outcome = await stage.arena.execute(hostile, stage.host.facts)
        except ConfigError as error:
            pytest.skip(str(error))
        problems += judge_outcome(hostile, stage.backend, outcome)
        said = b"".join(run.stdout + run.stderr for run in outcome.runs) + outcome.log.encode()
        problems += [f"it tells {what}" for what in (stage.host.secret, secret) if what.encode() in said]
    found = await stage.arena.probe()
    problems += [f"afterwards: {problem}" for problem in found.problems]
    if stage.sandbox.info.guarantees["uid_per_run"]:
        problems += [f"uid {uid} was used before" for uid in stage.uids & set(found.uids)]
        stage.uids |= set(found.uids)
        if found.supervisor != stage.supervisor and hostile.get("box", "same") == "same":
            problems.append("the box had to be replaced")
        stage.supervisor = found.supervisor
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
    arena = Arena(await stage.open_pair())
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
    fresh = make(stage.backend, 1)
    await fresh.start()
    try:
        assert not (await Arena(fresh).probe()).problems
    finally:
        await fresh.aclose()


def traces(backend: str) -> dict[str, object]:
    """Return what a program or a box could leave on the host or in this process."""
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")),
        "processes": programs(),
        "containers": containers() if backend == "docker" else [],
        "cgroups": sorted(
            str(path)
            for path in [
                *cgroups.ROOT.glob(f"{cgroups.FOLDER}/{os.getpid()}-*"),
                *cgroups.ROOT.glob(f"*/{cgroups.FOLDER}/{os.getpid()}-*"),
            ]
        ),
        "core_pattern": Path("/proc/sys/kernel/core_pattern").read_text(),
        "host name": os.uname().nodename,
    }


def programs() -> list[str]:
    """Return the processes that this one has started and that still are."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                status = (path / "status").read_text(errors="replace")
            except OSError:
                continue
            uid = int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1])  # type: ignore[index]  # every process has one
            parent = int(re.search(r"^PPid:\s+(\d+)", status, re.MULTILINE)[1])  # type: ignore[index]  # as above
            if parent == os.getpid():
                found.append(f"{path.name} (uid {uid}) {status.split()[1]}")
    return found


def containers() -> list[str]:
    import docker

    from solvent.sandbox.engine import OWNER_LABEL

    client = docker.from_env()
    try:
        alive = client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True)
        return [str(one.name) for one in alive if one.labels[OWNER_LABEL].split(":")[1] == str(os.getpid())]
    finally:
        client.close()
