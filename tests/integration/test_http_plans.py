"""Batches with a plan over HTTP and from the command line: standings, reports, estimates, and results to their end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from http_door import MATH, SECRETS, STDIO, RunningDoor, open_test_door

from solvent.agents.job import Answer, Grade, Outcome, StopReason
from solvent.problems.problem import Verdict
from solvent.service.cli.main import cli
from solvent.usage import Usage
from solvent.workers.steward import next_step
from solvent.workers.wakeups import batch_topic

pytestmark = pytest.mark.asyncio(loop_scope="module")
WRONG = Grade(verdict=Verdict.WA, passed=0, total=1)
CONTEST = {"duration_s": 3600, "penalty_s": 60, "attempts": 2, "teams": [{"name": "ada"}, {"name": "bob"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDoor]:
    home = tmp_path_factory.mktemp("home")
    async with open_test_door(f"sqlite:///{home / 'service.sqlite'}", home, keyless=True) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def http(running: RunningDoor) -> AsyncIterator[httpx2.AsyncClient]:
    async with running.client() as client:
        yield client


async def submitted(http: httpx2.AsyncClient, number: int, **fields: Any) -> dict[str, Any]:
    problems = [STDIO | {"id": f"p{place}"} for place in range(number)]
    answer = await http.post("/v1/batches", json={"problems": problems, "strategy": "single", **fields})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    return body


async def job_ids(running: RunningDoor, batch_id: str) -> list[str]:
    return [job.id async for job in running.store.batch_jobs(batch_id)]


async def go_on(running: RunningDoor, batch_id: str) -> list[str]:
    """Do what a worker does after an end; returns the ids of the jobs that are queued by it."""
    taken = await next_step(running.store, await running.store.batch(batch_id))
    await running.door.wakeups.announce([batch_topic(batch_id)])
    return [job.id for job in taken.queued]


async def command(running: RunningDoor, *arguments: str) -> Result:
    environment = {"SOLVENT_URL": running.url}
    run = CliRunner().invoke
    done = await asyncio.to_thread(run, cli, arguments, env=environment, standalone_mode=False)
    assert done.exception is None, done.exception
    return done


async def test_a_contest_has_a_board(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    batch = await submitted(http, 2, plan={"contest": CONTEST})
    assert (batch["total"], batch["settled"], batch["plan"]["contest"]["attempts"]) == (4, False, 2)
    ids = await job_ids(running, batch["id"])
    await running.end(ids[0], grade=WRONG)
    await running.end(ids[1])
    [again] = await go_on(running, batch["id"])
    await running.end(again, answer=Answer(text="print(4)", language="python", trajectory="t1"))
    for id in ids[2:]:
        await running.end(id, answer=None, grade=None, outcome=Outcome.UNSOLVED, stop_reason=StopReason.MAX_ROUNDS)

    answer = await http.get(f"/v1/batches/{batch['id']}/standings")

    board = answer.json()
    assert [(row["team"], row["solved"]) for row in board["teams"]] == [("bob", 1), ("ada", 1)]
    assert board["teams"][1]["problems"][0]["rejected"] == 1
    assert [problem["custom_id"] for problem in board["problems"]] == ["p0", "p1"]
    assert not any(secret in answer.text for secret in SECRETS)
    rows = (await http.get(f"/v1/batches/{batch['id']}/results", params={"order": "batch"})).text.splitlines()
    assert [(row["team"], row["attempt"]) for row in map(json.loads, rows)][-1] == ("ada", 2)
    shown = await command(running, "batch", "standings", batch["id"])
    assert "bob" in shown.stdout
    assert "A p0 · B p1" in shown.stdout


async def test_who_watches_a_frozen_contest_sees_no_rulings(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    alone = {**CONTEST, "attempts": 1, "teams": [{"name": "ada"}]}
    for freeze_s, told in ((0, True), (3600, False)):
        batch = await submitted(http, 1, plan={"contest": {**alone, "freeze_s": freeze_s}})
        [only] = await job_ids(running, batch["id"])
        await running.end(only, grade=WRONG)
        await go_on(running, batch["id"])

        watched = await command(running, "batch", "watch", batch["id"])

        [line] = [line for line in watched.stderr.splitlines() if "p0" in line]
        assert ("WA" in line) is told, line


async def test_results_that_are_followed_end_when_nothing_follows(
    running: RunningDoor, http: httpx2.AsyncClient
) -> None:
    batch = await submitted(http, 2, budget={"tokens": 1000}, plan={"allocation": "even"})
    ids = await job_ids(running, batch["id"])
    used = Usage(completion_tokens=500, model_calls=20, trajectories=20)
    exhausted = {"outcome": Outcome.EXHAUSTED, "stop_reason": StopReason.CAP_TOKENS, "usage": used}
    got: list[tuple[str, str]] = []

    async def follow() -> None:
        async with http.stream("GET", f"/v1/batches/{batch['id']}/results", params={"follow": "true"}) as answer:
            async for line in answer.aiter_lines():
                row = json.loads(line)
                got.append((row["job_id"], row["outcome"]))

    following = asyncio.create_task(follow())
    await running.end(ids[0], usage=Usage(completion_tokens=10, model_calls=1, trajectories=1))
    await running.end(ids[1], **exhausted)
    assert await go_on(running, batch["id"]) == [ids[1]]
    assert not following.done()
    await running.end(ids[1], usage=used)
    assert await go_on(running, batch["id"]) == []
    await asyncio.wait_for(following, 60)

    assert got[-1] == (ids[1], "solved")
    assert set(got) >= {(ids[0], "solved"), (ids[1], "solved")}
    assert (await http.get(f"/v1/batches/{batch['id']}")).json()["settled"]
    report = (await http.get(f"/v1/batches/{batch['id']}/report")).json()["allocation"]
    assert (report["policy"], report["unit"], report["budget"], report["spent"]) == ("even", "tokens", 1000, 510)


async def test_attempts_are_reported_as_pass_at_k(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    batch = await submitted(http, 1, plan={"attempts": 2})
    ids = await job_ids(running, batch["id"])
    await running.end(ids[0])
    await running.end(ids[1], grade=WRONG)

    answer = await http.get(f"/v1/batches/{batch['id']}/report")

    found = answer.json()["benchmark"]
    assert [(each["k"], each["value"]) for each in found["pass_at"]] == [(1, 0.5), (2, 1.0)]
    assert not any(secret in answer.text for secret in SECRETS)
    shown = await command(running, "batch", "watch", batch["id"], "--quiet")
    assert "pass@2" in shown.stdout
    assert (shown.return_value or 0) == 0


async def test_a_plain_batch_has_nothing_to_report(running: RunningDoor, http: httpx2.AsyncClient) -> None:
    batch = await submitted(http, 1)

    assert batch["settled"]
    assert (await http.get(f"/v1/batches/{batch['id']}/report")).json() == {}
    assert (await http.get(f"/v1/batches/{batch['id']}/standings")).status_code == 404


async def test_an_estimate_stores_nothing(running: RunningDoor, http: httpx2.AsyncClient, tmp_path: Path) -> None:
    before = (await http.get("/v1/batches")).json()
    problems = [MATH, MATH | {"id": "same"}, {"foo": 1}]

    answer = await http.post("/v1/batches/estimate", json={"problems": problems, "budget": {"tokens": 5}})

    found = answer.json()
    assert answer.status_code == 200
    assert (found["rows"], found["jobs"], found["unreadable"], found["duplicates"]) == (3, 2, 1, 1)
    assert found["at_most"]["tokens"] == 5
    (tmp_path / "set.jsonl").write_text(json.dumps(MATH) + "\n")
    shown = await command(running, "batch", "submit", str(tmp_path / "set.jsonl"), "--dry-run", "--attempts", "3")
    assert "1 rows · 3 jobs" in shown.stdout
    assert (await http.get("/v1/batches")).json() == before
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"plan": {"allocation": "even"}}, 400, "has none that can be shared"),
        ({"plan": {"allocation": "greedy"}, "budget": {"tokens": 9}}, 400, "unknown allocation"),
        ({"plan": {"attempts": 0}}, 422, "plan.attempts"),
        ({"plan": {"contest": CONTEST, "attempts": 2}}, 422, "a contest has attempts of its own"),
        (
            {"plan": {"contest": CONTEST | {"teams": [{"name": "x", "strategy": "no"}]}}},
            400,
            "team x: unknown strategy",
        ),
        (
            {"plan": {"contest": CONTEST | {"teams": [{"name": "x", "model": "/etc/p.toml"}]}}},
            400,
            "no name of a profile",
        ),
        ({"plan": {"contest": CONTEST | {"points_for": {"zz": 3}}}}, 400, "points_for names 'zz'"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused(
    http: httpx2.AsyncClient, fields: dict[str, Any], status: int, words: str
) -> None:
    answer = await http.post("/v1/batches", json={"problems": [MATH], **fields})

    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
