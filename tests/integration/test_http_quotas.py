"""What an API key may: each quota at the door, with 429 and Retry-After, and where jobs run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from http_door import STDIO, RunningDoor, open_test_door
from stored_jobs import pass_time

from solvent.agents.budget import Ask, Refused
from solvent.agents.job import StopReason
from solvent.agents.ledgers import MemoryLedger
from solvent.errors import DependencyError
from solvent.service.http.day_budgets import DAY_S, DayBudgets, spent_cap, spent_in
from solvent.usage import Budget, Usage
from solvent.workers.service_records import LeaseKind
from solvent.workers.sql.engine import Database

JOB = {"problem": STDIO}
BATCH = {"problems": [STDIO, {"statement": "What is 2 + 3?", "answer": "5"}]}


@pytest_asyncio.fixture
async def door(service_url: str, tmp_path: Path) -> AsyncIterator[RunningDoor]:
    async with open_test_door(service_url, tmp_path) as running:
        yield running


def refused(answer: httpx2.Response) -> int:
    """Return Retry-After of an answer that must be a refusal."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "quota_exceeded"
    return int(answer.headers["retry-after"])


async def test_a_key_that_sends_too_often_is_told_when_to_send_again(door: RunningDoor, service_url: str) -> None:
    database = Database(service_url)
    async with door.client(await door.add_key("ada", per_minute=3)) as client:
        for body, path in ((JOB, "/v1/jobs"), (BATCH, "/v1/batches"), (JOB, "/v1/jobs")):
            (await client.post(path, json=body)).raise_for_status()
        assert 1 <= refused(await client.post("/v1/jobs", json=JOB)) <= 20
        refused(await client.post("/v1/batches", json=BATCH))
        # A request that is sent again is the same one.
        headers = {"idempotency-key": "one"}
        refused(await client.post("/v1/jobs", json=JOB, headers=headers))
        await pass_time(database, 20)
        first = await client.post("/v1/jobs", json=JOB, headers=headers)
        again = await client.post("/v1/jobs", json=JOB, headers=headers)
        assert first.status_code == again.status_code == 201
        assert first.json()["id"] == again.json()["id"]
        refused(await client.post("/v1/jobs", json=JOB))
        async with door.client(await door.add_key("bob")) as other:
            for _ in range(5):
                (await other.post("/v1/jobs", json=JOB)).raise_for_status()
        text = (await client.get("/metrics")).text
        assert 'solvent_quota_refusals_total{quota="rate"} 4.0' in text
    await database.aclose()


async def test_a_key_has_so_many_jobs_waiting_and_no_more(door: RunningDoor) -> None:
    async with door.client(await door.add_key("ada", queued=2)) as client:
        (await client.post("/v1/batches", json=BATCH)).raise_for_status()
        assert refused(await client.post("/v1/jobs", json=JOB)) >= 1
        refused(await client.post("/v1/batches", json=BATCH))
        assert len((await client.get("/v1/jobs")).json()["data"]) == 2
        jobs = (await client.get("/v1/jobs")).json()["data"]
        await door.end(jobs[0]["id"])
        (await client.post("/v1/jobs", json=JOB)).raise_for_status()
        assert 'solvent_quota_refusals_total{quota="queued"} 2.0' in (await client.get("/metrics")).text


async def test_a_key_has_so_many_jobs_running_and_the_others_wait(door: RunningDoor) -> None:
    async with door.client(await door.add_key("ada", concurrency=1)) as client:
        first = (await client.post("/v1/jobs", json=JOB)).json()["id"]
        second = (await client.post("/v1/jobs", json=JOB)).json()["id"]
    claim = await door.store.claim(LeaseKind.JOB, first, holder="worker", lease_s=1000)
    assert claim is not None
    assert await door.store.claim(LeaseKind.JOB, second, holder="worker", lease_s=1000) is None
    await door.store.give_back(claim)
    await door.end(first)
    assert await door.store.claim(LeaseKind.JOB, second, holder="worker", lease_s=1000) is not None


