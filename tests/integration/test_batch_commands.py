"""Every batch command does and says the same for batches of this machine and of a server; jobs are ended by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from http_door import STDIO, open_test_door, result_of, write_stdio

from solvent.agents.job import JobStatus, Outcome, StopReason
from solvent.errors import DataError
from solvent.service.cli.main import cli
from solvent.service.http.answers import BatchAnswer
from solvent.workers.database import open_service_store
from solvent.workers.records import JobRecord
from solvent.workers.results import result_row
from solvent.workers.service_records import LeaseKind
from solvent.workers.service_store import ServiceStore

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Side:
    """Where the batches are, and who works on them: nobody but the test."""

    name: str
    home: Path
    environment: dict[str, str]
    store: ServiceStore
    finish: Callable[..., Awaitable[object]]

    def start(self, *arguments: str) -> asyncio.Task[Result]:
        """Start a command in a thread. One at a time: it has the process's standard output."""
        run = CliRunner().invoke
        return asyncio.create_task(asyncio.to_thread(run, cli, arguments, env=self.environment, standalone_mode=False))

    async def run(self, *arguments: str, code: int = 0) -> Result:
        done = await self.start(*arguments)
        assert done.exception is None, done.exception
        assert (done.return_value or 0) == code, done.output
        return done

    async def refused(self, *arguments: str) -> Any:
        return (await self.start(*arguments)).exception

    async def submit(self, path: Path, *options: str) -> str:
        return (await self.run("batch", "submit", str(path), *options)).stdout.strip()

    async def jobs(self, batch_id: str) -> list[JobRecord]:
        return [job async for job in self.store.batch_jobs(batch_id)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["here", "there"])
async def side(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Side]:
    home = tmp_path_factory.mktemp(request.param)
    url = f"sqlite:///{home / 'service.sqlite'}"
    if request.param == "there":
        async with open_test_door(url, home, keyless=True) as door:
            yield Side("there", home, {"SOLVENT_URL": door.url}, door.store, door.end)
        return
    store = await open_service_store(url)

    async def finish(job_id: str, **fields: Any) -> None:
        claim = await store.claim(LeaseKind.JOB, job_id, holder="a test", lease_s=600)
        assert claim is not None
        await store.finish(claim, result_of(job_id, **fields))

    yield Side("here", home, {"SOLVENT_URL": "", "SOLVENT_HOME": str(home)}, store, finish)
    await store.aclose()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    other = {"statement": "Read an integer. Add 4. Print it.", "custom_id": "second"}
    items: list[dict[str, Any]] = [STDIO | {"id": "one"}, {"foo": 1}, STDIO | {"id": "two"} | other]
    path.write_text("\n".join(map(json.dumps, items)), encoding="utf-8")
    return path


async def test_submit_stores_a_batch_that_waits(side: Side, rows: Path) -> None:
    done = await side.run("batch", "submit", str(rows), "--strategy", "single", "--budget", "tokens=900")
    batch_id = done.stdout.strip()
    assert "3 jobs, 1 of them unreadable" in done.stderr
    batch = await side.store.batch(batch_id)
    assert (batch.strategy, batch.budget.tokens) == ("single", 900)
    jobs = await side.jobs(batch_id)
    assert [job.status for job in jobs] == [JobStatus.QUEUED, JobStatus.FAILED, JobStatus.QUEUED]
    assert [job.custom_id for job in jobs] == ["one", "set.jsonl:2", "second"]
    assert {job.queue for job in jobs} == {"batch"}
    answer = json.loads((await side.run("batch", "submit", str(rows), "--json")).stdout)
    assert set(answer) == set(BatchAnswer.model_fields)
    assert (answer["total"], answer["by_status"]) == (3, {"failed": 1, "queued": 2})


