"""What is kept for how long, and what a sweep deletes: old jobs with all that is theirs, and what nobody needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Protocol

from solvent.artifacts import ArtifactBackend
from solvent.errors import StoreError
from solvent.settings import Settings
from solvent.workers.artifact_register import ArtifactRegister
from solvent.workers.checkpoints import Checkpoints

DAY_S = 86_400.0
LEFTOVER_S = 6 * 3600.0
"""Age from which on a leftover is one: whatever is done with it was begun long before."""
ASKED_AT_ONCE = 500
DELETED_AT_ONCE = 50
CHORE = "sweep"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retention:
    """How long what has ended is kept. None: for ever."""

    job_s: float | None = None
    """Jobs outside batches, and batches of which all jobs have ended, with results, logs, artifacts and accounts."""
    project_s: Mapping[str, float | None] = field(default_factory=dict)
    """The same for single projects."""
    event_s: float | None = None
    """Logs of ended jobs, but for their last event."""

    @property
    def deletes_jobs(self) -> bool:
        """Whether there is a project whose jobs go."""
        return self.job_s is not None or any(each is not None for each in self.project_s.values())

    @property
    def longest_s(self) -> float | None:
        """How long what belongs to no job is kept: as long as that of the project that keeps it longest."""
        all_s = [self.job_s, *self.project_s.values()]
        return None if None in all_s else max(each for each in all_s if each is not None)


def retention_of(settings: Settings) -> Retention:
    """Return what the settings say. Pure."""
    days, events = settings.retention_days, settings.event_retention_days
    return Retention(
        job_s=None if days is None else days * DAY_S,
        project_s={project: None if one == 0 else one * DAY_S for project, one in settings.retention_days_for.items()},
        event_s=None if events is None else events * DAY_S,
    )


@dataclass(frozen=True)
class Swept:
    """What was deleted, or would be."""

    jobs: int = 0
    batches: int = 0
    events: int = 0
    """Events of jobs that stay."""
    checkpoints: int = 0
    """Jobs whose checkpoints were left over."""
    artifacts: int = 0
    artifact_bytes: int = 0

    def plus(self, more: Swept) -> Swept:
        """Return the sum."""
        mine = asdict(self)
        return Swept(**{name: mine[name] + value for name, value in asdict(more).items()})


@dataclass(frozen=True)
class Step:
    """What one transaction deleted."""

    jobs: int = 0
    batches: int = 0
    artifacts: Sequence[tuple[str, int]] = ()
    """Ids and sizes of artifacts that no job has any more; their rows are gone, their texts are to go."""


class Upkeep(Protocol):
    """What a sweep asks of the database. All methods raise `StoreError`."""

    async def begin(self, chore: str, *, every_s: float, holder: str) -> bool:
        """Return whether it is this holder's to do now: nobody has begun it within `every_s`, and it is begun."""
        ...

    async def doomed(self, retention: Retention) -> Swept:
        """Return what `delete_ended` and `trim_logs` would delete, counted."""
        ...

    async def delete_ended(self, retention: Retention) -> Step:
        """Delete the next jobs that ended long enough ago, with all that is theirs; nothing: there are no more.

        A job that is locked, held or open is left. A batch goes when all its jobs may, in several steps where it is
        large; its account with its last job.
        """
        ...

    async def trim_logs(self, retention: Retention) -> int:
        """Delete the next events of jobs that ended long enough ago, but for their last; 0: there are no more."""
        ...

    async def open_jobs(self, ids: Sequence[str] | None = None) -> set[str]:
        """Return which of these jobs (None: of all) are there and have not ended."""
        ...

    async def oldest_open_s(self) -> float:
        """Return the age of the oldest job that has not ended; 0 where there is none."""
        ...

    async def while_ended(self, ids: Sequence[str] | None, work: Callable[[set[str]], Awaitable[None]]) -> None:
        """Do `work` with the open ones among these jobs (None: among all) while none of the others can be begun."""
        ...


