"""The script's decision is the decision of `solvent.agents.budget`, whatever the accounts and the ask."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from servers import RedisServer

from solvent.agents.budget import NOTHING, Account, Ask, Refused, decide, from_nano, pays_to_wait
from solvent.usage import Budget, Usage
from solvent.workers.ledger_codec import MICRO, Keys, amounts_of, caps_text, text_of, usage_of
from solvent.workers.redis_script import LedgerScript

pytestmark = pytest.mark.redis

NOW = 1_700_000_000 * MICRO
LEASE_S = 30.0
amounts = st.integers(0, 60) | st.integers(0, 2**40)
nanos = st.integers(0, 60) | st.integers(0, 2**48)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    counts = [draw(amounts) for _ in range(5)]
    names = ("prompt_tokens", "completion_tokens", "model_calls", "trajectories", "sandbox_runs")
    return Usage(
        **dict(zip(names, counts, strict=True)),
        sandbox_cpu_s=from_nano(draw(nanos)),
        cost=from_nano(draw(nanos)),
    )


@st.composite
def accounts(draw: st.DrawFn, ask: Ask, name: str) -> tuple[Account, Usage]:
    """An account, often with caps at the edge of what the ask needs, and what of it dead holders have in flight."""
    live, dead, done = draw(usages()), draw(usages()), draw(usages())
    spent = live + dead + done
    wanted = ask.max_tokens * ask.samples
    near = st.integers(-3, 3)

    def cap(needed: int) -> int | None:
        return draw(st.none() | near.map(lambda step: max(0, needed + step)) | amounts)

    def money(needed: float) -> float | None:
        close = near.map(lambda step: max(0.0, needed + from_nano(step)))
        return draw(st.none() | close | st.floats(0, 1e5))

    fixed = ask.fixed
    elapsed_ms = draw(st.integers(0, 5000))
    deadline = draw(st.none() | st.none() | st.integers(1, 5000) | st.just(max(1, elapsed_ms)))
    budget = Budget(
        tokens=cap(spent.tokens + fixed.tokens + wanted),
        completion_tokens=cap(spent.completion_tokens + fixed.completion_tokens + wanted),
        model_calls=cap(spent.model_calls + fixed.model_calls),
        trajectories=cap(spent.trajectories + fixed.trajectories),
        sandbox_cpu_s=money(spent.sandbox_cpu_s + fixed.sandbox_cpu_s),
        cost=money(spent.cost + fixed.cost + wanted * ask.token_cost),
        deadline_s=None if deadline is None else deadline / 1000,
    )
    overrun = draw(st.sampled_from([False, False, False, True]))
    return Account(name, budget, spent, elapsed_ms / 1000, overrun, in_flight=live), dead


@st.composite
def cases(draw: st.DrawFn) -> tuple[Ask, list[tuple[Account, Usage]]]:
    ask = Ask(
        fixed=draw(usages() | st.just(Usage(prompt_tokens=10, model_calls=1))),
        max_tokens=draw(st.integers(0, 80) | st.integers(0, 2**32)),
        floor=draw(st.integers(1, 60)),
        samples=draw(st.integers(1, 4)),
        token_cost=draw(st.just(0.0) | st.floats(0, 1e-2) | st.integers(0, 999).map(from_nano)),
    )
    names = [f"scope{number}" for number in range(draw(st.integers(1, 4)))]
    return ask, [draw(accounts(ask, name)) for name in names]


class Bench:
    """The script, on accounts that a test lays down."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.keys = Keys(f"test-{secrets.token_hex(4)}")
        self.redis = Redis.from_url(url, decode_responses=True)
        self.script = LedgerScript(
            url, self.keys, holder="me", lease_s=LEASE_S, patience_s=5, clock=lambda: NOW / MICRO
        )
        self.runner.run(self.script("beat"))
        self.run_id = self.runner.run(self.redis.get(self.keys.common[0]))

    async def ask(self, ask: Ask, laid: list[tuple[Account, Usage]]) -> tuple[list[str], list[Usage]]:
        """Return the script's reply and what it says was spent afterwards."""
        keys = [self.keys.account(account.scope, None) for account, _ in laid]
        async with self.redis.pipeline() as pipe:
            pipe.hset(self.keys.common[1], mapping={"live": NOW + 1, "dead": NOW})
            for key, (account, dead) in zip(keys, laid, strict=True):
                fields = {
                    "run": self.run_id,
                    "caps": caps_text(account.budget),
                    "started": round(NOW - account.elapsed_s * MICRO),
                    "spent": text_of(amounts_of(account.spent)),
                    "over": int(account.overrun),
                    "flying": "dead live",
                    "f:live": text_of(amounts_of(account.in_flight)),
                    "f:dead": text_of(amounts_of(dead)),
                }
                pipe.delete(key)
                pipe.hset(key, mapping=fields)
            await pipe.execute()
        reply = await self.script(
            "reserve",
            keys,
            "call",
            "me#1",
            "",
            text_of(amounts_of(ask.fixed)),
            str(ask.max_tokens),
            str(ask.floor),
            str(ask.samples),
            repr(ask.token_cost),
        )
        async with self.redis.pipeline() as pipe:
            for key in keys:
                pipe.hget(key, "spent")
            spent = [usage_of(text) for text in await pipe.execute()]
        return reply, spent

    async def aclose(self) -> None:
        await self.script.aclose()
        await self.redis.aclose()

    def close(self) -> None:
        self.runner.run(self.aclose())
        self.runner.close()


@pytest.fixture(scope="module")
def bench(redis_server: RedisServer) -> Iterator[Bench]:
    made = Bench(redis_server.url)
    yield made
    made.close()


def exact(usage: Usage) -> Usage:
    """The same in whole nano units: sums of floats may be off in the last place."""
    return usage_of(text_of(amounts_of(usage)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_script_decides_as_the_pure_rule_does(bench: Bench, case: tuple[Ask, list[tuple[Account, Usage]]]) -> None:
    ask, laid = case
    laid = [(replace(each, spent=exact(each.spent), in_flight=exact(each.in_flight)), dead) for each, dead in laid]
    told = [account for account, _ in laid]
    (status, *more), spent = bench.runner.run(bench.ask(ask, laid))
    answer = decide(told, ask)
    if pays_to_wait(told, ask, answer):
        event("waits")
        assert status == "wait"
        assert 0 < int(more[0]) <= LEASE_S * MICRO
    elif isinstance(answer, Refused):
        event(f"refused for {answer.reason}")
        assert (status, more[0], told[int(more[1])].scope) == ("refused", answer.reason, answer.scope)
    else:
        event("granted in full" if answer.max_tokens == ask.max_tokens else "granted in part")
        assert (status, int(more[0])) == ("granted", answer.max_tokens)
        assert spent == [exact(each.spent + answer.reserved) for each in told]
        return
    assert spent == [each.spent for each in told], "only a grant changes anything"


def test_what_dead_holders_have_in_flight_is_spent_for_good(bench: Bench) -> None:
    ask = Ask(fixed=Usage(prompt_tokens=10))
    account = Account("job", Budget(tokens=20), Usage(prompt_tokens=15))
    reply, _ = bench.runner.run(bench.ask(ask, [(account, Usage(prompt_tokens=15))]))
    assert reply[0] == "refused"
    alive = replace(account, in_flight=Usage(prompt_tokens=15))
    reply, _ = bench.runner.run(bench.ask(ask, [(alive, NOTHING)]))
    assert reply[0] == "wait"
