"""Concurrent holders, some of which vanish, on a Redis that is killed and forgets, by a clock that jumps.

What a model would have generated is counted by itself. However things fall out: no cap is passed by that count, the
ledger never says less than was spent, and everybody who waits gets an answer.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from ledgers import DAY_S, Ledgers, tokens
from memory_journal import MemoryJournal
from redis import Redis
from servers import RedisServer

from solvent.agents.budget import Ask, Granted, Refused, Settled, Unfinished
from solvent.usage import Budget, Usage
from solvent.workers.redis_ledger import RedisLedger

CHAINS = {"one": ("one", "batch", "key"), "two": ("two", "batch", "key"), "three": ("three", "key")}
MOST_RESTARTS = 2
ANSWER_S = 120
"""Far more than any answer takes: who waits longer is stuck."""


class MortalJournal:
    """The journal as one process reaches it: once it is dead, nothing it does comes to an end."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)

        async def call(*arguments: Any, **keywords: Any) -> Any:
            await asyncio.sleep(0)
            if self.dead:
                await asyncio.Future()
            answer = await method(*arguments, **keywords)
            await asyncio.sleep(0)
            if self.dead:
                await asyncio.Future()
            return answer

        return call


@dataclass
class Process:
    """One holder: a ledger, the calls that it makes, and those that it waits to make."""

    ledger: RedisLedger
    journal: MortalJournal
    calls: dict[tuple[str, str], Granted] = field(default_factory=dict)
    asking: set[asyncio.Task[None]] = field(default_factory=set)

    async def vanish(self) -> None:
        """Do nothing any more, as a process that was killed."""
        self.journal.dead = True

        async def never(*_: Any) -> Any:
            await asyncio.Future()

        ledger = self.ledger
        ledger._script._send = never  # type: ignore[method-assign]  # whatever it still wants to say
        while tasks := self.asking | ledger._tasks.running:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.asking.clear()
        ledger._tasks.closed = True
        await ledger._script.aclose()
        await ledger._wakeups.aclose()
        self.calls.clear()


