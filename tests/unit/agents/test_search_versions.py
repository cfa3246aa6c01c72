"""Searches go on from checkpoints of the version before, whose graph had a node `learn` after `select`, and back."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from solvent.agents.job import StopReason
from solvent.agents.search import SearchContext, SearchState, ask, build_search_graph, dispatch, select
from solvent.agents.search_run import SearchRun
from solvent.agents.strategies.base import Selection, Stop
from solvent.problems.problem import ProblemKind


class DiedError(BaseException):
    """The process died here."""


class Deaths:
    def __init__(self, *nodes: str) -> None:
        self.nodes = nodes

    def check(self, node: str) -> None:
        if node in self.nodes:
            raise DiedError


def before(saver: InMemorySaver, deaths: Deaths) -> Any:
    """The graph of the version before, as far as a search goes that stops at once."""

    async def learn(state: SearchState) -> dict[str, Any]:
        deaths.check("learn")
        return {}

    graph = StateGraph(SearchState, context_schema=SearchContext)
    for node in (ask, dispatch, select, learn):
        graph.add_node(node)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "dispatch")
    graph.add_edge("dispatch", "select")
    graph.add_edge("select", "learn")
    graph.add_edge("learn", END)
    return graph.compile(checkpointer=saver, name="search")


class Once:
    """A strategy that is done, and counts how often it is asked for its selection."""

    def __init__(self, deaths: Deaths) -> None:
        self.deaths = deaths
        self.selected = 0

    def ask(self, view: Any) -> list[Stop]:
        return [Stop(StopReason.MAX_ROUNDS)]

    def select(self, view: Any) -> Selection:
        self.deaths.check("select")
        self.selected += 1
        return Selection(outcome=None, solved=False, reason=StopReason.MAX_ROUNDS)


class Nobody:
    def start(self, plan: Any) -> None: ...

    def cancel(self, trajectory: str) -> None: ...


def run_of(graph: Any, strategy: Any, durability: Any) -> SearchRun:
    context = SearchContext(ProblemKind.STDIO, strategy, Nobody(), None)  # type: ignore[arg-type]  # no texts here
    return SearchRun(graph, context, job_id="job", thread="search", errors=(), durability=durability)


@pytest.mark.parametrize("died_in", ["learn", "select"])
@pytest.mark.parametrize("durability", ["sync", "exit"])
async def test_a_search_of_the_version_before_ends_with_its_selection(died_in: str, durability: str) -> None:
    saver = InMemorySaver()
    first = Once(Deaths(died_in))
    with pytest.raises(DiedError):
        await run_of(before(saver, first.deaths), first, durability).go_on(None)

    second = Once(Deaths())
    run = run_of(build_search_graph(saver), second, durability)
    standing = await run.go_on(await run.find())
    assert (standing.ended, standing.waiting) == (True, False)
    assert standing.state["selection"] is not None
    assert first.selected + second.selected in (1, 2)
    if died_in == "learn" and durability == "sync":
        assert second.selected == 0, "what was selected stays so"


async def test_a_worker_of_the_version_before_finds_a_search_of_this_one_ended() -> None:
    saver = InMemorySaver()
    strategy = Once(Deaths())
    await run_of(build_search_graph(saver), strategy, "sync").go_on(None)
    found = await run_of(before(saver, Deaths()), strategy, "sync").find()
    assert found is not None
    assert found.ended
    assert found.state["selection"] is not None
