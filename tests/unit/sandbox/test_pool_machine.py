"""Whatever callers, programs and boxes do: slots are kept, no box is lent twice, everybody gets an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fake_box import FakeBoxSandbox, FakeChannel, FakeMachine, Reply
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from solvent.sandbox.base import Build, RunLimits, RunResult, RunStatus
from solvent.sandbox.cache import built_file

SLOTS = 2
REPLIES = st.sampled_from(
    [
        Reply(),
        Reply("exit", code=1),
        Reply(cpu_us=1_050_000),
        Reply("cpu_time", code=None, cpu_us=1_200_000),
        Reply(usable=False),
        Reply("signal", code=None, signal=9, problems=("something is left",)),
        Reply("fault", code=None, fault="no memory"),
        Reply(stdout=b"x" * 5000),
    ]
)


def program(name: str) -> Build:
    return Build(language="c", ok=True, files=(built_file("main", 0o700, name.encode()),))


class PoolMachine(RuleBasedStateMachine):
    """Callers come and go while boxes break."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.machine = FakeMachine(lambda request: None)
        self.sandbox = FakeBoxSandbox(self.machine, SLOTS, engine_wait_s=5)
        self.calls: list[asyncio.Task[RunResult]] = []
        self.connected: list[tuple[asyncio.Task[None], asyncio.Event]] = []
        self.runner.run(self.sandbox.start())
        self.step()

    def step(self) -> None:
        async def some() -> None:
            for _ in range(40):
                await asyncio.sleep(0)

        self.runner.run(some())

    @property
    def busy(self) -> list[FakeChannel]:
        return sorted((one for one in self.machine.alive if one.running is not None), key=lambda one: one.number)

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        async def create() -> asyncio.Task[Any]:
            return asyncio.create_task(work)

        task = self.runner.run(create())
        self.step()
        return task

    @rule(name=st.sampled_from("abc"), job=st.sampled_from("xyz"), memory_mb=st.sampled_from([64, 64, 1500]))
    def call(self, name: str, job: str, memory_mb: int) -> None:
        limits = RunLimits(cpu_time_s=1, wall_time_s=3, memory_mb=memory_mb, output_bytes=1000)
        self.calls.append(self.begin(self.sandbox.run(program(name), limits=limits, job=job)))

    @rule(slot=st.booleans())
    def connect(self, slot: bool) -> None:
        leave = asyncio.Event()

        async def talk() -> None:
            limits = RunLimits(cpu_time_s=1, wall_time_s=3, memory_mb=64, output_bytes=1000)
            async with self.sandbox.connect(program("c"), limits=limits, slot=slot):
                await leave.wait()

        self.connected.append((self.begin(talk()), leave))

    @precondition(lambda self: self.connected)
    @rule(which=st.integers(0, 9), cancel=st.booleans())
    def disconnect(self, which: int, cancel: bool) -> None:
        task, leave = self.connected.pop(which % len(self.connected))
        if cancel:
            task.cancel()
        leave.set()
        self.step()

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 9), reply=REPLIES)
    def finish(self, which: int, reply: Reply) -> None:
        async def end() -> None:
            self.busy[which % len(self.busy)].finish(reply)

        self.runner.run(end())
        self.step()

    @precondition(lambda self: self.machine.alive)
    @rule(which=st.integers(0, 9))
    def kill_box(self, which: int) -> None:
        async def die() -> None:
            alive = sorted(self.machine.alive, key=lambda one: one.number)
            alive[which % len(alive)].die()

        self.runner.run(die())
        self.step()

    @precondition(lambda self: self.calls)
    @rule(which=st.integers(0, 9))
    def cancel(self, which: int) -> None:
        self.calls[which % len(self.calls)].cancel()
        self.step()

    @invariant()
    def slots_are_kept_and_used(self) -> None:
        metrics = self.sandbox.metrics()
        assert metrics.running <= SLOTS
        without_slot = sum(not lease.slot for lease in self.sandbox._pool._leases)
        assert self.machine.running <= metrics.running + without_slot
        if metrics.waiting and not self.sandbox._turns._want_alone and not self.sandbox._turns._alone:
            assert metrics.running == SLOTS

    @invariant()
    def every_box_is_accounted_for(self) -> None:
        pool = self.sandbox._pool
        lent = [lease.box for lease in pool._leases]
        assert len({id(box) for box in (*lent, *pool._idle)}) == len(lent) + len(pool._idle)
        assert {id(channel.box) for channel in self.machine.alive} == {id(box) for box in (*lent, *pool._idle)}
        assert len(pool._idle) <= SLOTS + 1

    def teardown(self) -> None:
        try:
            for _, leave in self.connected:
                leave.set()
            for _ in range(4 * len(self.calls) + 4):
                self.step()
                for _ in self.busy:
                    if self.busy:
                        self.finish_first()
            assert all(call.done() for call in self.calls)
            for call in self.calls:
                assert call.cancelled() or call.result().status in RunStatus
            self.step()
            assert (self.sandbox.metrics().running, self.sandbox.metrics().waiting) == (0, 0)
            assert self.sandbox.metrics().boxes == SLOTS + 1
        finally:
            self.runner.run(self.sandbox.aclose())
            self.runner.close()
        assert not self.machine.alive

    def finish_first(self) -> None:
        async def end() -> None:
            self.busy[0].finish(Reply())

        self.runner.run(end())
        self.step()


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
