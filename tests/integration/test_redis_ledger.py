"""What only a ledger of several processes has to survive: dead holders, and a Redis that forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from ledgers import Ledgers, falls_silent, ledgers_of, tokens
from memory_journal import MemoryJournal
from redis.asyncio import Redis
from servers import RedisServer

from solvent.agents.budget import Ask, Granted, Refused, Settled, Unfinished
from solvent.agents.job import StopReason
from solvent.errors import StoreError
from solvent.usage import Budget, Usage
from solvent.workers.ledger_codec import MICRO, Keys
from solvent.workers.redis_ledger import LEASE_S, RedisLedger
from solvent.workers.redis_script import LedgerScript

pytestmark = pytest.mark.redis

NEVER_S = 3600.0


def ask(max_tokens: int = 100, prompt: int = 10) -> Ask:
    return Ask(fixed=Usage(prompt_tokens=prompt, model_calls=1), max_tokens=max_tokens, floor=1)


@pytest.fixture
async def ledgers(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[Ledgers]:
    async with ledgers_of("redis", tmp_path, redis_server.url) as made:
        yield made


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url, decode_responses=True) as client:
        yield client


async def started(task: asyncio.Task[object]) -> None:
    """Give a task the time to get to where it waits."""
    await asyncio.wait([task], timeout=0.2)
    assert not task.done()


async def test_waits_for_calls_of_other_processes_and_is_woken_by_them(ledgers: Ledgers) -> None:
    ledgers.poll_s = NEVER_S
    one, two, three = ledgers.another(), ledgers.another(), ledgers.another()
    await one.open("job", Budget(tokens=120))
    for end in ("commit", "release", "forfeit"):
        await one.reserve("job", end, ask())
        waiting = asyncio.create_task(two.reserve("job", f"after {end}", ask(60)))
        await started(waiting)
        if end == "commit":
            await one.commit("job", end, tokens(5, 5))
        elif end == "release":
            await three.release("job", end)
        else:
            one.forfeit("job", end)
        answer = await waiting
        assert isinstance(answer, Refused if end == "forfeit" else Granted)
        if isinstance(answer, Granted):
            await two.release("job", f"after {end}")


async def test_raising_a_cap_wakes_who_waits(ledgers: Ledgers) -> None:
    ledgers.poll_s = NEVER_S
    one, two = ledgers.another(), ledgers.another()
    await one.open("batch", Budget())
    await one.open("job", Budget(tokens=120), parent="batch")
    await one.reserve("job", "a", ask())
    waiting = asyncio.create_task(two.reserve("job", "b", ask()))
    await started(waiting)
    await one.open("job", Budget(tokens=500), parent="batch")
    assert isinstance(await waiting, Granted)


async def test_a_holder_that_died_is_waited_for_no_longer_than_its_lease(ledgers: Ledgers) -> None:
    ledgers.poll_s = 0.1
    dead, alive = ledgers.another(), ledgers.another()
    await dead.open("job", Budget(tokens=120))
    await dead.reserve("job", "a", ask())
    falls_silent(dead)
    waiting = asyncio.create_task(alive.reserve("job", "b", ask()))
    await started(waiting)
    ledgers.clock.now += LEASE_S + 1
    assert await waiting == Refused(StopReason.CAP_TOKENS, "job")
    assert (await alive.usage("job")).tokens == 110, "what it had reserved stays spent"
    assert await alive.reserve("job", "a", ask()) == Unfinished()


async def test_ends_that_only_the_journal_knows_are_told_for_the_dead(ledgers: Ledgers) -> None:
    dead, alive = ledgers.another(), ledgers.another()
    await alive.open("batch", Budget(tokens=1000))
    await dead.open("job", Budget(), parent="batch")
    for call in ("committed", "dropped", "open"):
        await dead.reserve("job", call, ask())
    falls_silent(dead)
    # As by a process that was killed between its journal and Redis.
    await ledgers.journal.committed("job", "committed", tokens(10, 20), artifact=None, note={})
    await ledgers.journal.dropped("job", "dropped")
    assert (await alive.usage("job", in_flight=False)).tokens == 330
    assert (await alive.usage("job")).tokens == 30 + 110, "a call without an end stays spent"
    assert (await alive.usage("batch")).tokens == 30 + 110
    assert (await alive.usage("job")).model_calls == 2
    await dead.commit("job", "open", tokens(10, 1))
    assert (await alive.usage("batch")).tokens == 30 + 11


async def test_a_clock_that_went_back_does_not_make_a_dead_holder_live_longer(ledgers: Ledgers) -> None:
    ledgers.poll_s = 0.1
    dead, alive = ledgers.another(), ledgers.another()
    await dead.open("job", Budget(tokens=120))
    await dead.reserve("job", "a", ask())
    falls_silent(dead)
    ledgers.clock.now -= 3600
    waiting = asyncio.create_task(alive.reserve("job", "b", ask()))
    await started(waiting)
    ledgers.clock.now += LEASE_S + 1
    assert await waiting == Refused(StopReason.CAP_TOKENS, "job")


async def test_a_holder_that_comes_back_commits_what_it_used(ledgers: Ledgers) -> None:
    late, other = ledgers.another(), ledgers.another()
    await late.open("job", Budget(tokens=120))
    await late.reserve("job", "a", ask())
    falls_silent(late)
    ledgers.clock.now += LEASE_S + 1
    assert isinstance(await other.reserve("job", "b", ask(prompt=11)), Refused)
    await late.commit("job", "a", tokens(10, 20))
    assert (await other.usage("job")).tokens == 30


async def test_an_account_that_redis_lost_is_built_with_all_that_was_spent(ledgers: Ledgers, redis: Redis) -> None:
    one, two = ledgers.another(), ledgers.another()
    await one.open("key", Budget(tokens=1000), daily=True)
    await one.open("batch", Budget(tokens=400), parent="key")
    await one.open("job", Budget(), parent="batch", fingerprint="x")
    await one.open("other", Budget(), parent="batch")
    await one.reserve("job", "done", ask())
    await one.commit("job", "done", tokens(10, 50), artifact="a")
    await one.reserve("other", "done", ask())
    await one.commit("other", "done", tokens(10, 30))
    await one.reserve("job", "running", ask())
    await redis.flushall()
    for scope, spent in (("batch", 210), ("key", 210), ("job", 170), ("other", 40)):
        assert (await two.usage(scope)).tokens == spent
    assert await two.reserve("job", "done", ask()) == Settled(tokens(10, 50), "a", {})
    assert await two.reserve("job", "big", Ask(fixed=Usage(prompt_tokens=301))) == Refused(
        StopReason.CAP_TOKENS, "batch"
    )
    await redis.flushall()
    await one.commit("job", "running", tokens(10, 10))
    for scope, spent in (("batch", 120), ("key", 120), ("job", 80)):
        assert (await two.usage(scope)).tokens == spent
        assert (await two.usage(scope, in_flight=False)).tokens == spent


async def test_one_account_that_redis_dropped_is_built_beside_the_others(ledgers: Ledgers, redis: Redis) -> None:
    ledger = ledgers.another()
    await ledger.open("batch", Budget(tokens=400))
    await ledger.open("job", Budget(), parent="batch")
    for number in range(3):
        await ledger.reserve("job", f"call{number}", ask())
    for number, scope in enumerate(("batch", "job", "batch")):
        await redis.delete(ledgers.account(scope))
        await ledger.commit("job", f"call{number}", tokens(10, number))
    for scope in ("batch", "job"):
        assert (await ledger.usage(scope)).tokens == 33


async def test_a_forfeited_call_is_not_waited_for_after_a_loss(ledgers: Ledgers, redis: Redis) -> None:
    ledger = ledgers.another()
    await ledger.open("job", Budget(tokens=120))
    await ledger.reserve("job", "a", ask())
    ledger.forfeit("job", "a")
    await ledger.usage("job")
    await redis.flushall()
    assert await ledger.reserve("job", "b", ask(prompt=11)) == Refused(StopReason.CAP_TOKENS, "job")


async def test_what_a_restart_brings_back_is_not_believed(
    ledgers: Ledgers, redis: Redis, redis_server: RedisServer
) -> None:
    ledger = ledgers.another()
    await ledger.open("job", Budget(tokens=120))
    await ledger.reserve("job", "a", ask())
    await ledger.commit("job", "a", tokens(10, 100))
    # As if the last writes had not reached the disk.
    await redis.hset(ledgers.account("job"), "spent", "0 0 0 0 0 0 0")
    redis_server.restart()
    assert (await ledger.usage("job")).tokens == 110
    assert await ledger.reserve("job", "b", ask(prompt=11)) == Refused(StopReason.CAP_TOKENS, "job")


async def test_a_commit_that_did_not_reach_redis_is_told_when_the_job_goes_on(ledgers: Ledgers) -> None:
    died, next_one = ledgers.another(), ledgers.another()
    await died.open("job", Budget(tokens=120))
    await died.reserve("job", "a", ask())
    await ledgers.journal.committed("job", "a", tokens(10, 5), artifact="a", note={})
    assert (await next_one.usage("job", in_flight=False)).tokens == 110
    assert await next_one.reserve("job", "a", ask()) == Settled(tokens(10, 5), "a", {})
    assert (await next_one.usage("job", in_flight=False)).tokens == 15


async def test_calls_under_way_outlast_a_server_that_is_away(ledgers: Ledgers, redis_server: RedisServer) -> None:
    ledger = ledgers.another()
    await ledger.open("job", Budget(tokens=120))
    await ledger.reserve("job", "a", ask())
    redis_server.kill()
    try:
        commit = asyncio.create_task(ledger.commit("job", "a", tokens(10, 20)))
        await started(commit)
    finally:
        redis_server.start()
    await commit
    assert (await ledger.usage("job")).tokens == 30


async def test_a_server_that_stays_away_is_an_error_and_nothing_is_lost(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    journal = MemoryJournal()
    async with ledgers_of("redis", tmp_path, redis_server.url, journal) as ledgers:
        ledgers.patience_s = 0.3
        ledger = ledgers.another()
        await ledger.open("job", Budget(tokens=500))
        await ledger.reserve("job", "a", ask())
        redis_server.kill()
        try:
            with pytest.raises(StoreError, match="does not answer"):
                await ledger.commit("job", "a", tokens(10, 20))
            with pytest.raises(StoreError, match="does not answer"):
                await ledger.reserve("job", "b", ask())
        finally:
            redis_server.start()
        assert (await ledger.usage("job")).tokens == 30
        assert isinstance(await ledger.reserve("job", "b", ask()), Granted), "no one may think that it was made"


async def test_an_operation_that_arrives_too_late_does_nothing(redis_server: RedisServer) -> None:
    script = LedgerScript(redis_server.url, Keys("test-late"), holder="me", lease_s=30, patience_s=20)
    now = await script.now()
    script._ahead = (script._ahead or 0) - 3600 * MICRO
    ticket = script._keys.build("x")
    assert await script("ticket", [ticket]) == ["ok"], "it was sent again when the clock was known"
    assert abs(await script.now() - now) < 60 * MICRO
    await script.aclose()


async def test_a_cancelled_call_that_was_granted_is_given_back(ledgers: Ledgers) -> None:
    ledger = ledgers.another()
    assert isinstance(ledger, RedisLedger)
    await ledger.open("job", Budget(tokens=120))
    granted = asyncio.Event()
    asked = ledgers.journal.asked

    async def slow(*arguments: object, **keywords: object) -> object:
        granted.set()
        return await asked(*arguments, **keywords)  # type: ignore[arg-type]  # passed through as they came

    ledgers.journal.asked = slow  # type: ignore[method-assign,assignment]
    reserving = asyncio.create_task(ledger.reserve("job", "a", ask()))
    await granted.wait()
    reserving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reserving
    await ledger.aclose()
    other = ledgers.another()
    assert await other.usage("job") == Usage()
    assert isinstance(await other.reserve("job", "a", ask()), Granted)
