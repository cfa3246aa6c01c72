"""Both ledgers against one plain model of what a ledger must remember."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from solvent.agents.budget import Ask, Granted, Ledger, Refused, Settled, Unfinished
from solvent.agents.job import StopReason
from solvent.agents.ledgers import MemoryLedger, SqliteLedger
from solvent.errors import ConfigError, InternalError, StoreError
from solvent.usage import Budget, Usage


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    clock = Clock()
    made: Ledger = (
        MemoryLedger(clock=clock) if request.param == "memory" else SqliteLedger(tmp_path / "l.sqlite", clock=clock)
    )
    yield made
    await made.aclose()


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


async def test_deadline_counts_from_the_first_start(ledger: Ledger) -> None:
    clock = ledger._clock  # type: ignore[attr-defined]  # the fixture's own clock
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


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match=r"ledger\.sqlite"):
        SqliteLedger(path)


async def test_two_processes_share_one_file(tmp_path: Path) -> None:
    one, two = SqliteLedger(tmp_path / "ledger.sqlite"), SqliteLedger(tmp_path / "ledger.sqlite")
    await one.open("job", Budget(tokens=110))
    await one.reserve("job", "a", call_ask())
    assert await two.reserve("job", "b", Ask(fixed=Usage(prompt_tokens=1))) == Refused(StopReason.CAP_TOKENS, "job")
    await one.aclose()
    await two.aclose()


calls = st.integers(0, 5).map("call{}".format)
scopes = st.sampled_from(["one", "two"])


class LedgerMachine(RuleBasedStateMachine):
    """Random operations, with the SQLite ledger closed and opened again (a crash keeps no memory) in between."""

    @initialize(
        batch=st.none() | st.integers(0, 600), one=st.none() | st.integers(0, 400), calls=st.none() | st.integers(0, 6)
    )
    def start(self, batch: int | None, one: int | None, calls: int | None) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite"
        self.ledgers: list[Ledger] = [MemoryLedger(), SqliteLedger(self.path)]
        self.budgets = {"batch": Budget(tokens=batch), "one": Budget(tokens=one, model_calls=calls), "two": Budget()}
        self.rows: dict[tuple[str, str], tuple[Usage, Usage | None]] = {}
        for ledger in self.ledgers:
            self.loop.run_until_complete(ledger.open("batch", self.budgets["batch"]))
            for scope in ("one", "two"):
                self.loop.run_until_complete(ledger.open(scope, self.budgets[scope], parent="batch"))

    def each(self, name: str, *arguments: object, **keywords: object) -> list[object]:
        return [self.loop.run_until_complete(getattr(ledger, name)(*arguments, **keywords)) for ledger in self.ledgers]

    @rule(scope=scopes, call=calls, prompt=st.integers(0, 80), max_tokens=st.integers(0, 80), floor=st.integers(1, 40))
    def reserve(self, scope: str, call: str, prompt: int, max_tokens: int, floor: int) -> None:
        for open_scope, open_call in self.rows:
            for ledger in self.ledgers:
                ledger.forfeit(open_scope, open_call)  # so that nothing waits: waiting has its own tests
        ask = Ask(fixed=Usage(prompt_tokens=prompt, model_calls=1), max_tokens=max_tokens, floor=floor)
        memory, disk = self.each("reserve", scope, call, ask)
        assert memory == disk
        known = self.rows.get((scope, call))
        if known is not None:
            assert memory == (Unfinished() if known[1] is None else Settled(known[1], f"{scope}{call}", {}))
        elif isinstance(memory, Granted):
            self.rows[scope, call] = (memory.reserved, None)
        else:
            assert isinstance(memory, Refused)

    @precondition(lambda self: any(used is None for _, used in self.rows.values()))
    @rule(data=st.data(), share=st.floats(0, 1))
    def commit(self, data: st.DataObject, share: float) -> None:
        scope, call = data.draw(st.sampled_from([key for key, (_, used) in self.rows.items() if used is None]))
        reserved = self.rows[scope, call][0]
        completion = int(reserved.completion_tokens * share)
        used = reserved.model_copy(update={"completion_tokens": completion})
        self.each("commit", scope, call, used, artifact=f"{scope}{call}")
        self.rows[scope, call] = (reserved, used)

    @precondition(lambda self: any(used is None for _, used in self.rows.values()))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from([key for key, (_, used) in self.rows.items() if used is None]))
        self.each("release", *key)
        del self.rows[key]

    @rule()
    def crash(self) -> None:
        self.loop.run_until_complete(self.ledgers[1].aclose())
        self.ledgers[1] = SqliteLedger(self.path)

    @invariant()
    def spent_is_the_sum_and_within_the_caps(self) -> None:
        if not hasattr(self, "rows"):
            return
        for scope, budget in self.budgets.items():
            total = Usage()
            for (owner, _), (reserved, used) in self.rows.items():
                if scope in (owner, "batch"):
                    total += reserved if used is None else used
            assert self.each("usage", scope) == [total, total]
            assert budget.tokens is None or total.tokens <= budget.tokens
            assert budget.model_calls is None or total.model_calls <= budget.model_calls

    def teardown(self) -> None:
        if hasattr(self, "rows"):
            self.loop.run_until_complete(self.ledgers[1].aclose())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestLedgerMachine = LedgerMachine.TestCase
