"""What workers decide without asking anybody: news, stops, orders, ages of messages, who may read a message."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from celery.exceptions import Reject

from solvent.agents.job import JobStatus, StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.trajectory_state import Plan
from solvent.errors import ConfigError
from solvent.settings import Settings
from solvent.workers import tasks
from solvent.workers.advance import QueueExecutor, news_of, stop_reason
from solvent.workers.cluster import queue_of
from solvent.workers.consumer_watch import Traffic
from solvent.workers.lease import Ending
from solvent.workers.local_messages import LocalMessages
from solvent.workers.loop import LoopThread
from solvent.workers.messages import (
    ADVANCE_JOB,
    BATCH,
    FORMAT,
    INTERACTIVE,
    JOB_QUEUES,
    ORDINARY,
    QUEUES,
    RUN_TRAJECTORY,
    TRAJECTORIES,
    UNSEEN_BEHIND_OTHERS_S,
    UNSEEN_S,
    URGENT,
    priority,
    unseen_s,
)
from solvent.workers.parts import check_roles
from solvent.workers.records import JobRecord
from solvent.workers.scopes import parent_of
from solvent.workers.service_records import QueuedJob, TrajectoryRecord


def plan(name: str) -> Plan:
    return Plan(trajectory=name, temperature=None, max_tokens=None, repairs=0)


def ended(name: str) -> TrajectoryRecord:
    outcome = TrajectoryOutcome(trajectory=name, stop_reason=StopReason.MAX_ROUNDS)
    return TrajectoryRecord("job", name, plan(name), outcome)


def record(**fields: object) -> JobRecord:
    return JobRecord.model_validate({"id": "job", "custom_id": "row", "created_at": "", **fields})


def test_what_the_search_was_told_before_is_only_marked() -> None:
    news = news_of([ended("t0"), ended("t1")], ["t1", "t2"])
    assert [outcome.trajectory for outcome in news.outcomes] == ["t1"]
    assert news.names == ["t0", "t1"]


@pytest.mark.parametrize(
    ("status", "left_s", "ending", "reason"),
    [
        (JobStatus.RUNNING, None, None, None),
        (JobStatus.RUNNING, 0.5, None, None),
        (JobStatus.RUNNING, 0.0, None, StopReason.DEADLINE),
        (JobStatus.RUNNING, 5.0, Ending.DEADLINE, StopReason.DEADLINE),
        (JobStatus.RUNNING, 5.0, Ending.CANCELLED, StopReason.CANCELLED),
        (JobStatus.CANCELLING, -1.0, Ending.DEADLINE, StopReason.CANCELLED),
    ],
)
def test_a_cancel_counts_more_than_a_deadline(
    status: JobStatus, left_s: float | None, ending: Ending | None, reason: StopReason | None
) -> None:
    assert stop_reason(status, left_s, ending) is reason


def test_orders_are_taken_once() -> None:
    executor = QueueExecutor()
    executor.start(plan("t0"))
    executor.start(plan("t0"))
    executor.cancel("t1")
    plans, cancels = executor.take()
    assert ([each["trajectory"] for each in plans], cancels) == (["t0"], ["t1"])
    assert executor.take() == ([], [])


def test_messages_are_sent_again_soon_only_where_the_queues_are_dry() -> None:
    assert unseen_s({}) == UNSEEN_S
    assert unseen_s({"memory": 3}) == UNSEEN_S
    assert unseen_s({BATCH: 1}) == UNSEEN_BEHIND_OTHERS_S


def test_interactive_work_goes_first() -> None:
    assert priority(INTERACTIVE) == URGENT < priority(BATCH) == ORDINARY
    assert QUEUES.index(INTERACTIVE) < QUEUES.index(TRAJECTORIES) < QUEUES.index(BATCH)
    assert queue_of(record(queue="batch")) == BATCH
    assert queue_of(record(queue="of a later version")) in JOB_QUEUES


def test_the_scope_above_a_job() -> None:
    assert parent_of(record()) is None
    assert parent_of(record(key_id="k1")) == "key:k1"
    assert parent_of(record(key_id="k1", batch_id="b1")) == "b1"


def test_a_beat_that_comes_too_seldom_is_refused() -> None:
    with pytest.raises(ValueError, match="at most half of lease_s"):
        Settings(lease_s=10, beat_s=6)


def test_roles_are_checked_by_the_profiles_names() -> None:
    from solvent.models.registry import load_profile

    starter = load_profile("starter")
    check_roles({"solve": "starter"}, {"starter": starter})
    with pytest.raises(ConfigError, match="cannot play the role"):
        check_roles({"select": "only"}, {"only": starter.model_copy(update={"roles": ("solve",)})})


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    thread.start()
    yield thread
    thread.stop()
    thread.stop()


def test_a_bridge_runs_work_on_the_loop_and_refuses_what_is_not_for_it(
    loop: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "REFUSAL_PAUSE_S", 0.0)
    seen: list[tuple[str, str]] = []

    async def advance(id: str) -> None:
        seen.append((id, threading.current_thread().name))
        if id == "cut":
            raise asyncio.CancelledError

    stopping = threading.Event()
    bridge = tasks.Bridge(loop, {ADVANCE_JOB: advance}, stopping, Traffic())
    bridge.handle(ADVANCE_JOB, "job", FORMAT)
    assert seen == [("job", "event loop")]
    with pytest.raises(Reject) as newer:
        bridge.handle(ADVANCE_JOB, "job", FORMAT + 1)
    with pytest.raises(Reject) as cut:
        bridge.handle(ADVANCE_JOB, "cut", FORMAT)
    stopping.set()
    with pytest.raises(Reject) as late:
        bridge.handle(ADVANCE_JOB, "job", FORMAT)
    assert newer.value.requeue
    assert cut.value.requeue
    assert late.value.requeue
    assert [id for id, _ in seen] == ["job", "cut"]


def test_what_still_runs_is_cancelled_when_the_loop_stops() -> None:
    loop = LoopThread()
    loop.start()
    begun, over = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    loop.submit(work())
    begun.wait()
    loop.stop()
    assert over.is_set()


async def test_local_messages_bring_the_urgent_first_and_doubles_once() -> None:
    seen: list[str] = []
    done = asyncio.Event()

    async def handle(id: str) -> None:
        seen.append(id)
        if id == "defect":
            raise KeyError(id)
        if id == "last":
            done.set()

    messages = LocalMessages(1)
    await messages.send_jobs([QueuedJob("last", BATCH), QueuedJob("last", BATCH)])
    await messages.send_trajectories(["defect"], queue=BATCH)
    await messages.send_trajectories(["begun"], queue=BATCH)
    await messages.send_trajectories(["asked/t0"], queue=INTERACTIVE)
    await messages.send_jobs([QueuedJob("asked", INTERACTIVE)])
    assert (await messages.waiting())[TRAJECTORIES] == 3
    messages.start({ADVANCE_JOB: handle, RUN_TRAJECTORY: handle})
    await done.wait()
    await messages.aclose()
    assert seen == ["asked", "asked/t0", "defect", "begun", "last"]
