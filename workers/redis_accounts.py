"""The accounts of a ledger in Redis, built from its journal wherever Redis does not have them (any more)."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from solvent.agents.budget import Ask
from solvent.agents.ledger_rules import unknown
from solvent.errors import StoreError
from solvent.usage import Usage
from solvent.workers.ledger_codec import (
    Keys,
    amounts_of,
    caps_text,
    day_number,
    day_text,
    micro,
    sum_of,
    text_of,
    usage_of,
)
from solvent.workers.ledger_journal import CallEntry, LedgerJournal, ScopeEntry, Standing
from solvent.workers.redis_script import LedgerScript

MOST_BUILDS = 20
"""How often in one operation accounts may be missing. A server that keeps dropping them has too little memory."""
CHAINS_KEPT = 10_000
NOBODY = "-"


@dataclass(frozen=True)
class Link:
    """A scope in the chain from a job to what pays for it."""

    scope: str
    daily: bool


Chain = tuple[Link, ...]


class Accounts:
    """Each operation is one call of the script, and is done again after accounts were built that it did not find.

    Building takes no lock that its holder could die with: whoever misses an account takes a ticket in Redis, reads the
    journal and installs what it read. The first wins. A ticket is gone when Redis loses its data once more, so nothing
    is installed that was read before the loss.
    """

    def __init__(self, script: LedgerScript, journal: LedgerJournal, keys: Keys) -> None:
        self._script = script
        self._journal = journal
        self._keys = keys
        self._chains: dict[str, Chain] = {}
        self._builds: dict[str, asyncio.Task[None]] = {}

    async def chain(self, scope: str) -> Chain:
        """Return a scope and all above it. Raises `ConfigError` where it was never opened."""
        known = self._chains.get(scope)
        if known is not None:
            return known
        links: list[Link] = []
        name: str | None = scope
        while name is not None:
            entry = await self._entry(name)
            links.append(Link(name, entry.daily))
            name = entry.parent
        if len(self._chains) >= CHAINS_KEPT:
            self._chains.clear()
        self._chains[scope] = tuple(links)
        return self._chains[scope]

    async def _chain_of(self, entry: ScopeEntry) -> Chain:
        """As `chain`, of a scope whose entry is there."""
        above = () if entry.parent is None else await self.chain(entry.parent)
        self._chains.setdefault(entry.scope, (Link(entry.scope, entry.daily), *above))
        return self._chains[entry.scope]

    async def reserve(self, chain: Chain, call: str, day: int, ask: Ask, *, ticket: str | None) -> list[str]:
        """Reserve, or without a ticket only ask; returns the script's reply."""
        checked_day = str(day) if any(link.daily for link in chain) else ""
        operation = "peek" if ticket is None else "reserve"
        return await self._do(
            operation,
            chain,
            day,
            _call_id(chain, call),
            ticket or NOBODY,
            checked_day,
            text_of(amounts_of(ask.fixed)),
            str(ask.max_tokens),
            str(ask.floor),
            str(ask.samples),
            repr(ask.token_cost),
        )

    async def settle(self, operation: str, chain: Chain, entry: CallEntry) -> None:
        """Tell what the journal has of a call's end: `commit`, `release` or `forfeit`."""
        used = "" if entry.used is None else text_of(amounts_of(entry.used))
        await self._do(
            operation,
            chain,
            day_number(entry.day),
            _call_id(chain, entry.call),
            entry.ticket or NOBODY,
            used,
            "1" if entry.overrun else "0",
        )

    async def usage(self, chain: Chain, day: int) -> tuple[Usage, Usage]:
        """Return what a scope has spent, and how much of that this process holds in flight."""
        _, spent, flying = await self._do("usage", chain[:1], day)
        return usage_of(spent), usage_of(flying) if flying else Usage()

    async def of_others(self, chain: Chain, day: int) -> dict[tuple[str, str], str]:
        """Return the open calls of a scope that other processes asked for, by scope and id, with their tickets."""
        _, *found = await self._do("foreign", chain[:1], day)
        calls = (call.partition("\n") for call in found[::2])
        return {(scope, call): ticket for (scope, _, call), ticket in zip(calls, found[1::2], strict=True)}

    async def configure(self, entry: ScopeEntry, day: int) -> Usage:
        """Give a scope the caps and the start that the journal has; returns what it has spent."""
        chain = await self._chain_of(entry)
        arguments = (caps_text(entry.budget), str(micro(entry.started_at)))
        made = None if entry.resumed else entry
        _, spent = await self._do("configure", chain[:1], day, *arguments, wake=room_topic(chain), made=made)
        return usage_of(spent)

    async def _do(
        self,
        operation: str,
        chain: Sequence[Link],
        day: int,
        *arguments: str,
        wake: str = "",
        made: ScopeEntry | None = None,
    ) -> list[str]:
        keys = [self._key(link, day) for link in chain]
        for _ in range(MOST_BUILDS):
            reply = await self._script(operation, keys, *arguments, wake=wake or room_topic(chain))
            if reply[0] != "missing":
                return reply
            await asyncio.gather(*(self._built(chain[int(place)], day, made) for place in reply[1:]))
        raise StoreError(
            f"Redis forgets the ledger's accounts as soon as they are built ({operation})",
            remedy="give it more memory, or maxmemory-policy noeviction",
        )

    async def _built(self, link: Link, day: int, made: ScopeEntry | None = None) -> None:
        """Build an account, once for all operations of this process that miss it."""
        key = self._key(link, day)
        task = self._builds.get(key)
        if task is None:
            task = asyncio.create_task(self._build(link, day, made), name=f"build the account of {link.scope}")
            self._builds[key] = task
            task.add_done_callback(lambda _: self._builds.pop(key, None))
        await asyncio.shield(task)

    async def _build(self, link: Link, day: int, made: ScopeEntry | None = None) -> None:
        """Install an account as the journal has it; `made`: the scope, where it was made just now, and so is empty.

        Where another was quicker its account stays, with whatever was reserved there since.
        """
        installed = False
        while not installed:
            ticket = self._keys.build(secrets.token_hex(8))
            await self._script("ticket", [ticket])
            # After the ticket: whatever was told to Redis before it forgot is in the journal by now.
            entry, standing = made, Standing(Usage(), overrun=False)
            made = None
            if entry is None:
                entry = await self._entry(link.scope)
                standing = await self._journal.load(link.scope, day=day_text(day) if link.daily else None)
            amounts = {_field(call): amounts_of(call.reserved) for call in standing.open}
            flights: defaultdict[str, list[tuple[int, ...]]] = defaultdict(list)
            for call in standing.open:
                if call.ticket:
                    flights[call.ticket.rpartition("#")[0]].append(amounts[_field(call)])
            fields = {
                "caps": caps_text(entry.budget),
                "started": str(micro(entry.started_at)),
                "spent": text_of(sum_of([amounts_of(standing.spent), *amounts.values()])),
                "over": "1" if standing.overrun else "0",
                **{f"f:{holder}": text_of(sum_of(held)) for holder, held in flights.items()},
                **{
                    f"o:{_field(call)}": f"{call.ticket or NOBODY} {text_of(amounts[_field(call)])}"
                    for call in standing.open
                },
            }
            pairs = [text for pair in fields.items() for text in pair]
            reply = await self._script("install", [self._key(link, day), ticket], " ".join(flights), *pairs)
            installed = reply[0] == "ok"

    def _key(self, link: Link, day: int) -> str:
        return self._keys.account(link.scope, day_text(day) if link.daily else None)

    async def _entry(self, scope: str) -> ScopeEntry:
        entry = await self._journal.entry(scope)
        if entry is None:
            raise unknown(scope)
        return entry


def room_topic(chain: Sequence[Link]) -> str:
    """Return the topic that is announced when room was made anywhere under what pays for a chain."""
    return f"room:{chain[-1].scope}".replace(" ", "_")


def _call_id(chain: Chain, call: str) -> str:
    return f"{chain[0].scope}\n{call}"


def _field(entry: CallEntry) -> str:
    return f"{entry.scope}\n{entry.call}"
