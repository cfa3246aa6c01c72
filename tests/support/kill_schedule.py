"""`kill -9` of workers at random moments of a batch, with replacements: the moments follow from a seed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

from cluster_lab import ClusterLab
from lab_worker import LabWorker

from solvent.workers.records import JobRecord

MOST_LATER_S = 0.5


class KillSchedule:
    """Kills one worker each time when so many jobs have ended, and a random moment later.

    Moments are counted in jobs and not in seconds, so that on a slow machine as many kills fall into a batch as on a
    fast one. A worker that does not take messages yet is not killed: the schedule waits for one that does.

    Args:
        lab: where the workers are.
        times: how often.
        jobs: in the batch.
        seed: of the moments and of the choice of who dies.
        options: of the replacements, as of `solvent worker`.
    """

    def __init__(self, lab: ClusterLab, *, times: int, jobs: int, seed: int, options: Sequence[str] = ()) -> None:
        self._lab = lab
        self._random = random.Random(seed)
        # Not among the last tenth: there must be work for a kill to hit.
        self._moments = sorted(self._random.sample(range(1, jobs - jobs // 10), times))
        self._options = options
        self.killed: list[LabWorker] = []
        self.killed_at: list[float] = []
        """Times of the database."""

    async def run(self, batch_id: str, *, within_s: float) -> list[JobRecord]:
        """Let the schedule go through a batch that was submitted; returns its jobs in the order of their ends.

        Raises:
            AssertionError: the batch did not end in that time.
        """
        records: list[JobRecord] = []
        ended = asyncio.Condition()

        async def count() -> None:
            async for record in self._lab.ending(batch_id):
                async with ended:
                    records.append(record)
                    ended.notify_all()

        counting = asyncio.create_task(count())
        killing = asyncio.create_task(self._kill_on(records, ended))
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(counting, killing)
        except TimeoutError:
            raise AssertionError(
                f"{len(records)} jobs ended and {len(self.killed)} workers were killed in {within_s:g} s\n"
                + self._lab.outputs()
            ) from None
        finally:
            for task in (counting, killing):
                task.cancel()
            await asyncio.gather(counting, killing, return_exceptions=True)
        return records

    async def _kill_on(self, records: Sequence[JobRecord], ended: asyncio.Condition) -> None:
        for moment in self._moments:
            async with ended:
                await ended.wait_for(lambda moment=moment: len(records) >= moment)  # type: ignore[misc]  # typeshed
            await asyncio.sleep(self._random.uniform(0, MOST_LATER_S))
            victim = await self._victim()
            victim.kill()
            self.killed_at.append(time.time())
            self.killed.append(victim)
            self._lab.begin_worker(*self._options)

    async def _victim(self) -> LabWorker:
        living = [worker for worker in self._lab.workers if worker.is_alive()]
        ready = [worker for worker in living if worker.is_ready]
        if not ready:
            waiting = [asyncio.create_task(worker.ready()) for worker in living]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            ready = [worker for worker in living if worker.is_ready]
        return self._random.choice(ready)
