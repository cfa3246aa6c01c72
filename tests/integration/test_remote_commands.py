"""`solvent --url`: the command line against a real server, whose jobs are ended by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from http_door import SECRETS, STDIO, RunningDoor, open_test_door, some_events

from solvent.agents.job import Outcome
from solvent.service.cli.main import cli
from solvent.service.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")
Run = Callable[..., "asyncio.Task[Result]"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDoor]:
    home = tmp_path_factory.mktemp("home")
    async with open_test_door(f"sqlite:///{home / 'service.sqlite'}", home) as opened:
        await opened.add_key("ada")
        yield opened


@pytest.fixture
def run(running: RunningDoor) -> Run:
    """Start a command in a thread. One at a time: it has the process's standard output."""

    def start(*arguments: str) -> asyncio.Task[Result]:
        environment = {"SOLVENT_URL": running.url, "SOLVENT_API_KEY": running.keys["ada"]}
        return asyncio.create_task(
            asyncio.to_thread(CliRunner().invoke, cli, arguments, env=environment, standalone_mode=False)
        )

    return start


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = tmp_path / "add.json"
    path.write_text(json.dumps(STDIO), encoding="utf-8")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    items: list[dict[str, Any]] = [STDIO | {"id": "one"}, {"foo": 1}, STDIO | {"id": "two", "custom_id": "second"}]
    path.write_text("\n".join(map(json.dumps, items)), encoding="utf-8")
    return path


def ok(result: Result, code: int | None = 0) -> Result:
    assert result.exception is None, result.exception
    assert (result.return_value or 0) == code, result.output
    return result


async def test_solve_shows_the_events_and_the_answer(running: RunningDoor, run: Run, problem: Path) -> None:
    before = len(running.sent.jobs)
    out = problem.with_suffix(".py")
    command = run("solve", str(problem), "--strategy", "single", "--budget", "tokens=900", "--out", str(out))
    job_id = await running.sent.job(before)
    stored = await running.store.job(job_id)
    assert stored.spec is not None
    assert (stored.spec.strategy, stored.spec.budget.tokens) == ("single", 900)
    assert stored.spec.problem.hidden_tests
    assert str(problem) not in stored.model_dump_json(), "the server sees no path"
    await running.store.add_events(job_id, some_events(job_id, 3))
    await running.end(job_id)
    done = ok(await command)
    assert "print(int(input()) + 3)" in done.stdout
    assert "graded after selection: AC" in done.stdout
    assert "t1 solve" in done.stderr
    assert out.read_text(encoding="utf-8") == "print(int(input()) + 3)"
    shown = ok(await run("run", "show", job_id, "--events", "--json")).stdout
    assert [event["sequence"] for event in json.loads(shown)["events"]] == [1, 2, 3, 4]
    assert not any(secret in shown for secret in SECRETS)
    watched = ok(await run("run", "watch", job_id))
    assert "solved" in watched.stdout


async def test_a_batch_from_submission_to_export(running: RunningDoor, run: Run, rows: Path) -> None:
    submitted = ok(await run("batch", "submit", str(rows), "--idempotency-key", "tonight"))
    batch_id = submitted.stdout.strip()
    again = ok(await run("batch", "submit", str(rows), "--idempotency-key", "tonight"))
    assert again.stdout.strip() == batch_id
    assert "1 of them unreadable" in submitted.stderr
    ids = [job.id async for job in running.store.batch_jobs(batch_id)]
    await running.end(ids[2])
    assert "ended 2 of 3" in ok(await run("batch", "status", batch_id)).stdout
    watching = run("batch", "watch", batch_id)
    await running.end(ids[0], outcome=Outcome.UNSOLVED)
    done = ok(await watching, 5)
    assert "solved 1 of 3" in done.stdout
    exported = [json.loads(line) for line in ok(await run("batch", "export", batch_id)).stdout.splitlines()]
    assert [row["job_id"] for row in exported] == ids
    assert [row["custom_id"] for row in exported] == ["one", "set.jsonl:2", "second"]
    listed = json.loads(ok(await run("run", "list", "--json")).stdout)
    assert next(row["result"] for row in listed if row["id"] == batch_id) == "solved 1 of 3"
    assert "solved 1 of 3" in ok(await run("run", "show", batch_id)).stdout


async def test_a_batch_is_run_cancelled_and_retried(running: RunningDoor, run: Run, rows: Path) -> None:
    out = rows.with_name("out.jsonl")
    before = len(running.sent.jobs)
    command = run("batch", "run", str(rows), "--filter", "t*", "--out", str(out), "--quiet")
    job_id = await running.sent.job(before)
    job = await running.store.job(job_id)
    assert job.batch_id is not None
    assert job.custom_id == "second"
    async with running.client(running.keys["ada"]) as http:
        await http.post(f"/v1/batches/{job.batch_id}/cancel")
    await command
    assert json.loads(out.read_text(encoding="utf-8"))["status"] == "cancelled"
    assert "1 jobs" in ok(await run("batch", "retry", job.batch_id)).stdout
    assert "1 jobs" in ok(await run("run", "cancel", job_id)).stdout
    assert "1 jobs" in ok(await run("batch", "retry", job.batch_id)).stdout
    assert "1 jobs" in ok(await run("batch", "cancel", job.batch_id)).stdout
    assert "had ended" in ok(await run("run", "cancel", job_id)).stdout


async def test_errors_of_the_server_are_told_with_their_remedy(running: RunningDoor, run: Run, problem: Path) -> None:
    for arguments, message, code in (
        (("run", "show", "job-none"), "no job", 2),
        (("solve", str(problem), "--strategy", "magic"), "unknown strategy", 2),
        (("solve", str(problem), "--model", "nobody"), "no model profile", 2),
    ):
        error: Any = (await run(*arguments)).exception
        assert message in error.message
        assert error.exit_code == code
    refused: Any = (
        await asyncio.to_thread(
            CliRunner().invoke, cli, ["run", "list"], env={"SOLVENT_URL": running.url}, standalone_mode=False
        )
    ).exception
    assert "SOLVENT_API_KEY" in refused.remedy


async def test_streams_are_taken_up_again(
    running: RunningDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """The server goes away in the middle, and another comes at the same address."""
    monkeypatch.setattr("solvent.service.client.WAITS_S", (0.01,))
    monkeypatch.setattr("solvent.service.client.STREAM_ATTEMPTS", 100_000)
    database = f"sqlite:///{tmp_path / 'own.sqlite'}"
    got: list[int] = []
    some = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch(url: str, job_id: str) -> None:
        with Client(url) as client:
            for envelope in client.events(job_id):
                got.append(envelope.sequence)
                loop.call_soon_threadsafe(some.set)

    async with open_test_door(database, tmp_path, keyless=True, port=unused_tcp_port) as own:
        async with own.client() as http:
            job_id = (await http.post("/v1/jobs", json={"problem": STDIO})).json()["id"]
        await own.store.add_events(job_id, some_events(job_id, 4))
        watching = asyncio.create_task(asyncio.to_thread(watch, own.url, job_id))
        await some.wait()
    async with open_test_door(database, tmp_path, keyless=True, port=unused_tcp_port) as own:
        await own.store.add_events(job_id, some_events(job_id, 4))
        await own.end(job_id)
        await watching
    assert got == list(range(1, 10))
