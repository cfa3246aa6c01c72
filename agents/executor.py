"""Runs trajectories as asyncio tasks of this process and hands over their outcomes as they end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import InternalError, SolventError

logger = logging.getLogger(__name__)


class LocalExecutor:
    """One task per trajectory.

    Args:
        run: runs a trajectory to its end; called at most once per trajectory id.
    """

    def __init__(self, run: Callable[[Plan], Awaitable[TrajectoryOutcome]]) -> None:
        self._run = run
        self._tasks: dict[str, asyncio.Task[TrajectoryOutcome]] = {}
        self._ended: list[TrajectoryOutcome] = []
        self._news = asyncio.Event()

    def start(self, plan: Plan) -> None:
        """Start a trajectory, unless it was started already."""
        trajectory = plan["trajectory"]
        if trajectory not in self._tasks:
            task = asyncio.create_task(outcome_of_run(plan, self._run), name=f"trajectory {trajectory}")
            self._tasks[trajectory] = task
            task.add_done_callback(lambda done: self._collect(trajectory, done))

    def cancel(self, trajectory: str) -> None:
        """Cancel a trajectory; its outcome comes as any other. Nothing happens if it ended already."""
        task = self._tasks.get(trajectory)
        if task is not None:
            task.cancel()

    def arrived(self) -> list[TrajectoryOutcome]:
        """Return what ended since the last call, without waiting."""
        ended, self._ended = self._ended, []
        self._news.clear()
        return ended

    async def next(self) -> list[TrajectoryOutcome]:
        """Wait until at least one trajectory has ended; return all that have since the last call."""
        await self._news.wait()
        return self.arrived()

    async def aclose(self) -> None:
        """Cancel what runs and wait until all of it is gone."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _collect(self, trajectory: str, task: asyncio.Task[TrajectoryOutcome]) -> None:
        outcome = cancelled_outcome(trajectory) if task.cancelled() else task.result()
        self._ended.append(outcome)
        self._news.set()


def cancelled_outcome(trajectory: str) -> TrajectoryOutcome:
    """Return the outcome of a trajectory that was cancelled."""
    return TrajectoryOutcome(trajectory=trajectory, stop_reason=StopReason.CANCELLED, summary="cancelled")


async def outcome_of_run(
    plan: Plan,
    run: Callable[[Plan], Awaitable[TrajectoryOutcome]],
    *,
    passing: tuple[type[Exception], ...] = (),
) -> TrajectoryOutcome:
    """Run a trajectory; a failure is its outcome, with the error that ends its job.

    Args:
        plan: what was ordered.
        run: runs it to its end.
        passing: exceptions that say nothing of the trajectory; they are raised.
    """
    try:
        return await run(plan)
    except passing:
        raise
    except SolventError as error:
        failure = error
    except Exception as cause:  # a defect ends this job with its name; other jobs of the batch go on
        logger.exception("trajectory %s failed by a defect", plan["trajectory"])
        failure = InternalError(f"{type(cause).__name__} in trajectory {plan['trajectory']}: {cause}")
    return TrajectoryOutcome(
        trajectory=plan["trajectory"],
        stop_reason=StopReason.ERROR,
        summary=str(failure),
        error=failure.to_dict(),
    )
