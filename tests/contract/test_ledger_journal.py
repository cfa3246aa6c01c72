"""Every journal of a ledger: in memory (for tests), SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from ledgers import tokens
from memory_journal import MemoryJournal

from solvent.errors import ConfigError, InternalError
from solvent.usage import Budget, Usage
from solvent.workers.database import open_service_database
from solvent.workers.ledger_journal import CallEntry, LedgerJournal, ScopeEntry, Standing

DAY, NEXT_DAY = "2026-01-31", "2026-02-01"
KINDS = ["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=KINDS)
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LedgerJournal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    sqlite = f"sqlite:///{tmp_path / 'service.sqlite'}"
    database = await open_service_database(
        sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    yield database.journal
    await database.aclose()


async def opened(
    journal: LedgerJournal, scope: str, parent: str | None = None, budget: Budget | None = None
) -> ScopeEntry:
    return await journal.open(
        scope, parent=parent, budget=budget or Budget(), daily=False, fingerprint="x", started_at=1000.25
    )


async def test_a_scope_keeps_its_start_and_takes_new_caps(journal: LedgerJournal) -> None:
    assert await journal.entry("job") is None
    first = await opened(journal, "job", budget=Budget(tokens=5))
    assert first == ScopeEntry("job", None, Budget(tokens=5), False, "x", 1000.25)
    again = await journal.open(
        "job", parent=None, budget=Budget(tokens=9), daily=False, fingerprint="x", started_at=2000
    )
    assert again == replace(first, budget=Budget(tokens=9), resumed=True)
    await journal.finish("job", "r")
    finished = replace(first, budget=Budget(tokens=9), result="r")
    assert await journal.entry("job") == finished
    restarted = replace(finished, result=None, started_at=3000.5)
    assert await journal.restart("job", 3000.5) == restarted
    assert await journal.entry("job") == restarted


async def test_a_scope_cannot_become_another(journal: LedgerJournal) -> None:
    await opened(journal, "batch")
    await opened(journal, "job", "batch")
    with pytest.raises(ConfigError, match="another id"):
        await opened(journal, "job")
    with pytest.raises(ConfigError, match="does not know"):
        await opened(journal, "other", "no such batch")
    with pytest.raises(ConfigError):
        await journal.open("batch", parent=None, budget=Budget(), daily=True, fingerprint="x", started_at=1)
    with pytest.raises(ConfigError):
        await journal.finish("no such job", "r")
    with pytest.raises(ConfigError):
        await journal.restart("no such job", 1)


async def test_a_call_belongs_to_the_ticket_that_asked_first(journal: LedgerJournal) -> None:
    await opened(journal, "job")
    wish = {"day": DAY, "reserved": tokens(10, 100)}
    entry = await journal.asked("job", "a", **wish, ticket="h#1")  # type: ignore[arg-type]  # a shared part
    assert entry == CallEntry("job", "a", DAY, tokens(10, 100), "h#1")
    assert await journal.asked("job", "a", day=NEXT_DAY, reserved=tokens(10, 9), ticket="other#1") == entry
    less = await journal.asked("job", "a", day=NEXT_DAY, reserved=tokens(10, 30), ticket="h#1")
    assert less == replace(entry, day=NEXT_DAY, reserved=tokens(10, 30))
    assert await journal.dropped("job", "a", ticket="other#1") is None
    assert await journal.dropped("job", "a", ticket="h#1") == less
    assert await journal.dropped("job", "a") is None
    assert (await journal.asked("job", "a", day=DAY, reserved=tokens(1), ticket="other#2")).ticket == "other#2"


async def test_a_committed_call_is_final(journal: LedgerJournal) -> None:
    await opened(journal, "job")
    most = tokens(10, 100).model_copy(update={"cost": 0.001})
    await journal.asked("job", "a", day=DAY, reserved=most, ticket="h#1")
    used = tokens(9, 20).model_copy(update={"cost": 0.000012345, "sandbox_cpu_s": 1.5})
    done = await journal.committed("job", "a", used, artifact="f", note={"finish": "stop", "n": [1, None]})
    note = {"finish": "stop", "n": [1, None]}
    assert done == CallEntry("job", "a", DAY, most, "h#1", used, False, "f", note)
    assert await journal.committed("job", "a", used, artifact="f", note={"n": [1, None], "finish": "stop"}) == done
    assert await journal.asked("job", "a", day=NEXT_DAY, reserved=tokens(1), ticket="h#1") == done
    assert await journal.dropped("job", "a") is None
    assert await journal.forfeited("job", "a") is None
    for other in ({"artifact": "g", "note": done.note}, {"artifact": "f", "note": {}}):
        with pytest.raises(InternalError):
            await journal.committed("job", "a", used, **other)  # type: ignore[arg-type]  # one of each
    with pytest.raises(InternalError):
        await journal.committed("job", "a", tokens(9, 21), artifact="f", note=done.note)
    with pytest.raises(InternalError):
        await journal.committed("job", "never asked", used, artifact=None, note={})


async def test_a_forfeited_call_stays_open_without_a_ticket(journal: LedgerJournal) -> None:
    await opened(journal, "job")
    assert await journal.forfeited("job", "a") is None
    entry = await journal.asked("job", "a", day=DAY, reserved=tokens(10, 100), ticket="h#1")
    assert await journal.forfeited("job", "a") == replace(entry, ticket="")
    assert (await journal.asked("job", "a", day=DAY, reserved=tokens(1), ticket="h#1")).ticket == ""
    assert (await journal.load("job")).open == [replace(entry, ticket="")]
    assert (await journal.committed("job", "a", tokens(10, 101), artifact=None, note={})).overrun


async def test_calls_are_looked_up_by_scope_and_id(journal: LedgerJournal) -> None:
    for scope in ("one", "two"):
        await opened(journal, scope)
        for number in range(3):
            await journal.asked(scope, f"call{number}", day=DAY, reserved=tokens(10, 100), ticket=f"h#{number}")
    done = await journal.committed("one", "call1", tokens(10, 20), artifact="f", note={"n": 1})
    asked = [("one", "call1"), ("two", "call2"), ("two", "call9"), ("three", "call1")]
    found = {(entry.scope, entry.call): entry for entry in await journal.calls(asked)}
    assert found == {
        ("one", "call1"): done,
        ("two", "call2"): CallEntry("two", "call2", DAY, tokens(10, 100), "h#2"),
    }
    assert list(await journal.calls([])) == []
    many = [("one", f"call{number}") for number in range(1200)]
    assert {entry.call for entry in await journal.calls(many)} == {"call0", "call1", "call2"}


async def test_a_scope_stands_with_all_below_it(journal: LedgerJournal) -> None:
    await opened(journal, "key")
    await opened(journal, "batch", "key")
    await opened(journal, "one", "batch")
    await opened(journal, "two", "batch")
    await opened(journal, "alone", "key")
    money = Usage(cost=0.1)
    for scope, day in (("one", DAY), ("two", NEXT_DAY), ("alone", DAY)):
        for number in range(3):
            call = f"call{number}"
            await journal.asked(scope, call, day=day, reserved=tokens(10, 100) + money, ticket=f"h#{scope}{number}")
        await journal.committed(scope, "call0", tokens(10, 20) + money, artifact=None, note={})
        await journal.committed(scope, "call1", tokens(10, 30) + money, artifact=None, note={})

    def calls(standing: Standing) -> set[tuple[str, str]]:
        assert all(entry.reserved == tokens(10, 100) + money and entry.used is None for entry in standing.open)
        return {(entry.scope, entry.call) for entry in standing.open}

    one = await journal.load("one")
    assert (one.spent.tokens, one.spent.model_calls, one.overrun, calls(one)) == (70, 2, False, {("one", "call2")})
    key = await journal.load("key")
    assert (key.spent.completion_tokens, calls(key)) == (150, {(name, "call2") for name in ("one", "two", "alone")})
    assert key.spent.cost == pytest.approx(0.6, abs=1e-9)
    today = await journal.load("key", day=DAY)
    assert (today.spent.tokens, calls(today)) == (140, {("one", "call2"), ("alone", "call2")})
    await journal.committed("two", "call2", tokens(10, 101), artifact=None, note={})
    assert (await journal.load("batch")).overrun
    assert not (await journal.load("key", day=DAY)).overrun
    assert await journal.load("never opened") == Standing(Usage(), False, [])
