"""The cluster's way through a job, on both databases: the embedded result, once, whatever comes twice or stops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from cluster_bench import PARAMETERS, REPLIES, ClusterBench, Script, start, sum_spec

from solvent.agents import checkpoints as formats
from solvent.agents.checkpoints import JobFiles
from solvent.agents.job import JobResult, JobStatus, Outcome, StopReason
from solvent.agents.ledgers import MemoryLedger
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.runner import Deps, run_job
from solvent.artifacts import FileArtifacts
from solvent.errors import StoreError
from solvent.usage import Budget
from solvent.workers.advance import advance_job
from solvent.workers.cluster import Cluster
from solvent.workers.handlers import handlers_of
from solvent.workers.lease import Keeper
from solvent.workers.messages import ADVANCE_JOB, RUN_TRAJECTORY, TRAJECTORIES
from solvent.workers.reaper import reap
from solvent.workers.service_records import Beat, Claim, LeaseKind, TrajectoryRecord
from solvent.workers.service_store import ServiceStore
from solvent.workers.trajectories import run_trajectory

pytestmark = pytest.mark.postgres
T = TypeVar("T")


@pytest.fixture(params=["sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClusterBench]:
    url = f"sqlite:///{tmp_path}/service.sqlite"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    async with ClusterBench(tmp_path, url) as made:
        yield made


async def embedded(folder: Path, script: Script, **changes: Any) -> JobResult:
    from cluster_bench import PROFILE
    from fake_sandbox import FakeSandbox

    deps = Deps(
        model=script.model,
        profile=PROFILE,
        sandbox=FakeSandbox({}),
        artifacts=FileArtifacts(folder / "embedded"),
        ledger=MemoryLedger(),
        job_files=JobFiles(folder / "embedded"),
    )
    return await run_job(sum_spec(**changes), deps, lambda event: None)


def essence(result: JobResult | None) -> JobResult:
    """What must be the same wherever a job runs."""
    assert result is not None
    return result.model_copy(update={"wall_s": 0.0})


async def threads_left(bench: ClusterBench, cluster: Cluster) -> list[str]:
    if bench.is_sqlite:
        return [path.name for path in (bench.folder / "checkpoints").glob("*.sqlite")]
    async with cluster.checkpoints.saver("job") as saver:
        return [str(found.config) async for found in saver.alist(None)]


async def test_a_job_gives_what_it_gives_embedded_and_leaves_nothing(bench: ClusterBench) -> None:
    whole = await embedded(bench.folder, Script())
    cluster = await bench.worker()
    start(cluster)
    await cluster.send(jobs=await bench.submit(sum_spec()))
    record = await bench.ended()
    assert essence(record.result) == essence(whole)
    assert record.status is JobStatus.COMPLETED
    assert record.result is not None
    assert record.result.outcome is Outcome.SOLVED
    assert bench.script.calls == dict.fromkeys(REPLIES, 1)
    assert (await bench.ledger.usage("job")) == record.result.usage
    assert await threads_left(bench, cluster) == []
    kinds = [stored.event.type for stored in await cluster.store.events("job")]
    assert kinds[0] == "job.started"
    assert kinds[-1] == "job.finished"
    assert (kinds.count("trajectory.started"), kinds.count("trajectory.finished")) == (4, 4)


async def test_doubled_and_reordered_messages_change_nothing(bench: ClusterBench) -> None:
    """Every message comes to both workers, several times and in any order, also long after the job's end."""
    workers = [await bench.worker(), await bench.worker()]
    await bench.submit(sum_spec("job"), sum_spec("other", seed=0))
    order = random.Random(7)
    for _ in range(12):
        calls = []
        for cluster in workers:
            for job_id in ("job", "other"):
                calls += [handlers_of(cluster)[ADVANCE_JOB](job_id)] * 1
                names = [f"{job_id}/t{number}" for number in range(5)]
                calls += [handlers_of(cluster)[RUN_TRAJECTORY](name) for name in names]
        order.shuffle(calls)
        await asyncio.gather(*calls)
    for job_id in ("job", "other"):
        record = await bench.ended(job_id)
        assert record.result is not None
        assert record.result.outcome is Outcome.SOLVED
        assert record.result.usage.trajectories == 4
        kinds = [stored.event.type for stored in await workers[0].store.events(job_id)]
        assert kinds.count("job.finished") == kinds.count("job.started") == 1
        assert kinds.count("trajectory.started") == 4
    assert bench.script.calls == dict.fromkeys(REPLIES, 2), "each of the two jobs asks once"