class Sweeper:
    """Sweeps. Safe beside running jobs and beside other sweepers.

    Args:
        upkeep: of the database.
        register: which job's artifacts are which.
        artifacts: where their texts are.
        checkpoints: of all jobs.
    """

    def __init__(
        self, upkeep: Upkeep, register: ArtifactRegister, artifacts: ArtifactBackend, checkpoints: Checkpoints
    ) -> None:
        self._upkeep = upkeep
        self._register = register
        self._artifacts = artifacts
        self._checkpoints = checkpoints

    async def begin(self, *, every_s: float, holder: str) -> bool:
        """Return whether it is this process's turn; see `Upkeep.begin`."""
        return await self._upkeep.begin(CHORE, every_s=every_s, holder=holder)

    async def sweep(self, retention: Retention, *, dry_run: bool = False) -> Swept:
        """Delete what is to go; with `dry_run` only count it.

        Raises:
            StoreError: something does not answer; what was deleted is deleted whole, and the next sweep goes on.
        """
        swept = await self._upkeep.doomed(retention) if dry_run else await self._delete_ended(retention)
        swept = swept.plus(await self._leftover_checkpoints(dry_run=dry_run))
        return swept.plus(await self._forgotten_artifacts(retention, dry_run=dry_run))

    async def _delete_ended(self, retention: Retention) -> Swept:
        swept = Swept()
        while (step := await self._upkeep.delete_ended(retention)) != Step():
            swept = swept.plus(Swept(jobs=step.jobs, batches=step.batches))
            # Rows first: what is left where this process dies in between belongs to no job, and is found below.
            swept = swept.plus(await self._discard(step.artifacts, LEFTOVER_S))
        while events := await self._upkeep.trim_logs(retention):
            swept = swept.plus(Swept(events=events))
        return swept

    async def _leftover_checkpoints(self, *, dry_run: bool) -> Swept:
        """Delete checkpoints of jobs that are not open; each job deletes its own, unless its worker dies meanwhile."""
        found = await self._checkpoints.stored(older_than_s=LEFTOVER_S)
        ids = found.keys if found.keys_are_ids else None
        left = found.left_over(await self._upkeep.open_jobs(ids)) if found.keys else []
        if dry_run:
            return Swept(checkpoints=len(left))
        deleted = 0
        for start in range(0, len(left), DELETED_AT_ONCE):
            keys = left[start : start + DELETED_AT_ONCE]

            async def delete(open_jobs: set[str], keys: Sequence[str] = keys) -> None:
                nonlocal deleted
                for key in found.left_over(open_jobs, keys):
                    await self._checkpoints.discard(key, older_than_s=LEFTOVER_S)
                    deleted += 1

            await self._upkeep.while_ended(keys if found.keys_are_ids else None, delete)
        return Swept(checkpoints=deleted)

    async def _forgotten_artifacts(self, retention: Retention, *, dry_run: bool) -> Swept:
        """Delete texts that belong to no job and were stored before every job that has not ended.

        They come from workers that died before they wrote down whose they are, and from runs without the service, so
        they are kept as long as any job's.
        """
        kept_s = retention.longest_s
        if kept_s is None:
            return Swept()
        older_than_s = max(kept_s, LEFTOVER_S, await self._upkeep.oldest_open_s() + LEFTOVER_S)
        swept = Swept()
        pages = _pages(self._artifacts.ids(older_than_s=older_than_s))
        while page := await asyncio.to_thread(next, pages, None):
            sizes = dict(page)
            forgotten = [(id_, sizes[id_]) for id_ in await self._register.unknown(list(sizes))]
            swept = swept.plus(await self._discard(forgotten, older_than_s, dry_run=dry_run))
        return swept

    async def _discard(
        self, artifacts: Sequence[tuple[str, int]], older_than_s: float, *, dry_run: bool = False
    ) -> Swept:
        def discard() -> Swept:
            gone = [
                size for id_, size in artifacts if dry_run or self._artifacts.discard(id_, older_than_s=older_than_s)
            ]
            return Swept(artifacts=len(gone), artifact_bytes=sum(gone))

        return await asyncio.to_thread(discard)


async def sweep_on(sweeper: Sweeper, settings: Settings, holder: str, swept: Callable[[dict[str, int]], None]) -> None:
    """Sweep again and again, until cancelled; of all processes on a database one does so every `sweep_s`.

    Args:
        sweeper: does it.
        settings: of the process.
        holder: name of this process.
        swept: is told what was deleted.
    """
    retention, every_s = retention_of(settings), settings.sweep_s
    while True:
        try:
            if await sweeper.begin(every_s=every_s, holder=holder):
                deleted = await sweeper.sweep(retention)
                swept(asdict(deleted))
                if deleted != Swept():
                    logger.warning("swept: %s", asdict(deleted))
        except StoreError as error:
            logger.warning("the sweep is gone on with next time: %s", error)
        except Exception:  # a defect must not end all further sweeps
            logger.exception("nothing was swept")
        await asyncio.sleep(every_s / 2)


def _pages(found: Iterator[tuple[str, int]]) -> Iterator[Sequence[tuple[str, int]]]:
    while page := list(islice(found, ASKED_AT_ONCE)):
        yield page
