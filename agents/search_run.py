"""One job's search between its checkpoint and its next interrupt, wherever its trajectories run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langgraph.types import Command

from solvent.agents.checkpoints import format_metadata, refuse_newer
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.search import STEPS_BETWEEN_INTERRUPTS, Arrivals, SearchContext, SearchState, initial_state
from solvent.errors import StoreError, boundary

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Durability

SEARCH = "search"
"""Name of the search among the checkpoints of a job; trajectories have their own names."""


@dataclass(frozen=True)
class Standing:
    """Where a search stands."""

    state: SearchState
    waiting: bool
    """It waits for outcomes."""
    ended: bool
    """It made its selection."""


class SearchRun:
    """Runs the search graph of one job.

    Args:
        graph: see `build_search_graph`.
        context: what its nodes work with.
        job_id: for messages.
        thread: name of the checkpoint thread.
        errors: what the saver raises where it fails.
        durability: as in `agents.trajectory.run_trajectory`.
    """

    def __init__(
        self,
        graph: CompiledStateGraph[SearchState, SearchContext, SearchState, SearchState],
        context: SearchContext,
        *,
        job_id: str,
        thread: str,
        errors: tuple[type[Exception], ...],
        durability: Durability = "sync",
    ) -> None:
        self._graph = graph
        self._context = context
        self._what = f"write the checkpoints of job {job_id!r}"
        self._errors = errors
        self._durability: Durability = durability
        self._config: RunnableConfig = {
            "configurable": {"thread_id": thread},
            "recursion_limit": STEPS_BETWEEN_INTERRUPTS,
            "metadata": format_metadata(),
        }

    async def find(self) -> Standing | None:
        """Return where the last checkpoint stands, or None where there is none.

        Raises:
            NewerFormatError: a newer version wrote it.
            StoreError: it cannot be read.
        """
        with boundary(StoreError, self._what, *self._errors):
            snapshot = await self._graph.aget_state(self._config)
        if not snapshot.values:
            return None
        refuse_newer(snapshot.metadata, self._what)
        # `next` leaves out what ran and whose writes no checkpoint has yet; `tasks` has that too.
        waiting = bool(snapshot.interrupts and snapshot.next)
        return Standing(cast(SearchState, snapshot.values), waiting, not snapshot.tasks)

    async def go_on(self, found: Standing | None) -> Standing:
        """Run from the checkpoint that was found, or from the start, to where it waits or ends."""
        if found is not None and (found.waiting or found.ended):
            return found
        return await self._run(initial_state() if found is None else None)

    async def bring(self, outcomes: Iterable[TrajectoryOutcome], stop: StopReason | None = None) -> Standing:
        """Hand outcomes to a search that waits for them, and run it to where it waits again or ends.

        Args:
            outcomes: what ended; what the search was told before counts once.
            stop: ends it from outside: deadline or cancelled.
        """
        arrivals: Arrivals = {
            "outcomes": [outcome.model_dump(mode="json", exclude_defaults=True) for outcome in outcomes],
            "stop": stop and stop.value,
        }
        return await self._run(Command(resume=arrivals))

    async def _run(self, value: Any) -> Standing:
        with boundary(StoreError, self._what, *self._errors):
            state = await self._graph.ainvoke(value, self._config, context=self._context, durability=self._durability)
        waiting = bool(state.pop("__interrupt__", ()))
        return Standing(cast(SearchState, state), waiting, not waiting)
