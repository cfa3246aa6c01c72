"""Shares of worker processes in a cluster, several in one process, over a real database and a scripted model."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

from fake_sandbox import FakeSandbox
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.agents.job import JobSpec, JobStatus
from solvent.agents.job_parts import JobDeps
from solvent.agents.ledgers import SqliteLedger
from solvent.agents.trajectory_state import derived_seed
from solvent.artifacts import ArtifactStore, FileArtifacts
from solvent.models.base import ChatRequest
from solvent.models.profiles import ModelProfile
from solvent.models.scripted import Reply, ScriptedModel
from solvent.problems.problem import Problem, ProblemKind
from solvent.usage import Budget
from solvent.workers.checkpoints import Checkpoints, PostgresCheckpoints, SqliteCheckpoints
from solvent.workers.cluster import Cluster, Graphs, build_graphs
from solvent.workers.database import ServiceDatabase, open_service_database
from solvent.workers.event_log import EventLog
from solvent.workers.handlers import handlers_of
from solvent.workers.lease import Keeper
from solvent.workers.local_messages import LocalMessages
from solvent.workers.metrics import WorkerMetrics
from solvent.workers.opening import libpq_url
from solvent.workers.parts import Parts
from solvent.workers.records import JobRecord
from solvent.workers.service_records import QueuedJob
from solvent.workers.sql.store import SqlServiceStore
from solvent.workers.stop_signals import listen_for_stops
from solvent.workers.tables import lease
from solvent.workers.wakeups import LocalWakeups, job_topic

MAX_TOKENS = 100
PARAMETERS: dict[str, Any] = {"wave": 1, "repairs": 1, "max_trajectories": 4, "max_tokens": MAX_TOKENS}
PROFILE = ModelProfile(name="scripted", backend="openai", base_url="http://none.invalid/v1", context_tokens=4000)
REPLIES = {
    "t0/0": r"\boxed{4}",
    "t1/0": "not here",
    "t1/1": r"\boxed{5}",
    "t2/0": r"so \boxed{4}",
    "t3/0": r"\boxed{4}",
}
"""Four trajectories, of which three say 4; by trajectory and round."""


def sum_spec(job_id: str = "job", **changes: Any) -> JobSpec:
    """A math job that REPLIES answer."""
    problem = Problem(id="sum", kind=ProblemKind.MATH, statement="2+2?", answer="4")
    values = {"id": job_id, "problem": problem, "parameters": PARAMETERS, "budget": Budget(tokens=100_000)}
    return JobSpec.model_validate({**values, **changes})


def record_of(spec: JobSpec, **changes: Any) -> JobRecord:
    return JobRecord(id=spec.id, custom_id=spec.id, spec=spec, created_at="", **changes)


class Script:
    """Answers by trajectory and round, counts the calls, and can hold some of them.

    Args:
        replies: texts by trajectory and round.
        held: those that wait after their first piece until `gate` is set.
    """

    def __init__(self, replies: Mapping[str, str] = REPLIES, *, held: Sequence[str] = ()) -> None:
        self._by_seed = {derived_seed(0, *name.split("/")): (name, text) for name, text in replies.items()}
        self._held = held
        self.gate = asyncio.Event()
        self.calls: Counter[str] = Counter()
        self.model = ScriptedModel(self._reply)

    def _reply(self, request: ChatRequest) -> Reply:
        name, text = self._by_seed[request.sampling.seed or 0]
        self.calls[name] += 1
        if name in self._held:
            return Reply((text,), gate=self.gate, after_chunks=1)
        return Reply((text,))


class ScriptedParts:
    """`Parts` over a scripted model."""

    config_dir: Path | None = None

    def __init__(
        self, model: ScriptedModel, artifacts: ArtifactStore, ledger: SqliteLedger, more: Mapping[str, Any]
    ) -> None:
        self._values: dict[str, Any] = {"model": model, "artifacts": artifacts, "ledger": ledger}
        self.more = more

    async def of(self, spec: JobSpec, *, parent: str | None, project: str = "default") -> JobDeps:
        return JobDeps(**{"profile": PROFILE, "sandbox": FakeSandbox({}), **self._values, **self.more, "batch": parent})


class ClusterBench:
    """Opens shares in one cluster; each is what one worker process has.

    Args:
        folder: of artifacts, ledger and SQLite checkpoints.
        url: of the database.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.wakeups = LocalWakeups()
        self.script = Script()
        self.artifacts = FileArtifacts(folder / "artifacts")
        self.stack = AsyncExitStack()
        self.number = 0
        self.more: dict[str, Any] = {}
        """Further fields of all `JobDeps`."""
        self._graphs: Graphs | None = None

    async def __aenter__(self) -> ClusterBench:
        self.database: ServiceDatabase = await open_service_database(self.url)
        self.stack.push_async_callback(self.database.aclose)
        self.ledger = SqliteLedger(self.folder / "ledger.sqlite")
        self.stack.push_async_callback(self.ledger.aclose)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()

    async def submit(self, *specs: JobSpec) -> list[QueuedJob]:
        await self.database.store.submit([record_of(spec) for spec in specs])
        return [QueuedJob(spec.id, "interactive") for spec in specs]

    async def lapse(self) -> None:
        """Let all leases be over now."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(lease).values(expires_at=0.0))

        store = self.database.store
        assert isinstance(store, SqlServiceStore)
        await store._database.write("let leases lapse", work)

    async def ended(self, job_id: str = "job") -> JobRecord:
        """Wait for a job's end, which is announced."""
        async with self.wakeups.listen(job_topic(job_id)) as news:
            while True:
                record = await self.database.store.job(job_id)
                if record.result is not None and record.status is not JobStatus.CANCELLING:
                    return record
                await news.wait(60)

    async def worker(self, *, lease_s: float = 3600.0, beat_s: float = 1200.0, listens: bool = False) -> Cluster:
        """Open one more share, of which nothing works yet."""
        self.number += 1
        if self._graphs is None:
            self._graphs = await asyncio.to_thread(build_graphs)
        store = self.database.store
        keeper = Keeper(store, f"worker {self.number}", lease_s=lease_s, beat_s=beat_s)
        self.stack.push_async_callback(keeper.aclose)
        events = EventLog(store, self.wakeups)
        self.stack.push_async_callback(events.aclose)
        checkpoints: Checkpoints
        if self.is_sqlite:
            checkpoints = SqliteCheckpoints(self.folder / "checkpoints")
        else:
            checkpoints = await PostgresCheckpoints.open(libpq_url(self.url), connections=2)
        self.stack.push_async_callback(checkpoints.aclose)
        messages = LocalMessages(4)
        self.stack.push_async_callback(messages.aclose)
        cluster = Cluster(
            store=store,
            distillations=self.database.distillations,
            ledger=self.ledger,
            artifacts=self.artifacts,
            checkpoints=checkpoints,
            parts=cast(Parts, ScriptedParts(self.script.model, self.artifacts, self.ledger, self.more)),
            keeper=keeper,
            events=events,
            messages=messages,
            graphs=self._graphs,
            register=self.database.artifacts,
            metrics=WorkerMetrics(),
            max_attempts=3,
        )
        if listens and not self.is_sqlite:
            listening = asyncio.create_task(listen_for_stops(libpq_url(self.url), keeper.wake))

            async def stop() -> None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

            self.stack.push_async_callback(stop)
        return cluster


def start(cluster: Cluster) -> None:
    """Begin to work on messages."""
    assert isinstance(cluster.messages, LocalMessages)
    cluster.messages.start(handlers_of(cluster))


@asynccontextmanager
async def bench_of(folder: Path, url: str) -> AsyncIterator[ClusterBench]:
    async with ClusterBench(folder, url) as bench:
        yield bench