async def test_two_advancers_race_and_one_advances(bench: ClusterBench) -> None:
    first, second = await bench.worker(), await bench.worker()
    await bench.submit(sum_spec())
    await asyncio.gather(*(advance_job(cluster, "job") for cluster in (first, second) * 3))
    await asyncio.gather(first.events.flush(), second.events.flush())
    assert [stored.event.type for stored in await first.store.events("job")] == ["job.started"]
    await asyncio.gather(*(run_trajectory(cluster, f"job/t{n}") for n in range(4) for cluster in (first, second)))
    assert bench.script.calls["t0/0"] == 1


async def test_a_job_that_begins_runs_its_first_trajectory_in_place(bench: ClusterBench) -> None:
    cluster = await bench.worker()
    await bench.submit(sum_spec(parameters={**PARAMETERS, "wave": 3, "max_trajectories": 3}))
    await handlers_of(cluster)[ADVANCE_JOB]("job")
    assert bench.script.calls["t0/0"] == 1
    assert not bench.script.calls["t1/0"]
    assert (await cluster.messages.waiting())[TRAJECTORIES] == 2, "the others of the wave are for whoever has room"


async def test_a_worker_that_stops_leaves_the_first_trajectory_to_others(bench: ClusterBench) -> None:
    cluster = await bench.worker()
    await bench.submit(sum_spec())
    cluster.drain.request()
    await handlers_of(cluster)[ADVANCE_JOB]("job")
    assert not bench.script.calls
    assert (await cluster.messages.waiting())[TRAJECTORIES] == 1


async def test_a_process_without_trajectories_sends_all(bench: ClusterBench) -> None:
    cluster = await bench.worker()
    await bench.submit(sum_spec())
    await handlers_of(cluster, in_place=False)[ADVANCE_JOB]("job")
    assert not bench.script.calls
    assert (await cluster.messages.waiting())[TRAJECTORIES] == 1


async def test_a_cancel_cuts_the_reply_and_keeps_what_there_is(bench: ClusterBench) -> None:
    bench.script = script = Script(held=["t2/0"])
    # On PostgreSQL no beat comes in time: what wakes the keeper is the notification.
    cluster = await bench.worker(beat_s=0.05 if bench.is_sqlite else 1200.0, listens=True)
    start(cluster)
    await cluster.send(jobs=await bench.submit(sum_spec()))
    await script.model.wait_for_requests(4)
    assert await cluster.store.cancel(job_id="job") == 1
    record = await bench.ended()
    assert record.status is JobStatus.CANCELLED
    assert record.result is not None
    assert record.result.stop_reason is StopReason.CANCELLED
    assert record.result.answer is not None
    assert record.result.answer.text == "4"
    assert script.model.live == 0
    assert record.result.usage == await bench.ledger.usage("job")
    assert record.result.usage.completion_tokens == script.model.generated_tokens


async def test_a_deadline_cuts_the_reply_and_keeps_what_there_is(bench: ClusterBench) -> None:
    bench.script = script = Script(held=["t1/0"])
    cluster = await bench.worker()
    start(cluster)
    await cluster.send(jobs=await bench.submit(sum_spec(budget=Budget(tokens=100_000, deadline_s=2.0))))
    record = await bench.ended()
    assert record.status is JobStatus.COMPLETED
    assert record.result is not None
    assert (record.result.outcome, record.result.stop_reason) == (Outcome.EXHAUSTED, StopReason.DEADLINE)
    assert script.model.live == 0


async def test_a_drained_worker_hands_on_after_its_step(bench: ClusterBench) -> None:
    bench.script = script = Script(held=["t1/0"])
    first, second = await bench.worker(), await bench.worker()
    sent: list[str] = []

    async def send(ids: Any, *, queue: str) -> None:
        sent.extend(ids)

    await bench.submit(sum_spec())
    running = asyncio.create_task(_run_all(first))
    await script.model.wait_for_requests(2)
    first.messages.send_trajectories = send  # type: ignore[method-assign]  # what a message would be, is looked at
    first.drain.request()
    script.gate.set()
    await running
    assert sent == ["job/t1"]
    assert first.keeper.claims == []
    start(second)
    await second.send(trajectories=sent, queue="interactive")
    record = await bench.ended()
    assert record.result is not None
    assert record.result.outcome is Outcome.SOLVED
    assert script.calls == dict.fromkeys(REPLIES, 1), "the step that was under way was finished, not made again"


