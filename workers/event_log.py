"""Writes what happens in jobs to the store, behind the work, and wakes whoever watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from solvent.agents.events import Emit, Event, JobFinished, TextGenerated, TrajectoryFinished
from solvent.errors import DependencyError, NotFound, StoreError
from solvent.workers.service_store import HolderStore
from solvent.workers.wakeups import Wakeups, batch_topic, job_topic

LINGER_S = 0.05
"""How long events are gathered before they are written together."""
TEXT_LINGER_S = 0.25
"""The same while nothing but streamed text has come, of up to `FEW_TEXTS` trajectories."""
FEW_TEXTS = 8
MOST_TEXT_LINGER_S = 1.0
"""The same where many trajectories write: nobody reads all of them, and each piece that is written alone is a row."""
FEW_JOBS = 4
"""While events of no more jobs wait than that, the first text of a trajectory, which somebody may be waiting for, is
written at once."""
RETRY_S = 1.0
MOST_TEXTS = 20_000
"""Pieces of text that wait at most, while the store does not answer; beyond, text is left out."""

logger = logging.getLogger(__name__)


class EventLog:
    """Appends the events of all jobs of this process, in their order, and announces them.

    `emit` costs a list append. Pieces of one trajectory's text that wait together are written as one event
    (`joined`). Text is the only thing that may be left out (the artifact store has it); everything else waits until the
    store answers.

    A job's end is not written here: the store writes `job.finished` in the transaction that ends the job, so that
    there is exactly one, after everything else.

    Args:
        store: of the service.
        wakeups: where it is announced.
        text: write streamed text at all.
        observe: sees each event as it comes; must return at once and not raise.
    """

    def __init__(self, store: HolderStore, wakeups: Wakeups, *, text: bool = True, observe: Emit | None = None) -> None:
        self._store = store
        self._wakeups = wakeups
        self._text = text
        self._observe = observe
        self._waiting: dict[str, list[Event]] = {}
        self._texts = 0
        self._topics: set[str] = set()
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()
        self._at_once = asyncio.Event()
        self._writing: dict[str, set[str]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._last: dict[str, int] = {}
        self._writer: asyncio.Task[None] | None = None

    def emit(self, event: Event) -> None:
        """Take an event; returns at once, does not raise, and is called on the event loop."""
        if self._observe is not None:
            self._observe(event)
        if isinstance(event, JobFinished):
            return
        if isinstance(event, TextGenerated):
            if not self._text or self._texts >= MOST_TEXTS:
                return
            self._texts += 1
            trajectories = self._writing.setdefault(event.job_id, set())
            if event.trajectory not in trajectories:
                trajectories.add(event.trajectory)
                self._urgent.set()
                if len(self._waiting) <= FEW_JOBS:
                    self._at_once.set()
        else:
            if isinstance(event, TrajectoryFinished):
                self._forget_text(event.job_id, event.trajectory)
            self._urgent.set()
        self._waiting.setdefault(event.job_id, []).append(event)
        self._begin()

    def wake(self, job_id: str, batch_id: str | None = None) -> None:
        """Announce that the store has something new of a job, after everything that was emitted before."""
        self._topics.add(job_topic(job_id))
        if batch_id is not None:
            self._topics.add(batch_topic(batch_id))
        self._urgent.set()
        self._begin()

    def wake_batch(self, batch_id: str) -> None:
        """Announce that the store has something new of a batch."""
        self._topics.add(batch_topic(batch_id))
        self._urgent.set()
        self._begin()

    async def flush(self) -> None:
        """Wait until everything that was emitted is in the store. Called before a job's end is written."""
        if not self._idle.is_set():
            self._urgent.set()
            await self._idle.wait()

    def forget(self, job_id: str) -> None:
        """Drop what is kept of a job that does not run here any more."""
        self._last.pop(job_id, None)
        self._writing.pop(job_id, None)

    async def aclose(self, *, at_most_s: float = 10.0) -> None:
        """Write what waits, for at most that long, and end; safe to call twice."""
        try:
            async with asyncio.timeout(at_most_s):
                await self.flush()
        except TimeoutError:
            logger.warning("events of %d jobs were not written: the store does not answer", len(self._waiting))
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None

    def _forget_text(self, job_id: str, trajectory: str) -> None:
        trajectories = self._writing.get(job_id, set())
        trajectories.discard(trajectory)
        if not trajectories:
            self._writing.pop(job_id, None)

    def _begin(self) -> None:
        self._idle.clear()
        self._some.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="event log")

    async def _write(self) -> None:
        while True:
            await self._some.wait()
            await self._linger()
            self._urgent.clear()
            self._at_once.clear()
            waiting, self._waiting, self._texts = self._waiting, {}, 0
            for job_id, events in waiting.items():
                await self._append_or_drop(job_id, joined(events))
            topics, self._topics = self._topics, set()
            await self._announce_or_drop([*topics, *map(job_topic, waiting)])
            if not self._waiting and not self._topics:
                self._some.clear()
                self._idle.set()

    async def _linger(self) -> None:
        with suppress(TimeoutError):
            if not self._urgent.is_set():
                async with asyncio.timeout(text_linger_s(sum(map(len, self._writing.values())))):
                    await self._urgent.wait()
            if not self._at_once.is_set():
                async with asyncio.timeout(LINGER_S):
                    await self._at_once.wait()

    async def _append_or_drop(self, job_id: str, events: Sequence[Event]) -> None:
        try:
            await self._append(job_id, events)
        except Exception:  # a defect costs the events of one job; the others' must not wait for ever
            logger.exception("events of job %s are lost by a defect", job_id)

    async def _announce_or_drop(self, topics: Sequence[str]) -> None:
        try:
            await self._wakeups.announce(topics)
        except DependencyError as error:
            logger.warning("watchers wait for their next look: %s", error)
        except Exception:  # a defect costs a wake-up; whoever waits for the events to be written must not wait for ever
            logger.exception("watchers wait for their next look by a defect")

    async def _append(self, job_id: str, events: Sequence[Event]) -> None:
        """Append, however often it takes, and exactly once."""
        failed = False
        while True:
            try:
                if failed and await self._is_there(job_id, events):
                    return
                self._last[job_id] = (await self._store.add_events(job_id, events))[-1]
            except StoreError as error:
                if not failed:
                    logger.warning("events of job %s wait: %s", job_id, error)
                failed = True
                await asyncio.sleep(RETRY_S)
            except NotFound as error:
                logger.warning("events of job %s are dropped: %s", job_id, error)
                return
            else:
                return

    async def _is_there(self, job_id: str, events: Sequence[Event]) -> bool:
        """Whether an append that seemed to fail was done: a connection can break after the commit."""
        after, wanted = self._last.get(job_id, 0), list(events)
        found: list[Event] = []
        while page := await self._store.events(job_id, after=after):
            found += [stored.event for stored in page]
            after = page[-1].sequence
        starts = range(len(found) - len(wanted) + 1)
        return any(found[start : start + len(wanted)] == wanted for start in starts)


def text_linger_s(trajectories: int) -> float:
    """Return how long text is gathered while so many trajectories write. Pure."""
    return min(MOST_TEXT_LINGER_S, TEXT_LINGER_S * max(1.0, trajectories / FEW_TEXTS))


def joined(events: Sequence[Event]) -> list[Event]:
    """Return the events of a job with pieces of one trajectory's text as one, wherever only others wrote between them.

    So a piece may come before what other trajectories did meanwhile, and stays behind all that its own and the job did.
    """
    result: list[Event] = []
    growing: dict[str, int] = {}
    pieces: dict[int, list[str]] = {}
    for event in events:
        trajectory: str | None = getattr(event, "trajectory", None)
        if not isinstance(event, TextGenerated):
            if trajectory is None:
                growing.clear()
            else:
                growing.pop(trajectory, None)
        elif event.trajectory in growing:
            pieces[growing[event.trajectory]].append(event.text)
            continue
        else:
            growing[event.trajectory] = len(result)
            pieces[len(result)] = [event.text]
        result.append(event)
    for place, texts in pieces.items():
        if len(texts) > 1:
            result[place] = result[place].model_copy(update={"text": "".join(texts)})
    return result
