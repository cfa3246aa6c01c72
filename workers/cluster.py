"""What the ways through a job and a trajectory work with in one worker process."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from solvent.agents.budget import Ledger
from solvent.agents.job import JobSpec
from solvent.agents.job_parts import PreparedJob, prepare
from solvent.artifacts import ArtifactStore
from solvent.errors import DependencyError, SolventError, StoreError
from solvent.workers.artifact_register import ArtifactRegister
from solvent.workers.checkpoints import Checkpoints
from solvent.workers.distillations import Distillations
from solvent.workers.event_log import EventLog
from solvent.workers.lease import Held, Keeper
from solvent.workers.messages import JOB_QUEUES, Messages
from solvent.workers.metrics import WorkerMetrics
from solvent.workers.parts import Parts
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.scopes import parent_of
from solvent.workers.service_records import QueuedJob
from solvent.workers.service_store import ServiceStore

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import RunControl

logger = logging.getLogger(__name__)
RECORDS = 256
"""Jobs whose records a process keeps, so that not every trajectory reads its job's problem again."""


@dataclass(frozen=True)
class Graphs:
    """The two graphs without a saver: a copy with one costs little, building one does not."""

    search: CompiledStateGraph[Any, Any, Any, Any]
    trajectory: CompiledStateGraph[Any, Any, Any, Any]


def build_graphs() -> Graphs:
    """Import LangGraph, which takes a second, and build the graphs."""
    from solvent.agents.search import build_search_graph
    from solvent.agents.trajectory import build_trajectory_graph

    return Graphs(build_search_graph(None), build_trajectory_graph(None))


class Drain:
    """Says that the process is to stop, and to hand back what it works on."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self._controls: set[RunControl] = set()

    def request(self) -> None:
        """Have every graph run end at its next step; called on the event loop."""
        self.requested.set()
        for control in self._controls:
            control.request_drain("the worker stops")

    def control(self) -> RunControl:
        """Return the control of a run that begins; `done` when it ended."""
        from langgraph.runtime import RunControl

        control = RunControl()
        if self.requested.is_set():
            control.request_drain("the worker stops")
        self._controls.add(control)
        return control

    def done(self, control: RunControl) -> None:
        """Forget a run that ended."""
        self._controls.discard(control)


@dataclass(frozen=True)
class _ToppingUp:
    """One call chooses jobs to send, and of those that wait for it each has an `unseen_s` of its own."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: set[float] = field(default_factory=set)


@dataclass(frozen=True)
class Cluster:
    """One worker process's share in the cluster. Everything is opened and closed by who made it."""

    store: ServiceStore
    distillations: Distillations
    ledger: Ledger
    artifacts: ArtifactStore
    checkpoints: Checkpoints
    parts: Parts
    keeper: Keeper
    events: EventLog
    messages: Messages
    graphs: Graphs
    register: ArtifactRegister
    metrics: WorkerMetrics
    max_attempts: int
    outstanding: int = 256
    """Most messages about jobs that have not begun under way at once, per queue; the others wait in the database, which
    chooses fairly."""
    drain: Drain = field(default_factory=Drain)
    _records: OrderedDict[str, JobRecord] = field(default_factory=OrderedDict)
    _batches: OrderedDict[str, BatchRecord] = field(default_factory=OrderedDict)
    _topping_up: _ToppingUp = field(default_factory=_ToppingUp)

    async def record(self, job_id: str, *, fresh: bool) -> JobRecord:
        """Return a job's record, from the store or (where its status is not asked for) as it was last read here.

        Raises:
            NotFound: there is no such job.
            StoreError: the database does not answer.
        """
        known = self._records.get(job_id)
        if known is None or fresh:
            known = await self.store.job(job_id)
            self._records[job_id] = known
            if len(self._records) > RECORDS:
                self._records.popitem(last=False)
        self._records.move_to_end(job_id)
        return known

    async def batch(self, batch_id: str) -> BatchRecord:
        """Return a batch as it was first read here: what it was asked for never changes.

        Raises:
            NotFound: there is no such batch.
            StoreError: the database does not answer.
        """
        known = self._batches.get(batch_id)
        if known is None:
            known = self._batches[batch_id] = await self.store.batch(batch_id)
            if len(self._batches) > RECORDS:
                self._batches.popitem(last=False)
        return known

    async def prepare(self, record: JobRecord, spec: JobSpec) -> PreparedJob:
        """Look up and open all that a job needs.

        Raises:
            ConfigError: see `agents.job_parts.prepare` and `Parts.of`.
            DependencyError: a model cannot be opened here.
        """
        parts = await self.parts.of(spec, parent=parent_of(record), project=record.project)
        return prepare(spec, parts, self.events.emit)

    async def hand_back(self, held: Held, error: SolventError | None = None) -> None:
        """End a lease so that another may claim at once; where `error` is the reason, the attempt counts.

        Never raises for a database that does not answer: then the lease lapses.
        """
        with suppress(StoreError), held.letting_go():
            cause = None if error is None else error.to_dict()
            await self.store.give_back(held.claim, counts=error is not None, error=cause)

    async def send(
        self,
        *,
        jobs: Sequence[QueuedJob] = (),
        trajectories: Sequence[str] = (),
        queue: str = "",
        distillations: Sequence[str] = (),
    ) -> None:
        """Send messages; what cannot be sent, the reaper sends later."""
        try:
            if jobs:
                await self.messages.send_jobs(jobs)
            if trajectories:
                await self.messages.send_trajectories(trajectories, queue=queue)
            if distillations:
                await self.messages.send_distillations(distillations)
        except DependencyError as error:
            number = len(jobs) + len(trajectories) + len(distillations)
            logger.warning("%d messages were not sent: %s", number, error)

    async def top_up(self, unseen_s: float) -> None:
        """Send messages for the next jobs that wait, as many as a worker may want soon.

        Returns at once where another such call has yet to begin: of jobs that end together each would wait for all
        before it, since only one at a time may choose.
        """
        state = self._topping_up
        if unseen_s in state.waiting:
            return
        state.waiting.add(unseen_s)
        try:
            await state.lock.acquire()
        finally:
            state.waiting.discard(unseen_s)
        try:
            with suppress(StoreError):
                await self.send(jobs=await self.store.next_jobs(outstanding=self.outstanding, unseen_s=unseen_s))
        finally:
            state.lock.release()


def queue_of(record: JobRecord) -> str:
    """Return the queue of a job's messages; one that is not known goes to the last. Pure."""
    return record.queue if record.queue in JOB_QUEUES else JOB_QUEUES[-1]
