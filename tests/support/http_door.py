"""The HTTP door in this process: a real server on a real port over a real database, and who ends its jobs by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from solvent.agents.events import Event, PhaseEntered, TextGenerated
from solvent.agents.job import Answer, Grade, JobResult, JobStatus, Outcome, StopReason
from solvent.models.serving.listening import listen, url_of
from solvent.problems.problem import Verdict
from solvent.service.http.door import Door, Limits
from solvent.service.http.process import ApiOptions, server_of
from solvent.service.keys import digest_of, new_secret
from solvent.settings import Settings
from solvent.workers.database import open_service_store
from solvent.workers.ids import new_id
from solvent.workers.service_records import ApiKey, LeaseKind, QueuedJob
from solvent.workers.service_store import ServiceStore
from solvent.workers.wakeups import LocalWakeups, Wakeups, batch_topic, job_topic

SECRET_EXPECTED = "a-hidden-expected-output"
SECRET_GOLD = "a-gold-answer"
SECRET_SOLUTION = "a-reference-solution"
SECRETS = (SECRET_EXPECTED, SECRET_GOLD, SECRET_SOLUTION)
STDIO = {
    "id": "add-three",
    "statement": "Read an integer. Add 3. Print it.",
    "public_tests": [{"stdin": "1\n", "expected": "4\n"}],
    "hidden_tests": [{"name": "hidden 1", "stdin": "5\n", "expected": SECRET_EXPECTED}],
    "solutions": [{"language": "python", "source": SECRET_SOLUTION}],
    "metadata": {"note": SECRET_GOLD},
}
MATH = {"id": "gold", "statement": "What is it?", "answer": SECRET_GOLD}


def write_stdio(path: Path, statements: Mapping[str, str]) -> None:
    """Write a file of problems that differ in their ids and statements."""
    rows = (STDIO | {"id": id, "statement": statement} for id, statement in statements.items())
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class SentJobs:
    """A dispatcher that only notes what it is given."""

    def __init__(self) -> None:
        self.jobs: list[QueuedJob] = []
        self.error: Exception | None = None
        self._more = asyncio.Condition()

    async def job(self, place: int) -> str:
        """Return the id of the job that is sent as number `place`, as soon as it is."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.jobs) > place)
        return self.jobs[place].id

    async def send_jobs(self, jobs: Sequence[QueuedJob]) -> None:
        if self.error is not None:
            raise self.error
        self.jobs.extend(jobs)
        async with self._more:
            self._more.notify_all()

    async def aclose(self) -> None:
        return None


@dataclass
class RunningDoor:
    door: Door
    url: str
    sent: SentJobs
    keys: dict[str, str] = field(default_factory=dict)
    """Secrets by name."""

    @property
    def store(self) -> ServiceStore:
        return self.door.store

    async def add_key(self, name: str, **fields: Any) -> str:
        """Store a key and return its secret."""
        secret = new_secret()
        await self.store.add_key(ApiKey(id=new_id("key"), name=name, **fields), digest_of(secret))
        self.keys[name] = secret
        return secret

    def client(self, secret: str | None = None) -> httpx2.AsyncClient:
        headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
        return httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    async def end(self, job_id: str, **fields: Any) -> JobResult:
        """Do what a worker does that has solved a job."""
        claim = await self.store.claim(LeaseKind.JOB, job_id, holder="a test", lease_s=600)
        assert claim is not None
        job = await self.store.job(job_id)
        assert job.spec is not None
        result = result_of(job_id, job.spec.problem.id, **fields)
        await self.store.finish(claim, result)
        topics = [job_topic(job_id)] + ([batch_topic(job.batch_id)] if job.batch_id else [])
        await self.door.wakeups.announce(topics)
        return result


def result_of(job_id: str, problem_id: str = "add-three", **fields: Any) -> JobResult:
    given: dict[str, Any] = {
        "status": JobStatus.COMPLETED,
        "outcome": Outcome.SOLVED,
        "stop_reason": StopReason.TESTS_PASSED,
        "answer": Answer(text="print(int(input()) + 3)", language="python", trajectory="t1"),
        "grade": Grade(verdict=Verdict.AC, passed=1, total=1),
        "strategy": "single",
        "model": "starter",
    }
    return JobResult(job_id=job_id, problem_id=problem_id, **(given | fields))


def some_events(job_id: str, number: int) -> list[Event]:
    """Return events that can be told apart."""
    return [
        PhaseEntered(job_id=job_id, trajectory="t1", phase="solve", round=place, time_s=float(place))
        if place % 3
        else TextGenerated(
            job_id=job_id, trajectory="t1", text=f"piece {place}\n\nof text: data: x", time_s=float(place)
        )
        for place in range(number)
    ]


@asynccontextmanager
async def open_test_door(
    database: str,
    home: Path,
    *,
    keyless: bool = False,
    limits: Limits | None = None,
    port: int = 0,
    wakeups: Wakeups | None = None,
) -> AsyncIterator[RunningDoor]:
    store, wakeups, sent = await open_service_store(database), wakeups or LocalWakeups(), SentJobs()
    door = Door(Settings(home=home), store, wakeups, sent, keyless=keyless, limits=limits or Limits())
    started = asyncio.Event()
    with listen("127.0.0.1", port) as listening:
        url = url_of(listening)
        server = server_of(door, ApiOptions(drain_s=20), started.set, signals=False)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        assert started.is_set()
        try:
            yield RunningDoor(door, url, sent)
        finally:
            server.stop()
            await serving
            await door.aclose()
            await wakeups.aclose()
            await store.aclose()