class LedgerFaults(RuleBasedStateMachine):
    """See the file's first lines."""

    server: RedisServer

    @initialize(
        key=st.none() | st.integers(50, 900),
        batch=st.none() | st.integers(50, 600),
        one=st.none() | st.integers(50, 400),
        calls=st.none() | st.integers(1, 12),
    )
    def start(self, key: int | None, batch: int | None, one: int | None, calls: int | None) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = MemoryJournal()
        self.place = Ledgers("redis", Path(self.folder.name), self.server.url)
        self.place.poll_s = 0.2
        self.noon = self.place.clock.now
        self.budgets = {
            "key": Budget(tokens=key),
            "batch": Budget(tokens=batch),
            "one": Budget(tokens=one, model_calls=calls),
            "two": Budget(),
            "three": Budget(),
        }
        self.counted = dict.fromkeys(self.budgets, Usage())
        self.granted: set[tuple[str, str]] = set()
        self.settled: dict[tuple[str, str], Usage] = {}
        self.number = 0
        self.restarts = 0
        self.unknown = False
        self.processes = [self.runner.run(self.process()) for _ in range(3)]
        self.run(self.open())

    async def process(self) -> Process:
        journal: Any = MortalJournal(self.journal)
        self.place.journal = journal
        ledger = self.place.another()
        assert isinstance(ledger, RedisLedger)
        return Process(ledger, journal)

    async def open(self) -> None:
        ledger = self.processes[0].ledger
        for scope, parent in (("key", None), ("batch", "key"), ("one", "batch"), ("two", "batch"), ("three", "key")):
            await ledger.open(scope, self.budgets[scope], parent=parent, daily=scope == "key")

    def run(self, work: Any) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(ANSWER_S):
                return await work

        return self.runner.run(bounded())

    def count(self, scope: str, used: Usage) -> None:
        for name in CHAINS[scope]:
            self.counted[name] += used

    # What processes do

    @rule(
        who=st.integers(0, 2),
        scope=st.sampled_from(sorted(CHAINS)),
        prompt=st.integers(1, 60),
        max_tokens=st.integers(1, 80),
        floor=st.integers(1, 30),
    )
    def ask(self, who: int, scope: str, prompt: int, max_tokens: int, floor: int) -> None:
        process = self.processes[who]
        self.number += 1
        call = f"call{self.number}"
        wish = Ask(fixed=tokens(prompt), max_tokens=max_tokens, floor=floor)

        async def asked() -> None:
            answer = await process.ledger.reserve(scope, call, wish)
            assert isinstance(answer, Granted | Refused)
            if isinstance(answer, Granted):
                process.calls[scope, call] = answer
                self.granted.add((scope, call))
                self.count(scope, tokens(prompt))

        async def begin() -> None:
            task = asyncio.create_task(asked())
            process.asking.add(task)
            await asyncio.wait([task], timeout=0.05)

        self.run(begin())

    @precondition(lambda self: any(process.calls for process in self.processes))
    @rule(data=st.data(), share=st.floats(0, 1), end=st.sampled_from(["commit", "commit", "commit", "forfeit"]))
    def end(self, data: st.DataObject, share: float, end: str) -> None:
        process = data.draw(st.sampled_from([each for each in self.processes if each.calls]))
        scope, call = data.draw(st.sampled_from(sorted(process.calls)))
        self.run(self.end_call(process, scope, call, share, end))

    async def end_call(self, process: Process, scope: str, call: str, share: float, end: str) -> None:
        granted = process.calls.pop((scope, call))
        generated = int(granted.max_tokens * share)
        self.count(scope, Usage(completion_tokens=generated))
        used = tokens(granted.reserved.prompt_tokens, generated)
        if end == "commit":
            await process.ledger.commit(scope, call, used, artifact=call)
            self.settled[scope, call] = used
        else:
            process.ledger.forfeit(scope, call)

    @precondition(lambda self: self.granted)
    @rule(who=st.integers(0, 2), data=st.data())
    def resume(self, who: int, data: st.DataObject) -> None:
        scope, call = data.draw(st.sampled_from(sorted(self.granted)))
        answer = self.run(self.processes[who].ledger.reserve(scope, call, Ask(max_tokens=10)))
        used = self.settled.get((scope, call))
        assert answer == (Unfinished() if used is None else Settled(used, call, {}))

    # What befalls them

    @rule(who=st.integers(0, 2))
    def kill_a_process(self, who: int) -> None:
        process = self.processes[who]
        self.unknown |= any(not task.done() for task in process.asking)
        for (scope, _), granted in process.calls.items():
            self.count(scope, Usage(completion_tokens=granted.max_tokens // 2))

        async def replace() -> None:
            await process.vanish()
            self.processes[who] = await self.process()

        self.run(replace())

    @rule(by_s=st.sampled_from([-3600, 20, 40, 3600]))
    def jump(self, by_s: int) -> None:
        if abs(self.place.clock.now + by_s - self.noon) < DAY_S / 3:  # over midnight the key's caps begin anew
            self.place.clock.now += by_s

    @rule()
    def redis_forgets_all(self) -> None:
        with Redis.from_url(self.server.url) as client:
            client.flushall()

    @precondition(lambda self: self.restarts < MOST_RESTARTS)
    @rule(keeps_data=st.booleans())
    def kill_redis(self, keeps_data: bool) -> None:
        self.restarts += 1
        if keeps_data:
            self.server.restart()
        else:
            self.server.lose_data()

    # What must be

    @rule()
    def look(self) -> None:
        self.run(self.check())

    async def check(self) -> None:
        for scope, budget in self.budgets.items():
            counted = self.counted[scope]
            assert budget.tokens is None or counted.tokens <= budget.tokens
            assert budget.model_calls is None or counted.model_calls <= budget.model_calls
        ledger = self.processes[0].ledger
        for scope in ("one", "two", "three", "batch"):
            told = await ledger.usage(scope)
            counted = self.counted[scope]
            assert told.tokens >= counted.tokens
            assert told.model_calls >= counted.model_calls

    async def finish(self) -> None:
        while any(process.calls or process.asking for process in self.processes):
            for process in self.processes:
                for scope, call in sorted(process.calls):
                    await self.end_call(process, scope, call, 1.0, "commit")
            asking = {task for process in self.processes for task in process.asking}
            if asking:
                done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                for process in self.processes:
                    process.asking -= done
            # Leases of those who vanished end.
            self.place.clock.now += 40
        await self.check()
        committed = sum(self.settled.values(), Usage())
        if not self.unknown and set(self.settled) == self.granted:
            spent = [await self.processes[0].ledger.usage(scope) for scope in ("batch", "three")]
            assert spent[0] + spent[1] == committed == self.counted["key"], "all calls ended: the sums are the same"

    def teardown(self) -> None:
        if hasattr(self, "processes"):
            try:
                self.run(self.finish())
            finally:
                self.runner.run(self.close())
                self.runner.close()
                self.folder.cleanup()

    async def close(self) -> None:
        for process in self.processes:
            for task in process.asking:
                task.cancel()
            await asyncio.gather(*process.asking, return_exceptions=True)
        await self.place.aclose()


@pytest.mark.redis
@pytest.mark.slow
def test_no_fault_makes_the_ledger_forget_or_hang(redis_server: RedisServer) -> None:
    LedgerFaults.server = redis_server
    limits = settings(max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(LedgerFaults, settings=limits)
