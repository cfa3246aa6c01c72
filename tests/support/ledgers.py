"""Every kind of ledger, made as often as there are processes that share it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from memory_journal import MemoryJournal

from solvent.agents.budget import Ledger
from solvent.agents.ledgers import MemoryLedger, SqliteLedger
from solvent.usage import Usage
from solvent.workers.ledger_codec import Keys
from solvent.workers.ledger_journal import LedgerJournal
from solvent.workers.redis_ledger import RedisLedger

DAY_S = 86_400.0


class Clock:
    """A Unix time that goes only when told; noon of a day in 2024, so that tests choose when it is midnight."""

    def __init__(self) -> None:
        self.now = 19_800 * DAY_S + DAY_S / 2

    def __call__(self) -> float:
        return self.now


class Ledgers:
    """One place where a ledger's accounts lie, and the ledgers of several processes on it."""

    def __init__(self, kind: str, folder: Path, redis_url: str = "", journal: LedgerJournal | None = None) -> None:
        self.kind = kind
        self.clock = Clock()
        self.journal: LedgerJournal = journal or MemoryJournal()
        self.redis_url = redis_url
        self._file = folder / "ledger.sqlite"
        self._namespace = f"test-{secrets.token_hex(4)}"
        self._made: list[Ledger] = []
        self.patience_s = 20.0
        self.poll_s = 0.5

    @property
    def processes_share(self) -> bool:
        return self.kind != "memory"

    def another(self) -> Ledger:
        """The ledger of another process; in memory there is only one."""
        made: Ledger
        if self.kind == "memory":
            made = self._made[0] if self._made else MemoryLedger(clock=self.clock)
        elif self.kind == "sqlite":
            made = SqliteLedger(self._file, clock=self.clock)
        else:
            made = RedisLedger(
                self.redis_url,
                self.journal,
                namespace=self._namespace,
                clock=self.clock,
                patience_s=self.patience_s,
                poll_s=self.poll_s,
            )
        self._made.append(made)
        return made

    def account(self, scope: str) -> str:
        """Redis key of a scope's account."""
        return Keys(self._namespace).account(scope, None)

    async def aclose(self) -> None:
        for ledger in self._made:
            await ledger.aclose()


@asynccontextmanager
async def ledgers_of(
    kind: str, folder: Path, redis_url: str = "", journal: LedgerJournal | None = None
) -> AsyncIterator[Ledgers]:
    """Ledgers of a kind, closed at the end."""
    made = Ledgers(kind, folder, redis_url, journal)
    try:
        yield made
    finally:
        await made.aclose()


def tokens(prompt: int, completion: int = 0) -> Usage:
    """What a model call used."""
    return Usage(prompt_tokens=prompt, completion_tokens=completion, model_calls=1)


def falls_silent(ledger: Ledger) -> None:
    """End the heartbeat of a ledger's process, as its death does; the test's own clock then ends its lease."""
    assert isinstance(ledger, RedisLedger)
    beating = ledger._tasks._beating
    assert beating is not None
    beating.cancel()
