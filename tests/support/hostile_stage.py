"""Backends under attack: lanes with one box each, in which hostile programs and the probes after them take turns."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hostile_suite import Arena, Host, Hostile, judge_outcome
from sandboxes import backend_of

from solvent.sandbox import cgroups
from solvent.sandbox.base import Sandbox

LANES = 2


@dataclass
class Lane:
    """A sandbox with one slot, so that a probe comes into the box of the program before it."""

    sandbox: Sandbox
    arena: Arena
    supervisors: set[int] = field(default_factory=set)
    """Start times of the supervisors that have served; a tool session may have needed a second box."""


class Stage:
    """A backend under attack.

    Args:
        backend: its name.
        host: what is outside.
        order: the programs that will be asked for, in that order; so the next one runs in the other lane meanwhile.
    """

    def __init__(self, backend: str, host: Host, order: Sequence[Hostile]) -> None:
        self.backend = backend
        self.host = host
        self.before: dict[str, object] = {}
        self._order = list(order)
        self._tasks: dict[str, asyncio.Task[list[str]]] = {}
        self._lanes: list[Lane] = []
        self._free: asyncio.Queue[Lane] = asyncio.Queue()
        self._uids: set[int] = set()
        self._pair: Sandbox | None = None
        self._probing = asyncio.Lock()

    async def open(self) -> list[str]:
        """Start; return what the probes find where nothing has run yet."""
        await asyncio.to_thread(lambda: None)  # The threads of to_thread stay; they are no leak.
        self.before = traces(self.backend)
        problems = []
        for _ in range(LANES):
            sandbox = backend_of(self.backend, slots=1)
            lane = Lane(sandbox, Arena(sandbox))
            self._lanes.append(lane)
            await sandbox.start()
            first = await lane.arena.probe()
            lane.supervisors.add(first.supervisor)
            problems += [f"before any program: {problem}" for problem in first.problems]
            self._free.put_nowait(lane)
        return problems

    async def problems(self, hostile: Hostile) -> list[str]:
        """Return what is wrong with a program's end or with what it left.

        Raises:
            ConfigError: its language is not there.
        """
        place = next((n for n, one in enumerate(self._order) if one.id == hostile.id), None)
        soon = [hostile] if place is None else self._order[place : place + LANES]
        for one in soon:
            if one.id not in self._tasks:
                self._tasks[one.id] = asyncio.create_task(self._in_a_lane(one))
        return await self._tasks[hostile.id]

    async def pair(self) -> Arena:
        """Return an arena with two boxes, for programs side by side."""
        if self._pair is None:
            self._pair = backend_of(self.backend, slots=2)
            await self._pair.start()
        return Arena(self._pair)

    async def close(self) -> None:
        """Close all that was opened."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for lane in self._lanes:
            await lane.sandbox.aclose()
        if self._pair is not None:
            await self._pair.aclose()

    async def _in_a_lane(self, hostile: Hostile) -> list[str]:
        lanes = [await self._free.get() for _ in range(LANES if "alone" in hostile.fields else 1)]
        try:
            return await self._examine(lanes[0], hostile)
        finally:
            for lane in lanes:
                self._free.put_nowait(lane)

    async def _examine(self, lane: Lane, hostile: Hostile) -> list[str]:
        secret = f"SOLVENT-MARKER-{secrets.token_hex(16)}"
        if "victim" in hostile.fields:
            await lane.arena.victim(secret)
        problems: list[str] = []
        if "verdict" in hostile.fields:
            verdict, message = await lane.arena.judged(hostile, self.host.facts)
            if verdict not in hostile.fields["verdict"].split(", "):
                problems.append(f"the verdict is {verdict}: {message}")
        elif "cells" in hostile.fields:
            problems += await lane.arena.session(hostile, self.host.facts)
        else:
            outcome = await lane.arena.execute(hostile, self.host.facts)
            problems += judge_outcome(hostile, self.backend, outcome)
            said = b"".join(run.stdout + run.stderr for run in outcome.runs) + outcome.log.encode()
            problems += [f"it tells {what}" for what in (self.host.secret, secret) if what.encode() in said]
        # One at a time: a probe tries locks on files that all boxes share, and would find the other lane's probe.
        async with self._probing:
            found = await lane.arena.probe()
        problems += [f"afterwards: {problem}" for problem in found.problems]
        if lane.sandbox.info.guarantees["uid_per_run"]:
            problems += [f"uid {uid} was used before" for uid in self._uids & set(found.uids)]
            self._uids |= set(found.uids)
            if found.supervisor not in lane.supervisors and hostile.get("box", "same") == "same":
                problems.append("the box had to be replaced")
            lane.supervisors.add(found.supervisor)
        return problems


def traces(backend: str) -> dict[str, object]:
    """Return what a program or a box could leave on the host or in this process."""
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": sorted(thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")),
        "processes": programs(),
        "containers": containers() if backend == "docker" else [],
        "cgroups": sorted(str(path) for owner, path in cgroups.everyones() if owner == os.getpid()),
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

    from solvent.sandbox.container import OWNER_LABEL

    client = docker.from_env()
    try:
        alive = client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True)
        return [str(one.name) for one in alive if one.labels[OWNER_LABEL].split(":")[1] == str(os.getpid())]
    finally:
        client.close()