async def _run_all(cluster: Cluster) -> None:
    await advance_job(cluster, "job")
    for number in range(4):
        await run_trajectory(cluster, f"job/t{number}")


async def test_a_worker_that_lost_its_lease_writes_nothing_more(bench: ClusterBench) -> None:
    """As after a long pause of the first: another works on the same trajectory before it knows."""
    bench.script = script = Script(held=["t0/0"])
    first, second = await bench.worker(), await bench.worker()
    await bench.submit(sum_spec())
    await advance_job(first, "job")
    paused = asyncio.create_task(run_trajectory(first, "job/t0"))
    await script.model.wait_for_requests(1)
    await bench.lapse()
    start(second)
    await reap(second)
    await script.model.wait_for_requests(2)
    first.keeper.wake("job")
    await paused
    assert first.keeper.claims == []
    assert script.model.live == 1
    assert (await first.store.trajectory("job", "t0")).outcome is None
    script.gate.set()
    record = await bench.ended()
    assert record.result is not None
    assert record.result.outcome is Outcome.SOLVED
    assert script.calls == {**dict.fromkeys(REPLIES, 1), "t0/0": 2}
    assert record.result.usage == await bench.ledger.usage("job")
    assert record.result.usage.model_calls == 6, "what the first had asked for was spent"


class _BeatMeetsEnd:
    """A store in which a beat that was sent before each end of a job's lease is answered after it, and finds none."""

    def __init__(self, store: ServiceStore) -> None:
        self._store = store
        self.wake: Callable[[], None] = lambda: None
        self.met = 0
        self._sent, self._ended, self._answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def beat(self, holder: str, claims: Sequence[Claim], *, lease_s: float) -> Beat:
        self._sent.set()
        await self._ended.wait()
        beat = await self._store.beat(holder, claims, lease_s=lease_s)
        self.met += len(beat.lost)
        self._answered.set()
        return beat

    async def untold(self, claim: Claim) -> Sequence[TrajectoryRecord]:
        """What is asked for last before a rest or an end."""
        if not self._sent.is_set():
            self.wake()
            await self._sent.wait()
        return await self._store.untold(claim)

    async def rest(self, claim: Claim) -> bool:
        return await self._after(self._store.rest(claim))

    async def finish(self, claim: Claim, result: JobResult) -> None:
        await self._after(self._store.finish(claim, result))

    async def _after(self, end: Awaitable[T]) -> T:
        answer = await end
        self._ended.set()
        await self._answered.wait()
        for event in (self._sent, self._ended, self._answered):
            event.clear()
        return answer


