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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgers import DAY_S, Ledgers, tokens
from memory_journal import MemoryJournal
from redis import Redis
from servers import RedisServer

from solvent.agents.budget import Ask, Granted, Refused, Settled, Unfinished
from solvent.usage import Budget, Usage
from solvent.workers.redis_ledger import RedisLedger

CHAINS = {"one": ("one", "batch", "key"), "two": ("two", "batch", "key"), "three": ("three", "key")}
MOST_RESTARTS = 2
ANSWER_S = 60
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
            # Again and again: redis-py may turn a cancellation into an error of the connection.
            _, self.asking = await asyncio.wait(tasks, timeout=0.1)
        ledger._tasks.closed = True
        await ledger._script.aclose()
        await ledger._wakeups.aclose()
        self.calls.clear()


@dataclass(frozen=True)
class Caps:
    """Caps that a run has."""

    key: int | None
    batch: int | None
    one: int | None
    calls: int | None


@dataclass(frozen=True)
class Step:
    """One thing that happens. What it happens to is chosen by `which` among what is there then."""

    kind: str
    which: int
    prompt: int
    max_tokens: int
    share: float


KINDS = ["ask"] * 6 + ["commit"] * 4 + ["forfeit", "resume", "kill", "jump", "forget", "restart", "lose", "look"]
steps = st.builds(
    Step,
    st.sampled_from(KINDS),
    which=st.integers(0, 999),
    prompt=st.integers(1, 60),
    max_tokens=st.integers(1, 80),
    share=st.floats(0, 1),
)
maybe = st.none() | st.integers(50, 600)


