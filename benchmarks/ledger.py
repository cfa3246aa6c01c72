"""What a ledger costs per call: reserve and commit, in memory, in SQLite, on Redis.

Each kind runs in a folder and on a private Redis of its own, all in one run on one machine. `one after the other` is
what a single trajectory waits for; `at once` is 64 trajectories of one process, the default of a worker. Every call
counts in a job, its batch, and the day of its API key.

    python -m solvent.benchmarks.ledger [--calls 2000] [--at-once 64] [--postgres URL]
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from solvent.agents.budget import Ask, Granted, Ledger
from solvent.agents.ledgers import MemoryLedger, SqliteLedger
from solvent.errors import ConfigError
from solvent.usage import Budget, Usage
from solvent.workers.ledger_journal import CallEntry, LedgerJournal, ScopeEntry, Standing

CAP = Budget(tokens=10**12, cost=10**6)
ASK = Ask(fixed=Usage(prompt_tokens=500, model_calls=1, cost=0.0001), max_tokens=1000, token_cost=1e-6)
USED = Usage(prompt_tokens=500, completion_tokens=400, model_calls=1, cost=0.0005)


class NoJournal:
    """Remembers only what is open: shows what Redis alone costs. A ledger with it would survive nothing."""

    def __init__(self) -> None:
        self._scopes: dict[str, ScopeEntry] = {}
        self._calls: dict[tuple[str, str], CallEntry] = {}

    async def open(
        self, scope: str, *, parent: str | None, budget: Budget, daily: bool, fingerprint: str, started_at: float
    ) -> ScopeEntry:
        """See `LedgerJournal`."""
        return self._scopes.setdefault(scope, ScopeEntry(scope, parent, budget, daily, fingerprint, started_at))

    async def entry(self, scope: str) -> ScopeEntry | None:
        """See `LedgerJournal`."""
        return self._scopes.get(scope)

    async def finish(self, scope: str, result: str) -> None:
        """See `LedgerJournal`."""

    async def restart(self, scope: str, started_at: float) -> ScopeEntry:
        """See `LedgerJournal`."""
        return self._scopes[scope]

    async def asked(self, scope: str, call: str, *, day: str, reserved: Usage, ticket: str) -> CallEntry:
        """See `LedgerJournal`."""
        return self._calls.setdefault((scope, call), CallEntry(scope, call, day, reserved, ticket))

    async def committed(
        self, scope: str, call: str, used: Usage, *, artifact: str | None, note: Mapping[str, JsonValue]
    ) -> CallEntry:
        """See `LedgerJournal`."""
        return replace(self._calls.pop((scope, call)), used=used)

    async def dropped(self, scope: str, call: str, *, ticket: str | None = None) -> CallEntry | None:
        """See `LedgerJournal`."""
        return self._calls.pop((scope, call), None)

    async def forfeited(self, scope: str, call: str) -> CallEntry | None:
        """See `LedgerJournal`."""
        return self._calls.get((scope, call))

    async def calls(self, ids: Sequence[tuple[str, str]]) -> Sequence[CallEntry]:
        """See `LedgerJournal.calls`."""
        return [self._calls[place] for place in ids if place in self._calls]

    async def load(self, scope: str, *, day: str | None = None) -> Standing:
        """See `LedgerJournal`."""
        return Standing(Usage(), False)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    p50_us: float
    p99_us: float
    cpu_us: float
    """Processor time of this process per call, one after the other; does not depend on what else the machine does."""
    per_s: float
    at_once_per_s: float


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Start a private Redis that writes its log as a cluster's would (every second); gives its URL (a socket)."""
    program = shutil.which("redis-server")
    if program is None:
        raise ConfigError("redis-server is not installed", remedy="scripts/setup_services.sh installs it")
    path = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", "", "--appendonly"]
    with subprocess.Popen([*command, "yes"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "eady to accept connections" in line:
                break
        try:
            yield f"unix://{path}"
        finally:
            process.kill()


@asynccontextmanager
async def ledgers(folder: Path, redis_url: str, postgres_url: str | None) -> AsyncIterator[dict[str, Ledger]]:
    """Open all kinds."""
    from solvent.workers.database import open_service_database
    from solvent.workers.redis_ledger import RedisLedger

    sqlite = await open_service_database(f"sqlite:///{folder / 'service.sqlite'}")
    journals: dict[str, LedgerJournal] = {
        "Redis alone (no journal)": NoJournal(),
        "Redis, journal in SQLite": sqlite.journal,
    }
    databases = [sqlite]
    if postgres_url is not None:
        databases.append(await open_service_database(postgres_url, pool_size=20))
        journals["Redis, journal in PostgreSQL"] = databases[-1].journal
    made: dict[str, Ledger] = {"memory": MemoryLedger(), "SQLite": SqliteLedger(folder / "ledger.sqlite")}
    for number, (title, journal) in enumerate(journals.items()):
        made[title] = RedisLedger(redis_url, journal, namespace=f"bench{number}")
    try:
        yield made
    finally:
        for ledger in made.values():
            await ledger.aclose()
        for database in databases:
            await database.aclose()


async def measured(title: str, ledger: Ledger, calls: int, at_once: int) -> Row:
    """Measure one kind."""
    await ledger.open("key", CAP, daily=True)
    await ledger.open("batch", CAP, parent="key")
    await ledger.open("job", CAP, parent="batch")

    async def one(call: str) -> float:
        started = time.perf_counter()
        answer = await ledger.reserve("job", call, ASK)
        assert isinstance(answer, Granted)
        await ledger.commit("job", call, USED)
        return time.perf_counter() - started

    for number in range(20):
        await one(f"warm/{number}")
    started, cpu_started = time.perf_counter(), time.process_time()
    times = sorted([await one(f"alone/{number}") for number in range(calls)])
    alone_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started

    async def many(stream: int) -> None:
        for number in range(calls // at_once):
            await one(f"{stream}/{number}")

    started = time.perf_counter()
    await asyncio.gather(*(many(stream) for stream in range(at_once)))
    together_s = time.perf_counter() - started
    spent = await ledger.usage("key")
    made = 20 + calls + calls // at_once * at_once
    if spent.tokens != made * USED.tokens:
        raise AssertionError(f"{title}: {spent.tokens} tokens for {made} calls")
    p50, p99 = (times[int(share * (calls - 1))] * 1e6 for share in (0.5, 0.99))
    return Row(title, p50, p99, cpu_s / calls * 1e6, calls / alone_s, (calls // at_once * at_once) / together_s)


async def run(calls: int, at_once: int, postgres_url: str | None) -> list[Row]:
    """Measure all kinds, one after the other."""
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as redis_url:
        async with ledgers(Path(name), redis_url, postgres_url) as made:
            return [await measured(title, ledger, calls, at_once) for title, ledger in made.items()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--postgres", help="URL of an empty database, for the journal as a cluster has it")
    given = parser.parse_args()
    rows = asyncio.run(run(given.calls, given.at_once, given.postgres))
    print(
        f"{'reserve + commit':30} {'p50':>9} {'p99':>9} {'CPU':>9} {'one after':>11} {f'{given.at_once} at once':>11}"
    )
    print(f"{'':30} {'us':>9} {'us':>9} {'us':>9} {'other, 1/s':>11} {'1/s':>11}")
    for row in rows:
        alone = f"{row.p50_us:9.0f} {row.p99_us:9.0f} {row.cpu_us:9.0f} {row.per_s:11.0f}"
        print(f"{row.title:30} {alone} {row.at_once_per_s:11.0f}")


if __name__ == "__main__":
    main()