@pytest.mark.chroma
async def test_again_goes_back_to_what_was_left_unsolved_and_learned_to_what_has_news(
    side: Side, tmp_path: Path
) -> None:
    path, results = tmp_path / "set.jsonl", tmp_path / "results.jsonl"
    texts = {"one": "Apply the Ember rule.", "two": "Apply the Frost rule.", "three": "Apply the Ember rule twice."}
    write_stdio(path, texts)
    batch_id = await side.submit(path)
    first, second, third = await side.jobs(batch_id)
    await side.finish(first.id)
    for job in (second, third):
        await side.finish(job.id, outcome=Outcome.EXHAUSTED, stop_reason=StopReason.CAP_TOKENS)
    await side.run("batch", "export", batch_id, "--out", str(results))

    async def taken(*options: str) -> list[str]:
        again = await side.submit(path, "--again", str(results), *options)
        return [job.custom_id for job in await side.jobs(again)]

    assert await taken() == ["two", "three"]
    assert await taken("--limit", "1") == ["two"]
    news = ("--learned", "--memory", "read")
    refused = await side.refused("batch", "submit", str(path), "--again", str(results), *news)
    if side.name == "there":
        assert "no concept memory" in refused.message, "and with one: test_http_concepts"
        return
    assert isinstance(refused, DataError)
    assert "names a concept that it was not shown" in refused.message
    command = ["memory", "add", "--name", "Ember rule", "--summary", "add 3 to every number"]
    here = {"SOLVENT_URL": "", "SOLVENT_HOME": str(side.home)}
    added = await asyncio.to_thread(CliRunner().invoke, cli, command, env=here, standalone_mode=False)
    assert added.exception is None, added.exception
    assert await taken(*news) == ["three"]


async def test_status_says_how_it_stands(side: Side, rows: Path) -> None:
    batch_id = await side.submit(rows)
    await side.finish((await side.jobs(batch_id))[2].id)
    words = (await side.run("batch", "status", batch_id)).stdout
    assert "ended 2 of 3" in words
    assert "solved 1" in words
    answer = json.loads((await side.run("batch", "status", batch_id, "--json")).stdout)
    assert set(answer) == set(BatchAnswer.model_fields)
    assert (answer["ended"], answer["by_outcome"]) == (2, {"solved": 1})


async def test_watch_ends_with_the_batch_and_tells_by_its_code(side: Side, rows: Path) -> None:
    batch_id = await side.submit(rows, "--filter", "t*")
    watching = side.start("batch", "watch", batch_id)
    job = (await side.jobs(batch_id))[0]
    await side.finish(job.id, outcome=Outcome.EXHAUSTED, stop_reason=StopReason.CAP_TOKENS)
    done = await watching
    assert done.return_value == 4
    assert "[1/1] second exhausted" in done.stderr
    assert "solved 0 of 1" in done.stdout
    body = json.loads((await side.run("batch", "watch", batch_id, "--json", "--quiet", code=4)).stdout)
    assert set(body) == {*BatchAnswer.model_fields, "totals", "jobs"}
    assert body["totals"]["exhausted"] == 1
    assert [row["custom_id"] for row in body["jobs"]] == ["second"]


async def test_cancel_stops_and_retry_queues_again(side: Side, rows: Path) -> None:
    batch_id = await side.submit(rows)
    answer = json.loads((await side.run("batch", "cancel", batch_id, "--json")).stdout)
    assert answer == {"id": batch_id, "stopping": 2}
    assert [job.status for job in await side.jobs(batch_id)] == [
        JobStatus.CANCELLED,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
    ]
    assert "0 jobs are stopping" in (await side.run("batch", "cancel", batch_id)).stdout
    assert "2 jobs are queued again" in (await side.run("batch", "retry", batch_id)).stdout
    again = json.loads((await side.run("batch", "retry", batch_id, "--json")).stdout)
    assert again == {"id": batch_id, "queued": 0}
    assert (await side.jobs(batch_id))[0].status is JobStatus.QUEUED


async def test_who_works_on_a_job_hears_of_a_cancel(side: Side, rows: Path) -> None:
    batch_id = await side.submit(rows, "--filter", "one")
    job = (await side.jobs(batch_id))[0]
    claim = await side.store.claim(LeaseKind.JOB, job.id, holder="a worker", lease_s=600)
    assert claim is not None
    assert "1 jobs are stopping" in (await side.run("batch", "cancel", batch_id)).stdout
    assert (await side.store.beat("a worker", [claim], lease_s=600)).cancelled == [claim]
    assert (await side.store.job(job.id)).status is JobStatus.CANCELLING, "its holder ends it, with what it has"
    await side.store.finish(
        claim, result_of(job.id, status=JobStatus.CANCELLED, outcome=None, stop_reason=StopReason.CANCELLED)
    )


