"""Every kind of ledger does the same, whatever comes, and remembers what one plain model of it says."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledgers import Ledgers
from servers import RedisServer

from solvent.agents.budget import Ask, Granted, Refused, Settled, Unfinished
from solvent.usage import Budget, Usage

kinds = ["memory", "sqlite", "redis"]
calls = st.integers(0, 5).map("call{}".format)
scopes = st.sampled_from(["one", "two"])
CHAIN = {"one": ("one", "batch", "key"), "two": ("two", "batch", "key"), "batch": ("batch", "key"), "key": ("key",)}


class LedgerMachine(RuleBasedStateMachine):
    """Random operations on all ledgers at once, with their processes ended without a word in between."""

    redis_url = ""

    @initialize(
        batch=st.none() | st.integers(0, 600),
        one=st.none() | st.integers(0, 400),
        calls=st.none() | st.integers(0, 6),
        cost=st.none() | st.floats(0, 1),
    )
    def start(self, batch: int | None, one: int | None, calls: int | None, cost: float | None) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.places = [Ledgers(kind, Path(self.folder.name), self.redis_url) for kind in kinds]
        self.runner.run(self.make())
        self.budgets = {
            "key": Budget(cost=cost),
            "batch": Budget(tokens=batch),
            "one": Budget(tokens=one, model_calls=calls),
            "two": Budget(),
        }
        self.rows: dict[tuple[str, str], tuple[Usage, Usage | None]] = {}
        for scope, budget in self.budgets.items():
            self.each("open", scope, budget, parent=(*CHAIN[scope], None)[1], daily=scope == "key")

    async def make(self) -> None:
        self.ledgers = [place.another() for place in self.places]

    def each(self, name: str, *arguments: object, **keywords: object) -> list[object]:
        return [self.runner.run(getattr(ledger, name)(*arguments, **keywords)) for ledger in self.ledgers]

    async def forfeit_all(self) -> None:
        for scope, call in self.rows:
            for ledger in self.ledgers:
                ledger.forfeit(scope, call)

    @rule(
        scope=scopes,
        call=calls,
        prompt=st.integers(0, 80),
        max_tokens=st.integers(0, 80),
        floor=st.integers(1, 40),
        token_cost=st.sampled_from([0.0, 0.0005, 0.001]),
    )
    def reserve(self, scope: str, call: str, prompt: int, max_tokens: int, floor: int, token_cost: float) -> None:
        self.runner.run(self.forfeit_all())  # so that nothing waits: waiting has its own tests
        ask = Ask(
            fixed=Usage(prompt_tokens=prompt, model_calls=1, cost=prompt * token_cost / 4),
            max_tokens=max_tokens,
            floor=floor,
            token_cost=token_cost,
        )
        answer, *others = self.each("reserve", scope, call, ask)
        assert others == [answer] * len(others)
        known = self.rows.get((scope, call))
        if known is not None:
            assert answer == (Unfinished() if known[1] is None else Settled(known[1], f"{scope}{call}", {}))
        elif isinstance(answer, Granted):
            self.rows[scope, call] = (answer.reserved, None)
        else:
            assert isinstance(answer, Refused)

    @precondition(lambda self: any(used is None for _, used in self.rows.values()))
    @rule(data=st.data(), share=st.floats(0, 1))
    def commit(self, data: st.DataObject, share: float) -> None:
        scope, call = data.draw(st.sampled_from([key for key, (_, used) in self.rows.items() if used is None]))
        reserved = self.rows[scope, call][0]
        completion = int(reserved.completion_tokens * share)
        used = reserved.model_copy(update={"completion_tokens": completion, "cost": round(reserved.cost * share, 9)})
        self.each("commit", scope, call, used, artifact=f"{scope}{call}")
        self.rows[scope, call] = (reserved, used)

    @precondition(lambda self: any(used is None for _, used in self.rows.values()))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([key for key, (_, used) in self.rows.items() if used is None]))
        self.each("release", *key)
        del self.rows[key]

    @rule()
    def end_processes(self) -> None:
        self.runner.run(self.make())

    @invariant()
    def spent_is_the_sum_and_within_the_caps(self) -> None:
        if not hasattr(self, "rows"):
            return
        for scope, budget in self.budgets.items():
            total = Usage()
            for (owner, _), (reserved, used) in self.rows.items():
                if scope in CHAIN[owner]:
                    total += reserved if used is None else used
            for told in self.each("usage", scope):
                assert isinstance(told, Usage)
                assert told.model_copy(update={"cost": 0.0}) == total.model_copy(update={"cost": 0.0})
                assert told.cost == pytest.approx(total.cost, abs=2e-9)
            assert budget.tokens is None or total.tokens <= budget.tokens
            assert budget.model_calls is None or total.model_calls <= budget.model_calls
            assert budget.cost is None or total.cost <= budget.cost + 2e-9

    async def close_places(self) -> None:
        for place in self.places:
            await place.aclose()

    def teardown(self) -> None:
        if hasattr(self, "rows"):
            self.runner.run(self.close_places())
            self.runner.close()
            self.folder.cleanup()


@pytest.mark.redis
def test_all_ledgers_do_the_same(redis_server: RedisServer) -> None:
    LedgerMachine.redis_url = redis_server.url
    limits = settings(max_examples=20, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(LedgerMachine, settings=limits)
