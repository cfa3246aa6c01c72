"""What all calls of a job share: attempts that are reserved, what was kept of earlier ones, and how they end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import count

from solvent.agents.budget import Ask, Granted, Ledger, Refused, Settled, Unfinished
from solvent.agents.call_ends import CallEnds
from solvent.agents.job import StopReason
from solvent.agents.reporter import Reporter
from solvent.artifacts import ArtifactStore, MissingArtifactError
from solvent.usage import Usage

_log = logging.getLogger(__name__)


class CallDoor:
    """Calls of one job, whatever they do.

    Args:
        job_id: the job's scope in the ledger, opened before.
        artifacts: keeps what calls give.
        ledger: grants them.
        report: is told what is spent.
        most_searching: tokens that the job's trajectories may take together, where less than its cap, so that there is
            something left for what comes after them; calls at the same time may exceed it, the cap never.
    """

    def __init__(
        self, *, job_id: str, artifacts: ArtifactStore, ledger: Ledger, report: Reporter, most_searching: int | None
    ) -> None:
        self._job_id = job_id
        self._artifacts = artifacts
        self._ledger = ledger
        self._report = report
        self._most_searching = most_searching
        self._ends = CallEnds(job_id, ledger, artifacts, report)

    async def start_trajectory(self, trajectory: str) -> Refused | None:
        """Count a trajectory; returns why it may not start, or None."""
        call = f"{trajectory}/start"
        answer = await self._ledger.reserve(self._job_id, call, Ask(fixed=Usage(trajectories=1)))
        if isinstance(answer, Refused):
            return answer
        if isinstance(answer, Granted):
            await self._ledger.commit(self._job_id, call, answer.reserved)
        return None

    async def was_made(self, key: str) -> bool:
        """Return whether a call was made under this key, now or before; it costs nothing."""
        call = f"{key}/0"
        answer = await self._ledger.reserve(self._job_id, call, Ask(fixed=Usage()))
        if isinstance(answer, Granted):
            await self._ledger.release(self._job_id, call)
        return not isinstance(answer, Granted | Refused)

    async def once(self, key: str, work: Callable[[], Awaitable[str]]) -> str:
        """Return what `work` returns, or what it returned when it was first done for this key; it costs nothing.

        So what was decided by something that changes is the same when a run is gone through again.
        """
        async for call, answer in self._attempts(key, Ask(fixed=Usage())):
            if isinstance(answer, Settled) and answer.artifact is not None:
                return self._artifacts.get(answer.artifact)
            if not isinstance(answer, Granted):
                break
            async with self._ends.held(call):
                text = await work()
                await self._ends.keep(call, Usage(), text)
            return text
        # A cap that is reached refuses even what costs nothing, and the job is about to end.
        return await work()

    async def _attempts(
        self, key: str, ask: Ask, *, searching: bool = False
    ) -> AsyncIterator[tuple[str, Granted | Refused | Settled]]:
        for attempt in count():
            call = f"{key}/{attempt}"
            answer = await self._ledger.reserve(self._job_id, call, ask)
            if searching and isinstance(answer, Granted):
                answer = await self._left_to_search(call, answer, ask.floor)
            if not isinstance(answer, Unfinished):
                yield call, answer

    async def _left_to_search(self, call: str, granted: Granted, floor: int) -> Granted | Refused:
        """Return what of a grant the trajectories may have; where that is under the floor, the call is given up."""
        if self._most_searching is None:
            return granted
        try:
            over = (await self._ledger.usage(self._job_id)).tokens - self._most_searching
        except BaseException:
            await self._ends.give_back(call)
            raise
        if over <= 0:
            return granted
        if granted.max_tokens - over >= floor:
            return replace(granted, max_tokens=granted.max_tokens - over)
        await self._ledger.release(self._job_id, call)
        return Refused(StopReason.CAP_TOKENS, self._job_id)

    async def _kept(self, call: str, answer: Settled) -> str | None:
        """Return the result of a call that was made before; None where there is none, and it has to be made again.

        One that was lost (a disk, a restored backup) is as spent as it was, and what is made anew is paid again.
        """
        if answer.artifact is None:
            return None
        try:
            return await asyncio.to_thread(self._artifacts.get, answer.artifact)
        except MissingArtifactError as error:
            _log.warning("call %s of job %s is made again: %s", call, self._job_id, error)
            return None
