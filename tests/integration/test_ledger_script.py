"""The script's decision is the decision of `solvent.agents.budget`, whatever the accounts and the ask."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice, product

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


def check(ask: Ask, told: list[Account], reply: list[str], spent: list[Usage]) -> str:
    """Compare the script's reply with the pure rule's; returns what both say."""
    status, *more = reply
    answer = decide(told, ask)
    if pays_to_wait(told, ask, answer):
        assert status == "wait"
        assert 0 < int(more[0]) <= LEASE_S * MICRO
        said = "waits"
    elif isinstance(answer, Refused):
        assert (status, more[0], told[int(more[1])].scope) == ("refused", answer.reason, answer.scope)
        said = f"refused for {answer.reason}"
    else:
        assert (status, more[0]) == ("granted", str(answer.max_tokens))
        assert spent == [exact(each.spent + answer.reserved) for each in told]
        return "granted in full" if answer.max_tokens == ask.max_tokens else "granted in part"
    assert spent == [each.spent for each in told], "only a grant changes anything"
    return said


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_script_decides_as_the_pure_rule_does(bench: Bench, case: tuple[Ask, list[tuple[Account, Usage]]]) -> None:
    ask, laid = case
    laid = [(replace(each, spent=exact(each.spent), in_flight=exact(each.in_flight)), dead) for each, dead in laid]
    reply, spent = bench.runner.run(bench.ask(ask, laid))
    event(check(ask, [account for account, _ in laid], reply, spent))


PART = Usage(
    prompt_tokens=7,
    completion_tokens=5,
    model_calls=3,
    trajectories=2,
    sandbox_runs=4,
    sandbox_cpu_s=from_nano(11),
    cost=from_nano(13),
)
"""A third of what an account has spent: for ended calls, for calls in flight, and for those of dead holders."""
CALL = Usage(prompt_tokens=6, model_calls=1, cost=from_nano(4))
ASKS = [
    Ask(fixed=Usage(prompt_tokens=6)),
    Ask(fixed=Usage(trajectories=1)),
    Ask(fixed=Usage(sandbox_runs=1, sandbox_cpu_s=from_nano(9))),
    Ask(fixed=CALL, max_tokens=0),
    Ask(fixed=CALL, max_tokens=10, floor=4, token_cost=from_nano(2)),
    Ask(fixed=CALL, max_tokens=10, floor=4, samples=3, token_cost=from_nano(1)),
    Ask(fixed=CALL, max_tokens=3, floor=8),
]
STATES = [(NOTHING, NOTHING, False), (NOTHING, NOTHING, True), (PART, NOTHING, False), (PART, PART, False)]
"""What living and dead holders have in flight, and whether a call took more than was reserved for it."""
STEPS = (-2, -1, 0, 1)


def edges(name: str, ask: Ask, spents: list[Usage]) -> list[float]:
    """Return caps of a kind at and beside every point where the decision on an account may change, and nothing."""
    tokens = [0, min(ask.floor, ask.max_tokens), ask.max_tokens]
    points = {0}
    for spent in spents:
        whole = spent + ask.fixed
        if name == "deadline_s":
            return [from_nano(1), 0.001, 1.0, 1.000001, 2.0]
        if name in ("tokens", "completion_tokens"):
            points |= {getattr(whole, name) + each * ask.samples for each in tokens} | {getattr(spent, name)}
        elif name == "cost":
            points |= {round((whole.cost + each * ask.samples * ask.token_cost) * 1e9) for each in tokens}
        elif name == "sandbox_cpu_s":
            points.add(round(whole.sandbox_cpu_s * 1e9))
        else:
            points.add(getattr(whole, name))
    caps = sorted({max(0, point + step) for point in points for step in STEPS})
    return [from_nano(cap) for cap in caps] if name in ("cost", "sandbox_cpu_s") else list(caps)


def edge_cases() -> Iterator[tuple[Ask, list[tuple[Account, Usage]]]]:
    """Each ask on one account with one cap at an edge, below or above one without; with calls in flight or not."""
    free = Account("free", Budget(), NOTHING), NOTHING
    for ask, (flying, dying, overrun) in product(ASKS, STATES):
        spent = exact(PART + flying + dying)
        for name in Budget.model_fields:
            for cap in [None, *edges(name, ask, [spent, exact(PART + dying)])]:
                capped = Account("capped", Budget(**{name: cap}), spent, 1.0, overrun, in_flight=flying), dying
                yield ask, [free, capped] if dying else [capped, free]


def ties() -> Iterator[tuple[Ask, list[tuple[Account, Usage]]]]:
    """Two caps that leave room for as many tokens, on one account or on two: which of them is named is a rule too."""
    for ask in ASKS:
        for left in range(ask.max_tokens):
            whole = PART + ask.fixed
            tokens = whole.tokens + left * ask.samples
            cost = whole.cost + left * ask.samples * ask.token_cost
            both, first, second = Budget(tokens=tokens, cost=cost), Budget(tokens=tokens), Budget(cost=cost)
            for budgets in ([both], [first, second], [second, first]):
                yield ask, [(Account(f"a{n}", budget, PART), NOTHING) for n, budget in enumerate(budgets)]


def test_at_every_edge_of_every_cap_the_script_decides_as_the_pure_rule_does(bench: Bench) -> None:
    async def decided(number: int, ask: Ask, laid: list[tuple[Account, Usage]]) -> str:
        named = [(replace(account, scope=f"{account.scope}{number}"), dead) for account, dead in laid]
        told = [account for account, _ in named]
        try:
            return check(ask, told, *await bench.ask(ask, named))
        except AssertionError as error:
            raise AssertionError(f"{ask} on {laid}: {error}") from error

    async def all_of_them() -> Counter[str]:
        said: Counter[str] = Counter()
        numbered = enumerate(chain(edge_cases(), ties()))
        while some := list(islice(numbered, 64)):
            said.update(await asyncio.gather(*(decided(number, *case) for number, case in some)))
        return said

    said = bench.runner.run(all_of_them())
    reasons = ("tokens", "calls", "trajectories", "sandbox", "cost")
    kinds = {"waits", "granted in full", "granted in part", "refused for deadline"}
    assert set(said) == kinds | {f"refused for cap_{reason}" for reason in reasons}


def test_what_dead_holders_have_in_flight_is_spent_for_good(bench: Bench) -> None:
    ask = Ask(fixed=Usage(prompt_tokens=10))
    account = Account("job", Budget(tokens=20), Usage(prompt_tokens=15))
    reply, _ = bench.runner.run(bench.ask(ask, [(account, Usage(prompt_tokens=15))]))
    assert reply[0] == "refused"
    alive = replace(account, in_flight=Usage(prompt_tokens=15))
    reply, _ = bench.runner.run(bench.ask(ask, [(alive, NOTHING)]))
    assert reply[0] == "wait"