async def test_export_gives_a_row_for_each_problem_in_the_batch_s_order(side: Side, rows: Path, tmp_path: Path) -> None:
    batch_id = await side.submit(rows)
    ids = [job.id for job in await side.jobs(batch_id)]
    await side.finish(ids[2])
    exported = [json.loads(line) for line in (await side.run("batch", "export", batch_id)).stdout.splitlines()]
    assert [row["job_id"] for row in exported] == ids
    assert [row["status"] for row in exported] == ["queued", "failed", "completed"]
    assert exported[2] == result_row(await side.store.job(ids[2]))
    out = tmp_path / "deep" / "results.json"
    await side.run("batch", "export", batch_id, "--json", "--out", str(out))
    assert json.loads(out.read_text(encoding="utf-8")) == exported


async def test_an_idempotency_key_submits_once(side: Side, rows: Path) -> None:
    key = ("--idempotency-key", "tonight")
    batch_id = await side.submit(rows, *key)
    assert await side.submit(rows, *key) == batch_id
    assert await side.submit(rows) != batch_id, "without one, each submission is a batch of its own"
    rows.write_text(json.dumps(STDIO), encoding="utf-8")
    error = await side.refused("batch", "submit", str(rows), *key)
    assert "came with another request" in error.message
    assert error.exit_code == 2


async def test_equal_problems_are_run_once_and_their_rows_say_so(side: Side, tmp_path: Path) -> None:
    path = tmp_path / "twins.jsonl"
    items = [STDIO | {"id": "a"}, {"statement": "What is 1 + 1?", "answer": "2", "id": "b"}, STDIO | {"id": "c"}]
    path.write_text("\n".join(map(json.dumps, items)), encoding="utf-8")
    batch_id = await side.submit(path, "--dedupe")
    first, other = await side.jobs(batch_id)
    watching = side.start("batch", "watch", batch_id, "--json")
    await side.finish(first.id)
    await side.finish(other.id, outcome=Outcome.UNSOLVED)
    body = json.loads((await watching).stdout)
    told = {row["custom_id"]: (row["outcome"], row["shared_with"], row["position"]) for row in body["jobs"]}
    assert told == {"a": ("solved", None, 0), "b": ("unsolved", None, 1), "c": ("solved", "a", 2)}
    assert (body["total"], body["totals"]["problems"], body["totals"]["solved"]) == (2, 3, 2)
    both = await side.submit(path)
    assert len(await side.jobs(both)) == 3


async def test_what_is_not_there_is_named(side: Side, rows: Path, tmp_path: Path) -> None:
    for verb in ("status", "watch", "cancel", "retry", "export"):
        error = await side.refused("batch", verb, "batch-none")
        assert "batch-none" in error.message
        assert error.exit_code == 2
    assert "no such file" in (await side.refused("batch", "submit", str(tmp_path / "none.jsonl"))).message
    assert "unknown strategy" in (await side.refused("batch", "submit", str(rows), "--strategy", "magic")).message
    assert "no model profile" in (await side.refused("batch", "submit", str(rows), "--model", "nobody")).message


async def test_runs_are_listed_shown_and_cancelled(side: Side, rows: Path) -> None:
    batch_id = await side.submit(rows, "--filter", "one")
    job = (await side.jobs(batch_id))[0]
    listed = json.loads((await side.run("run", "list", "--json")).stdout)
    assert next(row["result"] for row in listed if row["id"] == batch_id) == "solved 0 of 1"
    assert f"{job.id}: 1 jobs are stopping" in (await side.run("run", "cancel", job.id)).stdout
    assert "had ended before" in (await side.run("run", "cancel", job.id)).stdout
    assert "cancelled 1" in (await side.run("run", "show", batch_id)).stdout
    shown = json.loads((await side.run("run", "show", job.id, "--events", "--json")).stdout)
    assert shown["status"] == "cancelled"
    assert [event["event"]["type"] for event in shown["events"]] == ["job.finished"]
    assert (await side.start("run", "watch", job.id)).return_value == 130
