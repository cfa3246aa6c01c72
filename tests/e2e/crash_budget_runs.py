"""Runs jobs with random caps, faults and crashes, each in forked children; prints one JSON line per run.

    python crash_budget_runs.py DIRECTORY FIRST_SEED RUNS

What the model generated is counted by the model, in a file of its own that no crash can undo.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, TypeVar

from solvent.agents.budget import Refused
from solvent.agents.calls import Calls
from solvent.agents.events import Event
from solvent.agents.ledgers import SqliteLedger
from solvent.agents.reporter import Reporter
from solvent.agents.roles import Cast, RoleModel
from solvent.artifacts import TEXT, FileArtifacts
from solvent.errors import ProviderOverloaded, ProviderUnavailable
from solvent.models.base import ChatRequest, Chunk, Message, Sampling
from solvent.models.profiles import ModelProfile, Prices
from solvent.models.scripted import Reply, ScriptedModel
from solvent.usage import Budget

T = TypeVar("T")
MOST_CRASHES = 4
PRICES = Prices(prompt_per_million=30_000, completion_per_million=170_000)


class Fuse:
    """Kills this process at the n-th place that it passes."""

    def __init__(self, places: int | None) -> None:
        self._left = places

    def __call__(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class CountingModel(ScriptedModel):
    """A scripted model that writes down each prompt that it read and each token that it generated, when it did."""

    def __init__(self, script: Callable[[ChatRequest], Reply], log: Path, fuse: Fuse) -> None:
        super().__init__(script)
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._fuse = fuse

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        self._fuse()
        prompt_tokens = await self.count_prompt_tokens(request.messages)
        began = False
        async for chunk in super().stream(request):
            if not began:
                os.write(self._log, f"call 1\nprompt {prompt_tokens}\n".encode())
                began = True
            if chunk.finish_reason is None:
                os.write(self._log, b"completion 1\n")
            self._fuse()
            yield chunk
        self._fuse()


class CrashingLedger(SqliteLedger):
    """A ledger whose process may die before or after each transaction."""

    fuse: Fuse

    async def _do(self, work: Callable[[], T], *, ends: tuple[str, str] | None = None) -> T:
        self.fuse()
        try:
            return await super()._do(work, ends=ends)
        finally:
            self.fuse()


class CrashingStore(FileArtifacts):
    """A store whose process may die after a text is stored."""

    fuse: Fuse

    def put(self, text: str, media_type: str = TEXT) -> str:
        artifact = super().put(text, media_type)
        self.fuse()
        return artifact


def reply_to(request: ChatRequest) -> Reply:
    """Decide by the request's seed, so that a call that is made again may well end otherwise than before."""
    dice = random.Random((request.sampling.seed or 0) * 7919 + os.getpid())
    text = " ".join("word" for _ in range(dice.randint(1, 30)))
    if dice.random() < 0.15:
        return Reply((text,), error=ProviderOverloaded("later"))
    if dice.random() < 0.15:
        broken = ProviderUnavailable("broke off", may_have_generated=True)
        return Reply((text,), error=broken, after_chunks=dice.randint(1, 12))
    return Reply((text,))


def budget_of(dice: random.Random) -> Budget:
    def maybe(low: int, high: int) -> int | None:
        return dice.randint(low, high) if dice.random() < 0.6 else None

    tokens = maybe(0, 500)
    return Budget(
        tokens=tokens if tokens is not None or dice.random() < 0.3 else 200,
        completion_tokens=maybe(0, 250),
        model_calls=maybe(0, 15),
        cost=None if dice.random() < 0.5 else dice.uniform(0, 40),
    )


async def child(folder: Path, seed: int, fuse: Fuse) -> str:
    dice = random.Random(seed)
    budget, batch = budget_of(dice), budget_of(dice)
    trajectories, rounds, width = dice.randint(1, 6), dice.randint(1, 4), dice.randint(1, 4)
    CrashingLedger.fuse = CrashingStore.fuse = fuse
    ledger = CrashingLedger(folder / "ledger.sqlite")
    await ledger.open("batch", batch)
    await ledger.open("job", budget, parent="batch")

    def emit(event: Event) -> None:
        fuse()

    profile = ModelProfile(
        name="scripted", backend="openai", base_url="http://none/v1", context_tokens=10_000, prices=PRICES
    )
    sandbox: Any = None
    calls = Calls(
        job_id="job",
        cast=Cast(RoleModel(CountingModel(reply_to, folder / "model.log", fuse), profile)),
        sandbox=sandbox,
        artifacts=CrashingStore(folder / "artifacts"),
        ledger=ledger,
        report=Reporter("job", emit),
    )
    slots = asyncio.Semaphore(width)
    refused: list[str] = []

    async def trajectory(number: int) -> None:
        async with slots:
            for step in range(rounds):
                key = f"t{number}/solve/{step}"
                sampling = Sampling(max_tokens=dice.randint(1, 40), seed=number * 100 + step)
                request = ChatRequest(
                    messages=(Message(role="user", content="a b c " * (number + 1)),), sampling=sampling
                )
                try:
                    async with asyncio.timeout(None if number % 3 else 0.02):
                        answer = await calls.generate(key, f"t{number}", request, floor=2)
                except (ProviderOverloaded, ProviderUnavailable, TimeoutError):
                    continue
                if isinstance(answer, Refused):
                    refused.append(answer.reason.value)
                    return

    await asyncio.gather(*(trajectory(number) for number in range(trajectories)))
    await ledger.aclose()
    return json.dumps(sorted(set(refused)))


def run(folder: Path, seed: int) -> dict[str, Any]:
    dice = random.Random(seed + 1_000_000)
    crashes = 0
    while True:
        fuse = Fuse(dice.randint(1, 80) if crashes < MOST_CRASHES and dice.random() < 0.85 else None)
        process = os.fork()
        if process == 0:
            code = 1
            try:
                (folder / "refused").write_text(asyncio.run(child(folder, seed, fuse)))
                code = 0
            except BaseException:
                # Nothing else prints it: the process ends before it leaves this.
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        _, status = os.waitpid(process, 0)
        if os.WIFSIGNALED(status):
            crashes += 1
            continue
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"seed {seed}: the child failed")
        break
    counted = {"call": 0, "prompt": 0, "completion": 0}
    log = folder / "model.log"
    for line in log.read_text().splitlines() if log.exists() else ():
        name, amount = line.split()
        counted[name] += int(amount)
    ledger = SqliteLedger(folder / "ledger.sqlite")
    used = asyncio.run(ledger.usage("job"))
    in_batch = asyncio.run(ledger.usage("batch"))
    asyncio.run(ledger.aclose())
    dice = random.Random(seed)
    budgets = [budget_of(dice), budget_of(dice)]
    return {
        "seed": seed,
        "crashes": crashes,
        "refused": json.loads((folder / "refused").read_text()),
        "counted": counted,
        "cost": PRICES.cost(counted["prompt"], counted["completion"]),
        "budgets": [budget.model_dump() for budget in budgets],
        "ledger": [used.model_dump(), in_batch.model_dump()],
    }


def main() -> None:
    directory, first, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for seed in range(first, first + runs):
        folder = directory / str(seed)
        folder.mkdir()
        sys.stdout.write(json.dumps(run(folder, seed)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
