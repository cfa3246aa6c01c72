"""The newest checkpoint is the one that was written last, whatever the clocks of those who wrote them say."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.base import id as ids
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from solvent.workers.checkpoints import Checkpoints, PostgresCheckpoints, SqliteCheckpoints
from solvent.workers.opening import libpq_url

HOUR_S = 3600


class State(TypedDict):
    """What comes, in order."""

    told: list[str]


def hear(state: State) -> State:
    return {"told": [*state["told"], interrupt("what comes?")]}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Checkpoints]:
    made: Checkpoints
    if request.param == "sqlite":
        made = SqliteCheckpoints(tmp_path)
    else:
        made = await PostgresCheckpoints.open(libpq_url(request.getfixturevalue("postgres_url")), connections=2)
    try:
        yield made
    finally:
        await made.aclose()


class Worker:
    """A process with a clock of its own."""

    def __init__(self, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch, ahead_s: float) -> None:
        self._checkpoints = checkpoints
        self._monkeypatch = monkeypatch
        self._ahead_ns = int(ahead_s * 1e9)
        self._last: int | None = None

    async def bring(self, value: Any) -> list[str]:
        """Go on with the thread that all share, and return what it was told."""
        graph = StateGraph(State)
        graph.add_node("hear", hear)
        graph.add_edge(START, "hear")
        graph.add_conditional_edges("hear", lambda state: "hear" if len(state["told"]) < 9 else END)
        now = time.time_ns
        with self._monkeypatch.context() as here:
            here.setattr(ids.time, "time_ns", lambda: now() + self._ahead_ns)
            here.setattr(ids, "_last_v6_timestamp", self._last)
            async with self._checkpoints.saver("job") as saver:
                config: Any = {"configurable": {"thread_id": self._checkpoints.thread("job", "search")}}
                state = await graph.compile(checkpointer=saver).ainvoke(value, config, durability="sync")
            self._last = ids._last_v6_timestamp
        return list(state["told"])


async def test_a_worker_whose_clock_is_behind_is_found_again(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, behind = Worker(checkpoints, monkeypatch, HOUR_S), Worker(checkpoints, monkeypatch, -0.05)
    await ahead.bring({"told": []})
    assert await ahead.bring(Command(resume="a")) == ["a"]
    assert await behind.bring(Command(resume="b")) == ["a", "b"]
    assert await behind.bring(Command(resume="c")) == ["a", "b", "c"]
    assert await ahead.bring(Command(resume="d")) == ["a", "b", "c", "d"]
    assert await Worker(checkpoints, monkeypatch, 0.0).bring(Command(resume="e")) == ["a", "b", "c", "d", "e"]