async def test_a_key_whose_day_is_spent_is_told_to_come_back_tomorrow(door: RunningDoor) -> None:
    spent = {"tokens": Usage(prompt_tokens=90)}
    now = 20_000 * DAY_S + DAY_S - 100.0

    async def ask(key_id: str) -> Usage:
        return spent["tokens"]

    clock = [now]
    door.door.day_budgets = DayBudgets(ask, lambda: clock[0])
    async with door.client(await door.add_key("ada", day_budget=Budget(tokens=100))) as client:
        headers = {"idempotency-key": "one"}
        first = (await client.post("/v1/jobs", json=JOB, headers=headers)).json()["id"]
        spent["tokens"] = Usage(prompt_tokens=90, completion_tokens=10)
        clock[0] += 50
        assert refused(await client.post("/v1/jobs", json=JOB)) == 50
        refused(await client.post("/v1/batches", json=BATCH))
        # What was taken is answered again.
        assert (await client.post("/v1/jobs", json=JOB, headers=headers)).json()["id"] == first
        assert 'solvent_quota_refusals_total{quota="day_budget"} 2.0' in (await client.get("/metrics")).text
        clock[0] += 51
        spent["tokens"] = Usage()
        (await client.post("/v1/jobs", json=JOB)).raise_for_status()


async def test_the_journal_says_what_a_keys_day_has_spent(service_url: str) -> None:
    from datetime import UTC, datetime

    from solvent.service.http.day_budgets import spent_today
    from solvent.workers.database import open_service_database

    service = await open_service_database(service_url)
    try:
        assert await spent_today(service.journal, "ada") == Usage()
        await service.journal.open("key:ada", parent=None, budget=Budget(), daily=True, fingerprint="", started_at=0)
        await service.journal.open("j", parent="key:ada", budget=Budget(), daily=False, fingerprint="", started_at=0)
        today = datetime.now(UTC).date().isoformat()
        for call, day in (("today", today), ("before", "2020-01-01")):
            await service.journal.asked("j", call, day=day, reserved=Usage(prompt_tokens=9), ticket="t")
            await service.journal.committed("j", call, Usage(prompt_tokens=5), artifact=None, note={})
        assert (await spent_today(service.journal, "ada")).prompt_tokens == 5
    finally:
        await service.aclose()


async def test_the_ledger_holds_the_day_to_the_token() -> None:
    """The door only spares jobs the way; what they spend is refused where they run, call by call."""
    ledger = MemoryLedger()
    assert await spent_in(ledger, "ada") == Usage()
    await ledger.open("key:ada", Budget(tokens=100), daily=True)
    await ledger.open("job", Budget(), parent="key:ada")
    await ledger.reserve("job", "1", Ask(fixed=Usage(prompt_tokens=100)))
    await ledger.commit("job", "1", Usage(prompt_tokens=100))
    answer = await ledger.reserve("job", "2", Ask(fixed=Usage(prompt_tokens=1)))
    assert answer == Refused(StopReason.CAP_TOKENS, "key:ada")
    assert (await spent_in(ledger, "ada")).prompt_tokens == 100
    await ledger.aclose()


async def test_a_ledger_that_does_not_answer_refuses_nothing_and_figures_are_kept_for_a_while() -> None:
    asked: list[str] = []

    async def ask(key_id: str) -> Usage:
        asked.append(key_id)
        if len(asked) == 1:
            raise DependencyError("away")
        return Usage(model_calls=7)

    clock = [1000.0]
    budgets = DayBudgets(ask, lambda: clock[0])
    assert await budgets.refusal("ada", Budget()) is None
    assert asked == []
    assert await budgets.refusal("ada", Budget(model_calls=7)) is None
    for _ in range(3):
        error = await budgets.refusal("ada", Budget(model_calls=7))
        assert error is not None
        assert error.retry_after_s == DAY_S - 1000
    assert await budgets.refusal("ada", Budget(model_calls=8)) is None
    assert asked == ["ada"] * 2
    clock[0] += 11
    await budgets.refusal("ada", Budget(model_calls=7))
    assert asked == ["ada"] * 3


@pytest.mark.parametrize(
    ("budget", "spent", "cap"),
    [
        (Budget(), Usage(prompt_tokens=10**9), None),
        (Budget(deadline_s=1), Usage(), None),
        (Budget(tokens=10), Usage(prompt_tokens=4, completion_tokens=6), "tokens"),
        (Budget(tokens=10), Usage(prompt_tokens=4, completion_tokens=5), None),
        (Budget(cost=0.5, sandbox_cpu_s=3), Usage(sandbox_cpu_s=3.5), "sandbox_cpu_s"),
        (Budget(trajectories=0), Usage(), "trajectories"),
    ],
)
def test_a_cap_is_reached_when_nothing_is_left_of_it(budget: Budget, spent: Usage, cap: str | None) -> None:
    assert spent_cap(budget, spent) == cap
