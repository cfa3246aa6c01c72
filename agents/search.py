"""The search graph: ask -> dispatch -> gather -> tell -> (ask | select).

It holds no text and does no work of its own: a strategy decides, an executor runs, and `gather` interrupts until
outcomes are brought in by `Command(resume=Arrivals)`, at the first that ends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from solvent.agents.grid_attempts import GridTry, with_try
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.strategies.base import Cancel, Selection, Start, Stop, Strategy, StrategyState
from solvent.agents.trajectory_state import Plan
from solvent.agents.writing import plan_of
from solvent.problems.math_equivalence import equivalent
from solvent.problems.problem import ProblemKind

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

    from solvent.artifacts import ArtifactStore

CLOSING = frozenset({
    StopReason.CAP_TOKENS, StopReason.CAP_CALLS, StopReason.CAP_TRAJECTORIES, StopReason.CAP_SANDBOX,
    StopReason.CAP_COST, StopReason.DEADLINE,
})  # fmt: skip
"""A trajectory that ends so says that the job's budget is at its end: nothing new is started."""
STEPS_BETWEEN_INTERRUPTS = 12
"""More supersteps than any path from one interrupt to the next has."""

Update = dict[str, Any]


class Executor(Protocol):
    """Runs trajectories somewhere."""

    def start(self, plan: Plan) -> None:
        """Start a trajectory; starting it again changes nothing."""
        ...

    def cancel(self, trajectory: str) -> None:
        """Cancel a trajectory."""
        ...


class Arrivals(TypedDict):
    """What resumes `gather`."""

    outcomes: list[dict[str, Any]]
    """`TrajectoryOutcome` as JSON."""
    stop: str | None
    """Stop reason from outside: deadline or cancelled."""


class SearchState(TypedDict, total=False):
    """The search. Outcomes are folded into `memo` as they come and not kept."""

    started: int
    told: int
    pending: dict[str, Plan]
    """Trajectories that run, with what was ordered: enough to start them again after a crash."""
    orders: list[Plan]
    cancels: list[str]
    arrived: list[dict[str, Any]]
    groups: list[str]
    """Artifact id of the first answer of each class of equal answers."""
    tries: list[GridTry]
    """Kind `grid`: the best of each class of equal outputs, of which the two attempts are taken."""
    recalled: str | None
    """Artifact id of what the job recalled, where it has a memory: also where no trajectory is selected."""
    memo: dict[str, Any]
    closing: str | None
    """A cap that was met: nothing new is started."""
    stop: str | None
    error: dict[str, str | None] | None
    selection: dict[str, Any] | None


@dataclass(frozen=True)
class SearchContext:
    """What the nodes of one job's search work with."""

    kind: ProblemKind
    strategy: Strategy
    executor: Executor
    artifacts: ArtifactStore


Context = Runtime[SearchContext]


def view_of(state: SearchState) -> StrategyState:
    """Return what the strategy sees."""
    return StrategyState(
        started=state["started"], told=state["told"], pending=list(state["pending"]), memo=state["memo"]
    )


def initial_state() -> SearchState:
    """Return the state before the first step."""
    return SearchState(
        started=0, told=0, pending={}, orders=[], cancels=[], arrived=[], groups=[], tries=[], memo={},
        closing=None, stop=None, error=None, selection=None,
    )  # fmt: skip


async def ask(state: SearchState, runtime: Context) -> Update:
    """Ask the strategy what to do."""
    orders: list[Plan] = []
    cancels: list[str] = []
    stop: StopReason | None = None
    for action in runtime.context.strategy.ask(view_of(state)):
        if isinstance(action, Stop):
            stop = action.reason
        elif isinstance(action, Cancel):
            cancels.append(action.trajectory)
        elif isinstance(action, Start) and state["closing"] is None:
            orders.append(plan_of(action))
    if stop is not None and stop is StopReason.MAX_ROUNDS and state["closing"] is not None:
        stop = StopReason(state["closing"])
    if stop is None and not orders and not state["pending"]:
        stop = StopReason(state["closing"] or StopReason.MAX_ROUNDS)
    pending = {**state["pending"], **{plan["trajectory"]: plan for plan in orders}}
    return {
        "orders": orders,
        "cancels": cancels,
        "stop": stop and stop.value,
        "pending": pending,
        "started": state["started"] + len(orders),
    }


