"""Boxes of a pool, with supervisors in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fake_box import FakeBoxSandbox, FakeChannel, FakeMachine, Reply, Request

from solvent.errors import SandboxError
from solvent.sandbox import pool as pools
from solvent.sandbox import wire
from solvent.sandbox.base import Build, RunLimits, RunResult, RunStatus
from solvent.sandbox.box import Box
from solvent.sandbox.cache import built_file
from solvent.sandbox.pool import Pool, box_memory_mb
from solvent.sandbox.requests import program_request
from solvent.sandbox.turns import Turns

LIMITS = RunLimits(cpu_time_s=1, wall_time_s=3, memory_mb=64, output_bytes=1000)


def program(text: str = "x", size: int = 0) -> Build:
    return Build(language="c", ok=True, files=(built_file("main", 0o700, text.encode().ljust(size)),))


def hangs(request: Request) -> Reply | None:
    return None


@asynccontextmanager
async def started(machine: FakeMachine, slots: int = 2) -> AsyncIterator[FakeBoxSandbox]:
    sandbox = FakeBoxSandbox(machine, slots, engine_wait_s=5)
    await sandbox.start()
    await until(lambda: sandbox.metrics().boxes == slots + 1)
    try:
        yield sandbox
    finally:
        await sandbox.aclose()
        assert not machine.alive


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_warm_boxes_are_started_and_used_again() -> None:
    machine = FakeMachine()
    async with started(machine) as sandbox:
        for number in range(20):
            assert (await sandbox.run(program(str(number)), limits=LIMITS)).status is RunStatus.OK
        assert machine.opened == 3
        metrics = sandbox.metrics()
        assert (metrics.boxes, metrics.boxes_started, metrics.boxes_replaced) == (3, 3, 0)
        assert (metrics.runs, metrics.waiting, metrics.running) == ({RunStatus.OK: 20}, 0, 0)


async def test_contents_are_sent_once_and_a_box_that_has_them_is_preferred() -> None:
    machine = FakeMachine()
    async with started(machine) as sandbox:
        for _ in range(3):
            for text in ("a", "b"):
                await sandbox.run(program(text), limits=LIMITS)
        assert sum(channel.seen.count("put") for channel in machine.alive) == 2
        assert {request.files[b"main"] for request in machine.requests} == {(0o700, b"a"), (0o700, b"b")}


async def test_contents_that_were_not_used_for_longest_are_dropped() -> None:
    machine = FakeMachine()
    box = Box(1024, 0, lambda box: None, lambda slot: None)
    channel = FakeChannel(box, machine)
    await box.start(channel, wire.frame(wire.CONFIG))
    for number in (0, 1, 0, 2, 1):
        request = program_request(program(str(number), 40 << 20), limits=LIMITS, zygote=True)
        await box.run(request.run, request.timeout_s)
        assert sum(map(len, channel.contents.values())) <= 96 << 20
    assert {data[:1] for data in channel.contents.values()} == {b"1", b"2"}
    assert channel.seen == ["put", "run", "put", "run", "run", "put", "drop", "run", "put", "drop", "run"]


async def test_never_more_programs_than_slots_and_all_get_their_turn() -> None:
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:
        running = [asyncio.create_task(sandbox.run(program(), limits=LIMITS, job=str(n % 3))) for n in range(9)]
        for _ in range(9):
            await settle()
            assert machine.running == min(2, sum(not task.done() for task in running))
            [channel, *_] = [one for one in machine.alive if one.running]
            channel.finish(Reply())
        await asyncio.gather(*running)
        assert machine.most_running == 2


async def test_a_box_that_looks_wrong_is_replaced() -> None:
    bad = [Reply(usable=False), Reply(problems=("a file was left",)), Reply(stdout=b"x" * 2000)]
    machine = FakeMachine(lambda request: bad.pop() if bad else Reply())
    async with started(machine) as sandbox:
        for _ in range(4):
            assert (await sandbox.run(program(), limits=LIMITS)).status is RunStatus.OK
        await settle()
        metrics = sandbox.metrics()
        assert (metrics.boxes_replaced, metrics.retried, metrics.boxes) == (3, 1, 3)
        assert len(machine.alive) == 3


async def test_a_box_that_dies_while_it_is_idle_is_replaced() -> None:
    machine = FakeMachine()
    async with started(machine) as sandbox:
        for channel in list(machine.alive):
            channel.die()
        await until(lambda: sandbox.metrics().boxes == 3 and len(machine.alive) == 3)
        assert (await sandbox.run(program(), limits=LIMITS)).status is RunStatus.OK
        assert sandbox.metrics().retried == 0


async def test_a_fault_is_tried_once_more_in_a_fresh_box() -> None:
    replies = [Reply(), Reply("fault", code=None, fault="fork failed"), Reply(stdout=b"second")]
    machine = FakeMachine(lambda request: replies.pop(0))
    async with started(machine) as sandbox:
        await sandbox.run(program(), limits=LIMITS)
        result = await sandbox.run(program(), limits=LIMITS)
        assert (result.status, result.stdout) == (RunStatus.OK, b"second")
        assert sandbox.metrics().retried == 1
        runs = [channel.seen.count("run") for channel in machine.alive]
        assert sorted(runs) == [0, 1, 2]


async def test_a_second_fault_is_the_result() -> None:
    machine = FakeMachine(lambda request: Reply("fault", code=None, fault="fork failed"))
    async with started(machine) as sandbox:
        result = await sandbox.run(program(), limits=LIMITS)
        assert (result.status, result.fault) == (RunStatus.FAULT, "fork failed")
        assert sandbox.metrics().runs == {RunStatus.FAULT: 1}


async def test_a_box_that_is_killed_in_mid_run_costs_a_retry() -> None:
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:
        running = asyncio.create_task(sandbox.run(program(), limits=LIMITS))
        await until(lambda: machine.running == 1)
        next(channel for channel in machine.alive if channel.running).die()
        await until(lambda: machine.running == 1 and len(machine.requests) == 2)
        machine.finish_all(Reply(stdout=b"again"))
        assert (await running).stdout == b"again"
        assert sandbox.metrics().retried == 1


async def test_an_engine_that_goes_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_FIRST_PAUSE_S", 0.001)
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:
        running = asyncio.create_task(sandbox.run(program(), limits=LIMITS))
        await until(lambda: machine.running == 1)
        machine.engine_down = True
        for channel in list(machine.alive):
            channel.die()
        await settle()
        assert not running.done()
        machine.engine_down = False
        await until(lambda: machine.running == 1)
        machine.finish_all(Reply())
        assert (await running).status is RunStatus.OK


async def test_an_engine_that_stays_away_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine()
    async with started(machine) as sandbox:
        sandbox._pool.engine_wait_s = 0
        machine.engine_down = True
        for channel in list(machine.alive):
            channel.die()
        result = await sandbox.run(program(), limits=LIMITS)
        assert (result.status, result.fault) == (RunStatus.FAULT, "the engine is away")
        with pytest.raises(SandboxError, match="away"):
            async with sandbox.connect(program(), limits=LIMITS):
                pytest.fail("connected")
        assert (sandbox.metrics().running, sandbox.metrics().waiting) == (0, 0)


async def test_a_cancelled_run_is_killed_and_its_box_used_again() -> None:
    machine = FakeMachine(hangs)
    async with started(machine, slots=1) as sandbox:
        running = asyncio.create_task(sandbox.run(program(), limits=LIMITS))
        await until(lambda: machine.running == 1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until(lambda: sandbox.metrics().running == 0)
        metrics = sandbox.metrics()
        assert (metrics.cancelled, metrics.boxes_replaced, metrics.boxes_started) == (1, 0, 2)


async def test_a_slot_is_kept_until_a_killed_program_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solvent.sandbox.box.KILL_TIMEOUT_S", 0.05)
    machine = FakeMachine(hangs, killable=False)
    async with started(machine, slots=1) as sandbox:
        first = asyncio.create_task(sandbox.run(program(), limits=LIMITS))
        await until(lambda: machine.running == 1)
        first.cancel()
        second = asyncio.create_task(sandbox.run(program(), limits=LIMITS))
        await settle()
        assert (machine.running, machine.most_running, len(machine.requests)) == (1, 1, 1)
        # It does not end: then its box is thrown away.
        await until(lambda: len(machine.requests) == 2)
        machine.finish_all(Reply())
        assert (await second).status is RunStatus.OK
        assert sandbox.metrics().boxes_replaced == 1


async def test_a_cancelled_wait_for_a_box_wastes_no_box() -> None:
    machine = FakeMachine()
    async with started(machine) as sandbox:
        machine.answers = False
        limits = LIMITS.model_copy(update={"memory_mb": 3000})
        waiting = asyncio.create_task(sandbox.run(program(), limits=limits))
        await until(lambda: machine.opened == 4)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert sandbox.metrics().running == 0
        machine.answers = True


async def test_a_box_that_is_there_in_the_moment_of_a_cancellation_is_kept_once() -> None:
    there = asyncio.get_running_loop().create_future()

    async def open_box(memory_mb: int) -> Box:
        await asyncio.shield(there)
        return Box(memory_mb, 0, lambda box: None, lambda slot: None)

    pool = Pool(Turns(1), open_box)
    waiting = asyncio.create_task(pool.lease(64))
    await settle()
    there.set_result(None)
    await asyncio.sleep(0)
    waiting.cancel()
    await settle()
    assert waiting.cancelled()
    assert (len(pool._idle), pool.turns.running) == (1, 0)
    await pool.aclose()


async def test_hundreds_of_idle_sessions_do_not_keep_a_program_waiting_for_a_box() -> None:
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:

        async def idle() -> None:
            async with sandbox.connect(program(), limits=LIMITS, slot=False):
                await asyncio.Event().wait()

        machine.answers = False
        idles = [asyncio.create_task(idle()) for _ in range(100)]
        await settle()
        running = [asyncio.create_task(sandbox.run(program(str(n)), limits=LIMITS)) for n in range(2)]
        await until(lambda: sum(one.files[b"main"][1] != b"x" for one in machine.requests) == 2)
        for one in (*idles, *running):
            one.cancel()
        await asyncio.gather(*idles, *running, return_exceptions=True)
        machine.answers = True


async def test_larger_programs_get_larger_boxes_and_idle_ones_give_way() -> None:
    machine = FakeMachine()
    async with started(machine) as sandbox:
        for memory_mb in (100, 1024, 1025, 3000, 64):
            result = await sandbox.run(program(), limits=LIMITS.model_copy(update={"memory_mb": memory_mb}))
            assert result.status is RunStatus.OK
        await settle()
        assert sandbox.metrics().boxes == 3
        assert {box.memory_mb for box in sandbox._pool._idle} == {1024, 2048, 4096}
    assert [box_memory_mb(size) for size in (16, 1024, 1025, 2048, 5000)] == [1024, 1024, 2048, 2048, 8192]


async def test_programs_without_a_slot_have_boxes_of_their_own() -> None:
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:

        async def idle(entered: asyncio.Event, leave: asyncio.Event) -> None:
            async with sandbox.connect(program(), limits=LIMITS, slot=False):
                entered.set()
                await leave.wait()

        leave = asyncio.Event()
        entered = [asyncio.Event() for _ in range(20)]
        idles = [asyncio.create_task(idle(one, leave)) for one in entered]
        await asyncio.gather(*(one.wait() for one in entered))
        metrics = sandbox.metrics()
        assert (metrics.running, metrics.waiting, machine.running) == (0, 0, 20)
        running = asyncio.create_task(sandbox.run(program(), limits=LIMITS))
        await until(lambda: machine.running == 21)
        leave.set()
        await asyncio.gather(*idles)
        machine.finish_all(Reply())
        await running
        await until(lambda: sandbox.metrics().boxes == 3)


async def test_where_programs_share_a_uid_they_share_no_box() -> None:
    machine = FakeMachine(flags=0)
    async with started(machine) as sandbox:

        async def box_of(text: str, job: str) -> int:
            before = {id(one): one.seen.count("run") for one in machine.alive}
            await sandbox.run(program(text), limits=LIMITS, job=job)
            [used] = [id(one) for one in machine.alive if one.seen.count("run") > before.get(id(one), 0)]
            return used

        first = await box_of("a", "x")
        assert await box_of("a", "x") == first
        assert await box_of("b", "x") != first
        assert await box_of("a", "y") != first


@pytest.mark.parametrize(
    ("again_us", "expected"),
    [
        ([1_100_000, 1_050_000, 1_200_000], RunStatus.CPU_TIME),
        ([900_000], RunStatus.EXIT),
        ([1_100_000, 900_000], RunStatus.EXIT),
    ],
)
async def test_a_borderline_run_is_measured_again_alone(again_us: list[int], expected: RunStatus) -> None:
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:
        border = asyncio.create_task(sandbox.run(program("border"), limits=LIMITS))
        other = asyncio.create_task(sandbox.run(program("other"), limits=LIMITS))
        await until(lambda: machine.running == 2)

        def channel_of(text: bytes) -> FakeChannel:
            return next(one for one in machine.alive if one.running and one.running.files[b"main"][1] == text)

        assert channel_of(b"border").running.limits[0] == 1_320_000
        channel_of(b"border").finish(Reply(cpu_us=1_010_000))
        await settle()
        third = asyncio.create_task(sandbox.run(program("third"), limits=LIMITS))
        await settle()
        assert machine.running == 1
        channel_of(b"other").finish(Reply())
        measures = [*again_us]
        while not (border.done() and third.done()):
            await until(lambda: machine.running == 1)
            [running] = [one for one in machine.alive if one.running]
            if running.running.files[b"main"][1] == b"third":
                running.finish(Reply())
            else:
                running.finish(Reply("exit", code=3, cpu_us=measures.pop(0)))
            await settle()
        assert measures == []
        assert (border.result().status, border.result().cpu_s) == (expected, again_us[-1] / 1e6)
        await other
        assert sandbox.metrics().rerun_alone == len(again_us)
        assert sandbox.metrics().runs[expected] == 1


async def test_closing_ends_all_that_runs_or_waits() -> None:
    machine = FakeMachine(hangs)
    async with started(machine) as sandbox:
        calls = [asyncio.create_task(sandbox.run(program(), limits=LIMITS)) for _ in range(5)]
        await until(lambda: machine.running == 2)
        await sandbox.aclose()
        results: list[RunResult] = await asyncio.gather(*calls)
        assert {result.status for result in results} == {RunStatus.FAULT}
        assert not machine.alive