class Run:
    """See the file's first lines."""

    def __init__(self, server: RedisServer, folder: Path, caps: Caps) -> None:
        self.server = server
        self.journal = MemoryJournal()
        self.place = Ledgers("redis", folder, server.url)
        self.place.poll_s = 0.2
        self.noon = self.place.clock.now
        self.budgets = {
            "key": Budget(tokens=caps.key),
            "batch": Budget(tokens=caps.batch),
            "one": Budget(tokens=caps.one, model_calls=caps.calls),
            "two": Budget(),
            "three": Budget(),
        }
        self.counted = dict.fromkeys(self.budgets, Usage())
        self.granted: set[tuple[str, str]] = set()
        self.settled: dict[tuple[str, str], Usage] = {}
        self.number = 0
        self.restarts = 0
        self.unknown = False
        self.processes: list[Process] = []

    async def start(self) -> None:
        self.processes = [self.process() for _ in range(3)]
        ledger = self.processes[0].ledger
        for scope, parent in (("key", None), ("batch", "key"), ("one", "batch"), ("two", "batch"), ("three", "key")):
            await ledger.open(scope, self.budgets[scope], parent=parent, daily=scope == "key")

    def process(self) -> Process:
        journal: Any = MortalJournal(self.journal)
        self.place.journal = journal
        ledger = self.place.another()
        assert isinstance(ledger, RedisLedger)
        return Process(ledger, journal)

    def count(self, scope: str, used: Usage) -> None:
        for name in CHAINS[scope]:
            self.counted[name] += used

    async def do(self, step: Step) -> None:
        match step.kind:
            case "ask":
                await self.ask(step)
            case "commit" | "forfeit":
                await self.end_one(step)
            case "resume":
                await self.resume(step)
            case "kill":
                await self.kill(step.which % 3)
            case "jump":
                self.jump([-3600, 20, 40, 3600][step.which % 4])
            case "forget":
                await asyncio.to_thread(self.forget)
            case "restart" | "lose" if self.restarts < MOST_RESTARTS:
                self.restarts += 1
                await asyncio.to_thread(self.server.restart if step.kind == "restart" else self.server.lose_data)
            case _:
                await self.check()

    # What processes do

    async def ask(self, step: Step) -> None:
        process = self.processes[step.which % 3]
        scope = sorted(CHAINS)[step.which // 3 % 3]
        self.number += 1
        call = f"call{self.number}"
        wish = Ask(fixed=tokens(step.prompt), max_tokens=step.max_tokens, floor=1 + step.which % 30)

        async def asked() -> None:
            answer = await process.ledger.reserve(scope, call, wish)
            assert isinstance(answer, Granted | Refused)
            if isinstance(answer, Granted):
                process.calls[scope, call] = answer
                self.granted.add((scope, call))
                self.count(scope, tokens(step.prompt))

        task = asyncio.create_task(asked())
        process.asking.add(task)
        await asyncio.wait([task], timeout=0.05)

    async def end_one(self, step: Step) -> None:
        busy = [process for process in self.processes if process.calls]
        if busy:
            process = busy[step.which % len(busy)]
            scope, call = sorted(process.calls)[step.which // 3 % len(process.calls)]
            await self.end_call(process, scope, call, step.share, step.kind)

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

    async def resume(self, step: Step) -> None:
        if self.granted:
            scope, call = sorted(self.granted)[step.which % len(self.granted)]
            answer = await self.processes[step.which % 3].ledger.reserve(scope, call, Ask(max_tokens=10))
            used = self.settled.get((scope, call))
            assert answer == (Unfinished() if used is None else Settled(used, call, {}))

    # What befalls them

    async def kill(self, who: int) -> None:
        process = self.processes[who]
        self.unknown |= any(not task.done() for task in process.asking)
        for (scope, _), granted in process.calls.items():
            self.count(scope, Usage(completion_tokens=granted.max_tokens // 2))
        await process.vanish()
        self.processes[who] = self.process()

    def jump(self, by_s: int) -> None:
        if abs(self.place.clock.now + by_s - self.noon) < DAY_S / 3:  # over midnight the key's caps begin anew
            self.place.clock.now += by_s

    def forget(self) -> None:
        with Redis.from_url(self.server.url) as client:
            client.flushall()

    # What must be

    async def check(self) -> None:
        for scope, budget in self.budgets.items():
            counted = self.counted[scope]
            assert budget.tokens is None or counted.tokens <= budget.tokens
            assert budget.model_calls is None or counted.model_calls <= budget.model_calls
        for scope in ("one", "two", "three", "batch"):
            counted = self.counted[scope]  # before: meanwhile more may be granted to who waits
            told = await self.processes[0].ledger.usage(scope)
            assert told.tokens >= counted.tokens
            assert told.model_calls >= counted.model_calls

    async def finish(self) -> None:
        while any(process.calls or process.asking for process in self.processes):
            for process in self.processes:
                for scope, call in sorted(process.calls):
                    await self.end_call(process, scope, call, 1.0, "commit")
            asking = {task for process in self.processes for task in process.asking}
            if asking:
                done, _ = await asyncio.wait(asking, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
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

    async def close(self) -> None:
        for process in self.processes:
            for task in process.asking:
                task.cancel()
            await asyncio.gather(*process.asking, return_exceptions=True)
        await self.place.aclose()


async def whole_run(server: RedisServer, caps: Caps, happens: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(server, Path(folder), caps)
        place = "start"
        try:
            async with asyncio.timeout(ANSWER_S) as limit:
                await run.start()
                for place in happens:
                    limit.reschedule(asyncio.get_running_loop().time() + ANSWER_S)
                    await run.do(place)
                place = "end"
                limit.reschedule(asyncio.get_running_loop().time() + ANSWER_S)
                await run.finish()
        except TimeoutError:
            raise AssertionError(f"stuck at {place}") from None
        finally:
            async with asyncio.timeout(ANSWER_S):
                await run.close()


@pytest.mark.redis
@pytest.mark.slow
def test_no_fault_makes_the_ledger_forget_or_hang(redis_server: RedisServer) -> None:
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.builds(Caps, maybe, maybe, maybe, st.none() | st.integers(1, 12)), st.lists(steps, max_size=40))
    def each(caps: Caps, happens: list[Step]) -> None:
        asyncio.run(whole_run(redis_server, caps, happens))

    each()