async def dispatch(state: SearchState, runtime: Context) -> Update:
    """Start and cancel what was ordered."""
    executor = runtime.context.executor
    for plan in state["orders"]:
        executor.start(plan)
    for trajectory in state["cancels"]:
        executor.cancel(trajectory)
    return {"orders": [], "cancels": []}


async def gather(state: SearchState) -> Update:
    """Wait for outcomes: the graph stands still here, and what brings outcomes resumes it."""
    arrivals: Arrivals = interrupt({"pending": sorted(state["pending"])})
    return {"arrived": arrivals["outcomes"], "stop": arrivals["stop"]}


async def tell(state: SearchState, runtime: Context) -> Update:
    """Tell the strategy what ended, each answer with the class of equal answers that it belongs to."""
    context = runtime.context
    groups = list(state["groups"])
    view = view_of(state)
    tries = state.get("tries", [])
    recalled = state.get("recalled")
    closing, stop, error = state["closing"], state["stop"], state["error"]
    pending = dict(state["pending"])
    for record in state["arrived"]:
        outcome = TrajectoryOutcome.model_validate(record)
        if pending.pop(outcome.trajectory, None) is None:
            continue
        recalled = recalled or outcome.recalled
        if outcome.answer is not None:
            group = await _group(outcome.answer, groups, context)
            outcome = outcome.model_copy(update={"group": group})
            if context.kind is ProblemKind.GRID:
                tries = with_try(tries, outcome)
        view = context.strategy.tell({**view, "pending": list(pending), "told": view["told"] + 1}, outcome)
        if outcome.stop_reason in CLOSING:
            closing = closing or outcome.stop_reason.value
        if outcome.error is not None:
            stop, error = StopReason.ERROR.value, error or outcome.error
    return {
        "arrived": [],
        "groups": groups,
        "tries": tries,
        "recalled": recalled,
        "memo": view["memo"],
        "told": view["told"],
        "pending": pending,
        "closing": closing,
        "stop": stop,
        "error": error,
    }


async def select(state: SearchState, runtime: Context) -> Update:
    """Cancel what still runs and take the strategy's selection."""
    for trajectory in state["pending"]:
        runtime.context.executor.cancel(trajectory)
    selection = runtime.context.strategy.select(view_of(state))
    return {
        "selection": {
            "outcome": None if selection.outcome is None else selection.outcome.model_dump(mode="json"),
            "solved": selection.solved,
            "reason": selection.reason.value,
            "agreement": selection.agreement,
            "votes": selection.votes,
        }
    }


def selection_of(state: SearchState) -> Selection:
    """Return the selection of a search that ended."""
    record = state["selection"] or {}
    outcome = record.get("outcome")
    return Selection(
        outcome=None if outcome is None else TrajectoryOutcome.model_validate(outcome),
        solved=record.get("solved", False),
        reason=StopReason(record.get("reason", StopReason.MAX_ROUNDS)),
        agreement=record.get("agreement", 0),
        votes=record.get("votes", 0),
    )


async def _group(answer: str, groups: list[str], context: SearchContext) -> int:
    """Return the class of an answer, and open a new one where it equals none."""
    for number, first in enumerate(groups):
        if first == answer:
            return number
    if context.kind is ProblemKind.MATH:
        text = context.artifacts.get(answer)
        for number, first in enumerate(groups):
            if await asyncio.to_thread(equivalent, context.artifacts.get(first), text):
                return number
    groups.append(answer)
    return len(groups) - 1


def _after_dispatch(state: SearchState) -> Literal["gather", "select"]:
    return "select" if state["stop"] else "gather"


def _after_tell(state: SearchState) -> Literal["ask", "select"]:
    return "select" if state["stop"] else "ask"


def build_search_graph(
    saver: BaseCheckpointSaver[Any] | None,
) -> CompiledStateGraph[SearchState, SearchContext, SearchState, SearchState]:
    """Return the graph with its checkpoints in `saver`; a `copy` of it may be given another."""
    graph = StateGraph(SearchState, context_schema=SearchContext)
    for node in (ask, dispatch, gather, tell, select):
        graph.add_node(node)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "dispatch")
    graph.add_conditional_edges("dispatch", _after_dispatch, ["gather", "select"])
    graph.add_edge("gather", "tell")
    graph.add_conditional_edges("tell", _after_tell, ["ask", "select"])
    graph.add_edge("select", END)
    return graph.compile(checkpointer=saver, name="search")
