"""The queue in front of the endpoints, on a clock of its own."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from solvent.errors import ProviderOverloaded, ProviderUnavailable
from solvent.models.profiles import RetryPolicy, RouterOptions
from solvent.models.router.board import Board, Lease
from solvent.models.router.breaker import BreakerState
from solvent.models.router.endpoint import Endpoint
from solvent.models.scripted import ScriptedModel


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def pass_(self, seconds: float) -> None:
        self.now += seconds
        for when, future in self._sleepers:
            if when <= self.now and not future.done():
                future.set_result(None)
        await settle()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Bench:
    def __init__(self, endpoints: int = 3, wait_s: float = 1000.0, **limits: int) -> None:
        self.clock = Clock()
        self.sound = True
        self.looks: list[str] = []
        self.endpoints = [self._endpoint(f"e{number}", **limits) for number in range(endpoints)]
        options = RouterOptions(
            first_open_s=1, max_open_s=8, failures_to_open=3, affinity_slack_tokens=0, wait_s=wait_s, seed=1
        )
        self.board = Board("served", self.endpoints, options, RetryPolicy(), clock=self.clock, sleep=self.clock.sleep)

    def _endpoint(self, name: str, **limits: int) -> Endpoint:
        async def look() -> bool:
            self.looks.append(name)
            return self.sound

        return Endpoint(name=name, url=f"http://{name}", model=ScriptedModel([]), look=look, **limits)


async def test_a_session_stays_at_its_endpoint_until_that_is_overloaded() -> None:
    bench = Bench()
    first = await bench.board.lease("s", 100)
    first.release()
    again = await bench.board.lease("s", 100)
    assert again.endpoint is first.endpoint
    spilled = await bench.board.lease("s", 100)
    assert spilled.endpoint is not first.endpoint, "it has 100 tokens, the others none"
    again.release()
    spilled.release()
    assert [endpoint.outstanding_tokens for endpoint in bench.endpoints] == [0, 0, 0]


async def test_many_sessions_load_no_endpoint_more_than_the_stated_factor() -> None:
    bench = Bench()
    leases = [await bench.board.lease(f"s{number}", 100) for number in range(30)]
    running = [endpoint.running for endpoint in bench.endpoints]
    assert max(running) <= 2 * min(running) + 1, "affinity_factor, and the one request that is placed"
    for lease in leases:
        lease.release()
        lease.release()
    assert {endpoint.running for endpoint in bench.endpoints} == {0}


async def test_sessions_wait_in_turn() -> None:
    bench = Bench(endpoints=1, max_concurrent=1)
    running = await bench.board.lease("busy", 1)
    order: list[str] = []

    async def work(session: str) -> None:
        lease = await bench.board.lease(session, 1)
        order.append(session)
        lease.release()

    tasks = []
    for session in ["many"] * 4 + ["few"] * 2:
        tasks.append(asyncio.create_task(work(session)))
        await settle()
    running.release()
    await asyncio.gather(*tasks)
    assert order == ["many", "few", "many", "few", "many", "many"]


async def test_the_token_limit_lets_a_large_request_run_alone_and_nobody_overtakes_it() -> None:
    bench = Bench(endpoints=1, max_outstanding_tokens=100)
    small = await bench.board.lease("a", 60)
    large = asyncio.create_task(bench.board.lease("b", 500))
    await settle()
    late = asyncio.create_task(bench.board.lease("c", 10))
    await settle()
    assert not large.done()
    assert not late.done(), "it would fit, and the large one would wait for ever"
    small.release()
    (await large).release()
    (await late).release()


@pytest.mark.parametrize("seed", range(5))
async def test_cancelling_at_any_moment_loses_no_place(seed: int) -> None:
    bench = Bench(endpoints=2, max_concurrent=2)
    dice = Random(seed)

    async def work(number: int) -> None:
        lease = await bench.board.lease(f"s{number % 3}", dice.randint(1, 50))
        try:
            for _ in range(dice.randint(0, 3)):
                await asyncio.sleep(0)
        finally:
            lease.release()

    tasks = [asyncio.create_task(work(number)) for number in range(60)]
    while not all(task.done() for task in tasks):
        dice.choice(tasks).cancel()
        assert all(endpoint.running <= 2 for endpoint in bench.endpoints)
        await asyncio.sleep(0)
    assert bench.board.waiting == 0
    assert [(endpoint.running, endpoint.outstanding_tokens) for endpoint in bench.endpoints] == [(0, 0), (0, 0)]
    leases = [await bench.board.lease("last", 1) for _ in range(4)]
    assert len(leases) == 4


async def test_a_lost_endpoint_gets_nothing_is_looked_at_and_tried_with_one_request() -> None:
    bench = Bench(endpoints=2)
    bench.sound = False
    lease = await bench.board.lease("s", 1)
    lost = lease.endpoint
    lease.failed(sure=True)
    lease.release()
    assert lost.breaker.state is BreakerState.OPEN
    moved = await bench.board.lease("s", 1)
    assert moved.endpoint is not lost
    moved.release()
    await settle()
    assert bench.looks == [], "not before its back-off is over"
    for wait_s in (1, 2, 4):
        await bench.clock.pass_(wait_s)
    assert bench.looks == [lost.name] * 3
    bench.sound = True
    await bench.clock.pass_(8)
    assert lost.breaker.state is BreakerState.HALF_OPEN
    stays = await bench.board.lease("s", 1)
    assert stays.endpoint is not lost, "the session's prefix lies elsewhere now"
    trial = await bench.board.lease("t", 1)
    assert trial.endpoint is lost
    others = [await bench.board.lease(f"u{number}", 1) for number in range(5)]
    assert all(other.endpoint is not lost for other in others), "one request is on trial"
    trial.answered()
    assert lost.breaker.state is BreakerState.CLOSED
    looks = len(bench.looks)
    await bench.clock.pass_(100)
    assert len(bench.looks) == looks, "a sound endpoint is not looked at"
    await bench.board.aclose()


async def test_an_endpoint_that_asks_to_come_back_later_is_left_alone_until_then() -> None:
    bench = Bench(endpoints=1)
    lease = await bench.board.lease("s", 1)
    lease.overloaded(ProviderOverloaded("later", retry_after_s=30))
    lease.release()
    waiting = asyncio.create_task(bench.board.lease("s", 1))
    await settle()
    await bench.clock.pass_(29)
    assert not waiting.done()
    await bench.clock.pass_(5)
    assert isinstance(await waiting, Lease)
    await bench.board.aclose()


async def test_where_no_endpoint_answers_a_request_waits_and_then_fails_by_name() -> None:
    bench = Bench(endpoints=2, wait_s=0.01)
    for endpoint in bench.endpoints:
        bench.board.failed(endpoint, sure=True, trial=False)
    waiting = asyncio.create_task(bench.board.lease("s", 1))
    await settle()
    assert not waiting.done()
    bench.clock.now += 1
    with pytest.raises(ProviderUnavailable, match="e0 at http://e0, e1 at http://e1") as caught:
        await waiting
    assert caught.value.may_have_generated is False
    assert bench.board.waiting == 0
    await bench.board.aclose()
