"""Every ledger remembers what was spent, keeps every cap, and waits for what may be given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from ledgers import DAY_S, Ledgers, ledgers_of, tokens

from solvent.agents.budget import Ask, Granted, Ledger, Refused, Settled, Unfinished
from solvent.agents.job import StopReason
from solvent.errors import ConfigError, InternalError
from solvent.usage import Budget, Usage
from solvent.workers.database import open_service_database

KINDS = [
    "memory",
    "sqlite",
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("redis, journal in SQLite", marks=pytest.mark.redis),
    pytest.param("redis, journal in PostgreSQL", marks=[pytest.mark.redis, pytest.mark.postgres]),
]


@pytest.fixture(params=KINDS)
async def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledgers]:
    kind, _, journal = request.param.partition(", ")
    url = request.getfixturevalue("redis_server").url if kind == "redis" else ""
    async with AsyncExitStack() as stack:
        kept = None
        if journal:
            sqlite = f"sqlite:///{tmp_path / 'service.sqlite'}"
            database = await open_service_database(
                request.getfixturevalue("postgres_url") if "PostgreSQL" in journal else sqlite
            )
            stack.push_async_callback(database.aclose)
            kept = database.journal
        yield await stack.enter_async_context(ledgers_of(kind, tmp_path, url, kept))


@pytest.fixture
def ledger(ledgers: Ledgers) -> Ledger:
    return ledgers.another()


def call_ask(max_tokens: int = 100, prompt: int = 10) -> Ask:
    return Ask(fixed=Usage(prompt_tokens=prompt, model_calls=1), max_tokens=max_tokens, floor=1)


async def test_committed_call_is_settled_with_its_artifact(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=1000))
    assert isinstance(await ledger.reserve("job", "t0/solve/0", call_ask()), Granted)
    used = Usage(prompt_tokens=9, completion_tokens=20, model_calls=1)
    await ledger.commit("job", "t0/solve/0", used, artifact="a" * 64, note={"finish": "stop"})
    assert await ledger.reserve("job", "t0/solve/0", call_ask()) == Settled(used, "a" * 64, {"finish": "stop"})
    assert await ledger.usage("job") == used
    await ledger.commit("job", "t0/solve/0", used, artifact="a" * 64, note={"finish": "stop"})
    assert await ledger.usage("job") == used, "a commit that is repeated changes nothing"
    with pytest.raises(InternalError):
        await ledger.commit("job", "t0/solve/0", Usage(), artifact="b" * 64)


async def test_release_gives_everything_back_and_frees_the_id(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=110))
    assert isinstance(await ledger.reserve("job", "a", call_ask()), Granted)
    await ledger.release("job", "a")
    assert await ledger.usage("job") == Usage()
    assert isinstance(await ledger.reserve("job", "a", call_ask()), Granted)
    with pytest.raises(InternalError):
        await ledger.release("job", "never reserved")


async def test_forfeited_call_stays_spent_and_is_unfinished(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=200))
    await ledger.reserve("job", "a", call_ask())
    ledger.forfeit("job", "a")
    assert (await ledger.usage("job")).tokens == 110
    assert await ledger.reserve("job", "a", call_ask()) == Unfinished()
    granted = await ledger.reserve("job", "b", call_ask())
    assert isinstance(granted, Granted)
    assert granted.max_tokens == 80


async def test_waits_for_calls_in_flight_rather_than_refuse(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=120))
    await ledger.reserve("job", "a", call_ask())
    second = asyncio.create_task(ledger.reserve("job", "b", call_ask(max_tokens=60)))
    third = asyncio.create_task(ledger.reserve("job", "c", call_ask(max_tokens=60)))
    await asyncio.wait([second, third], timeout=0.05)
    assert not second.done()
    assert not third.done()
    await ledger.commit("job", "a", Usage(prompt_tokens=5, completion_tokens=5, model_calls=1))
    done, _ = await asyncio.wait([second, third], return_when=asyncio.FIRST_COMPLETED)
    assert done.pop().result() == Granted(Usage(prompt_tokens=10, completion_tokens=60, model_calls=1), 60)
    ledger.forfeit("job", "b" if second.done() else "c")
    last = await (third if second.done() else second)
    assert isinstance(last, Granted)
    assert last.max_tokens == 30, "nothing is in flight any more: what is left is granted"


async def test_usage_to_show_leaves_out_what_is_in_flight(ledger: Ledger) -> None:
    await ledger.open("batch", Budget())
    await ledger.open("job", Budget(), parent="batch")
    await ledger.reserve("job", "a", call_ask())
    await ledger.reserve("job", "b", call_ask())
    used = Usage(prompt_tokens=5, completion_tokens=5, model_calls=1)
    await ledger.commit("job", "a", used)
    for scope in ("job", "batch"):
        assert await ledger.usage(scope, in_flight=False) == used
        assert (await ledger.usage(scope)).tokens == 120
    ledger.forfeit("job", "b")
    assert (await ledger.usage("job", in_flight=False)).tokens == 120, "a call whose end is unknown is spent"


async def test_cancelled_waiter_leaves_nothing_reserved(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=120))
    await ledger.reserve("job", "a", call_ask())
    waiter = asyncio.create_task(ledger.reserve("job", "b", call_ask()))
    await asyncio.wait([waiter], timeout=0.05)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await ledger.release("job", "a")
    assert await ledger.usage("job") == Usage()


async def test_batch_cap_holds_over_its_jobs_at_once(ledger: Ledger) -> None:
    await ledger.open("batch", Budget(tokens=150))
    await ledger.open("one", Budget(tokens=1000), parent="batch")
    await ledger.open("two", Budget(), parent="batch")
    await ledger.reserve("one", "a", call_ask())
    await ledger.commit("one", "a", Usage(prompt_tokens=10, completion_tokens=100, model_calls=1))
    assert await ledger.reserve("two", "a", Ask(fixed=Usage(prompt_tokens=41), max_tokens=1)) == Refused(
        StopReason.CAP_TOKENS, "batch"
    )
    granted = await ledger.reserve("two", "a", call_ask())
    assert isinstance(granted, Granted)
    assert granted.max_tokens == 30
    assert (await ledger.usage("batch")).tokens == 150
    with pytest.raises(ConfigError):
        await ledger.open("three", Budget(), parent="no such batch")


async def test_overrun_is_recorded_and_ends_the_job(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=1000))
    await ledger.reserve("job", "a", call_ask())
    await ledger.commit("job", "a", Usage(prompt_tokens=10, completion_tokens=400, model_calls=1))
    assert (await ledger.usage("job")).tokens == 410
    assert await ledger.reserve("job", "b", call_ask()) == Refused(StopReason.CAP_TOKENS, "job")


async def test_deadline_counts_from_the_first_start(ledgers: Ledgers, ledger: Ledger) -> None:
    clock = ledgers.clock
    first = await ledger.open("job", Budget(deadline_s=10))
    clock.now += 9
    again = await ledger.open("job", Budget(deadline_s=10))
    assert (again.started_at, again.resumed) == (first.started_at, True)
    clock.now += 1
    assert await ledger.reserve("job", "a", call_ask()) == Refused(StopReason.DEADLINE, "job")
    await ledger.finish("job", "r" * 64)
    assert (await ledger.open("job", Budget(deadline_s=10))).result == "r" * 64
    await ledger.restart("job")
    assert (await ledger.open("job", Budget(deadline_s=10))).result is None
    assert isinstance(await ledger.reserve("job", "a", call_ask()), Granted)


async def test_another_problem_under_the_same_id_is_refused(ledger: Ledger) -> None:
    await ledger.open("job", Budget(), fingerprint="x")
    with pytest.raises(ConfigError, match="another id"):
        await ledger.open("job", Budget(), fingerprint="y")


async def test_scopes_nest_from_a_job_to_the_key_that_pays(ledger: Ledger) -> None:
    await ledger.open("day", Budget(tokens=500), daily=True)
    await ledger.open("key", Budget(model_calls=4), parent="day")
    await ledger.open("batch", Budget(tokens=300), parent="key")
    await ledger.open("job", Budget(tokens=150), parent="batch")
    await ledger.open("other", Budget(), parent="batch")
    await ledger.open("elsewhere", Budget(), parent="key")
    chain = ("job", "batch", "key", "day")

    assert isinstance(await ledger.reserve("job", "a", call_ask()), Granted)
    assert [(await ledger.usage(scope)).tokens for scope in chain] == [110, 110, 110, 110]
    await ledger.commit("job", "a", tokens(10, 50))
    assert [(await ledger.usage(scope)).tokens for scope in chain] == [60, 60, 60, 60]
    assert (await ledger.usage("other")).tokens == 0

    beyond_the_job = Ask(fixed=Usage(prompt_tokens=91))
    assert await ledger.reserve("job", "b", beyond_the_job) == Refused(StopReason.CAP_TOKENS, "job")
    assert isinstance(await ledger.reserve("other", "b", call_ask(200, 20)), Granted)
    await ledger.commit("other", "b", tokens(20, 200))
    beyond_the_batch = Ask(fixed=Usage(prompt_tokens=21))
    assert await ledger.reserve("job", "c", beyond_the_batch) == Refused(StopReason.CAP_TOKENS, "batch")
    granted = await ledger.reserve("elsewhere", "c", call_ask(1000, 100))
    assert isinstance(granted, Granted)
    assert granted.max_tokens == 120, "what the day of the key still allows"
    await ledger.release("elsewhere", "c")
    beyond_the_day = Ask(fixed=Usage(prompt_tokens=221))
    assert await ledger.reserve("elsewhere", "d", beyond_the_day) == Refused(StopReason.CAP_TOKENS, "day")
    for call in ("e", "f"):
        await ledger.reserve("elsewhere", call, call_ask(1, 1))
        await ledger.commit("elsewhere", call, tokens(1, 1))
    assert await ledger.reserve("job", "g", call_ask(1, 1)) == Refused(StopReason.CAP_CALLS, "key")
    with pytest.raises(ConfigError):
        await ledger.open("job", Budget(), parent="key")
    with pytest.raises(ConfigError):
        await ledger.open("day", Budget())


async def test_caps_of_a_day_begin_anew_with_the_next(ledgers: Ledgers, ledger: Ledger) -> None:
    await ledger.open("day", Budget(tokens=150), daily=True)
    await ledger.open("job", Budget(), parent="day")
    assert isinstance(await ledger.reserve("job", "late", call_ask()), Granted)
    ledgers.clock.now += DAY_S
    whole = await ledger.reserve("job", "early", call_ask(140))
    assert isinstance(whole, Granted)
    assert whole.max_tokens == 140, "the day before holds nothing of this one"
    await ledger.commit("job", "late", tokens(10, 20))
    assert (await ledger.usage("day")).tokens == 150, "a call counts in the day in which it was reserved"
    assert (await ledger.usage("job")).tokens == 180
    ledger.forfeit("job", "early")
    assert await ledger.reserve("job", "more", Ask(fixed=Usage(prompt_tokens=1))) == Refused(
        StopReason.CAP_TOKENS, "day"
    )
    ledgers.clock.now -= 2 * DAY_S
    assert (await ledger.open("day", Budget(tokens=150), daily=True)).resumed
    ledgers.clock.now += 2 * DAY_S
    assert (await ledger.usage("day")).tokens == 150, "a clock that goes back and forth forgets nothing"


async def test_raised_caps_hold_at_once(ledger: Ledger) -> None:
    await ledger.open("job", Budget(tokens=10))
    ask = Ask(fixed=Usage(prompt_tokens=11))
    assert await ledger.reserve("job", "a", ask) == Refused(StopReason.CAP_TOKENS, "job")
    await ledger.open("job", Budget(tokens=11))
    assert isinstance(await ledger.reserve("job", "a", ask), Granted)


async def test_does_not_wait_for_calls_that_cannot_make_room(ledger: Ledger) -> None:
    await ledger.open("batch", Budget(tokens=1000))
    await ledger.open("full", Budget(tokens=50), parent="batch")
    await ledger.open("busy", Budget(), parent="batch")
    await ledger.reserve("busy", "a", call_ask())
    assert await ledger.reserve("full", "a", Ask(fixed=Usage(prompt_tokens=51))) == Refused(
        StopReason.CAP_TOKENS, "full"
    ), "the cap is the job's own: its neighbour's call gives it nothing"
    await ledger.reserve("full", "b", call_ask(40, 10))
    assert await ledger.reserve("full", "c", Ask(fixed=Usage(prompt_tokens=51))) == Refused(
        StopReason.CAP_TOKENS, "full"
    ), "it would not fit if all came back"


async def test_money_never_drifts(ledger: Ledger) -> None:
    await ledger.open("job", Budget(cost=0.3))
    for number in range(3):
        granted = await ledger.reserve("job", str(number), Ask(fixed=Usage(cost=0.1)))
        assert isinstance(granted, Granted)
        await ledger.commit("job", str(number), granted.reserved)
    assert await ledger.reserve("job", "3", Ask(fixed=Usage(cost=1e-8))) == Refused(StopReason.CAP_COST, "job")
    assert (await ledger.usage("job")).cost == pytest.approx(0.3, abs=1e-12)


async def test_two_processes_share_one_account(ledgers: Ledgers) -> None:
    if not ledgers.processes_share:
        return
    one, two = ledgers.another(), ledgers.another()
    await one.open("job", Budget(tokens=110))
    await one.reserve("job", "a", call_ask())
    one.forfeit("job", "a")
    await one.usage("job")
    assert await two.reserve("job", "b", Ask(fixed=Usage(prompt_tokens=1))) == Refused(StopReason.CAP_TOKENS, "job")
    assert await two.reserve("job", "a", call_ask()) == Unfinished()