async def test_a_beat_that_meets_the_end_of_a_lease_is_no_loss(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the work is cut behind the end: news is left to the reaper, and no watcher hears that a job ended."""
    cluster = await bench.worker()
    store = _BeatMeetsEnd(cluster.store)
    keeper = Keeper(cast(ServiceStore, store), "met", lease_s=3600, beat_s=1200)
    store.wake = keeper.wake
    cluster = replace(cluster, store=cast(ServiceStore, store), keeper=keeper)
    announced: list[str] = []
    monkeypatch.setattr(cluster.events, "wake", lambda job_id, _: announced.append(job_id))
    await bench.submit(sum_spec())
    await _run_all(cluster)
    record = await bench.ended()
    assert record.result is not None
    assert record.result.outcome is Outcome.SOLVED
    assert announced == ["job"]
    assert store.met >= 3, "at rests and at the end"
    assert keeper.lost == 0
    await keeper.aclose()


class _LastOneEndsUnseen:
    """A store in which the trajectory that a search still waits for ends behind the second look at what has not."""

    def __init__(self, store: ServiceStore) -> None:
        self._store, self.asked = store, 0
        self._seen, self._ended = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def unended(self, claim: Claim) -> Sequence[str]:
        left = await self._store.unended(claim)
        self.asked += 1
        if self.asked == 2:
            assert left == ["t1"]
            self._seen.set()
            await self._ended.wait()
        return left

    async def end_trajectory(self, claim: Claim, outcome: TrajectoryOutcome) -> None:
        if outcome.trajectory == "t1":
            await self._seen.wait()
        await self._store.end_trajectory(claim, outcome)
        if outcome.trajectory == "t1":
            self._ended.set()


async def test_the_end_of_what_a_finished_search_waits_for_is_never_missed(bench: ClusterBench) -> None:
    """Otherwise the job stays as it is until the reaper looks at it."""
    bench.script = script = Script(held=["t1/0"])
    cluster = await bench.worker(beat_s=0.05)
    store = _LastOneEndsUnseen(cluster.store)
    cluster = replace(cluster, store=cast(ServiceStore, store))
    start(cluster)
    await cluster.send(
        jobs=await bench.submit(sum_spec(parameters={**PARAMETERS, "wave": 4, "confidence": 0.6, "min_votes": 3}))
    )
    async with asyncio.timeout(30):
        record = await bench.ended()
    assert store.asked >= 2
    assert record.result is not None
    assert record.result.outcome is Outcome.SOLVED
    assert script.model.live == 0


class _FirstEndFails:
    """A store that is away when a job's first end is to be written, or whose caller is stopped then."""

    def __init__(self, store: ServiceStore, *, stopped: bool) -> None:
        self._store, self._stopped, self.failed = store, stopped, 0
        self.reached = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def finish(self, claim: Claim, result: JobResult) -> None:
        if not self.failed:
            self.failed += 1
            self.reached.set()
            if self._stopped:
                await asyncio.Event().wait()
            raise StoreError("away")
        await self._store.finish(claim, result)


@pytest.mark.parametrize("stopped", [False, True], ids=["away", "stopped"])
async def test_a_job_whose_budget_ended_ends_though_its_first_end_was_lost(bench: ClusterBench, stopped: bool) -> None:
    """Its search is gone by then, its trajectories have been told, and its cap would leave room for a smaller call."""
    cluster = await bench.worker()
    store = _FirstEndFails(cluster.store, stopped=stopped)
    cluster = replace(cluster, store=cast(ServiceStore, store))
    await bench.submit(sum_spec(budget=Budget(tokens=40)))
    running = asyncio.create_task(_run_all(cluster))
    await store.reached.wait()
    if stopped:
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await advance_job(cluster, "job")
    async with asyncio.timeout(30):
        record = await bench.ended()
    assert store.failed == 1
    assert record.result is not None
    assert (record.result.outcome, record.result.stop_reason) == (Outcome.EXHAUSTED, StopReason.CAP_TOKENS)
    assert record.result.usage.tokens < 40
    assert set(bench.script.calls.values()) <= {1}


async def test_what_cannot_be_kept_again_and_again_ends_as_failed_with_its_cause(bench: ClusterBench) -> None:
    cluster = await bench.worker()
    broken = replace(cluster, parts=_NoDisk())
    await bench.submit(sum_spec())
    for _ in range(cluster.max_attempts):
        await advance_job(broken, "job")
    start(cluster)
    await reap(cluster)
    record = await bench.ended()
    assert record.status is JobStatus.FAILED
    assert record.result is not None
    assert record.result.error is not None
    assert "no space left" in (record.result.error["message"] or "")
    assert bench.script.calls == {}


class _NoDisk:
    async def of(self, *_: object, **__: object) -> Any:
        raise StoreError("no space left on the device of the artifacts")


async def test_a_newer_checkpoint_is_left_to_a_newer_worker(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await bench.worker()
    await bench.submit(sum_spec())
    with monkeypatch.context() as newer:
        newer.setattr(formats, "FORMAT", formats.FORMAT + 1)
        await advance_job(cluster, "job")
    await advance_job(cluster, "job")
    claim = await cluster.store.claim(LeaseKind.JOB, "job", holder="newer", lease_s=60)
    assert claim is not None
    assert claim.attempt == 1, "to leave it is no failure of the job"
    await cluster.store.give_back(claim)


async def test_a_model_that_is_not_there_fails_the_job_by_name(bench: ClusterBench) -> None:
    from solvent.settings import Settings
    from solvent.workers.parts import Parts

    cluster = await bench.worker()
    real = Parts(Settings(home=bench.folder), None, bench.artifacts, bench.ledger)  # type: ignore[arg-type]  # not used
    cluster = replace(cluster, parts=real)
    start(cluster)
    await cluster.send(jobs=await bench.submit(sum_spec("none", model="none"), sum_spec("path", model="/etc/x.toml")))
    for job_id, words in (("none", "no model profile 'none'"), ("path", "is a path")):
        record = await bench.ended(job_id)
        assert record.status is JobStatus.FAILED
        assert record.error is not None
        assert words in (record.error["message"] or "")
