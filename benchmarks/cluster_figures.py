"""What each figure of `solvent.benchmarks.cluster` is, and how it is measured."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solvent.benchmarks.cluster_service import Client, Cpu, Service, set_gate, wait_for_open
from solvent.benchmarks.processes import Process, rss_mb
from solvent.benchmarks.servers import Server

TRAJECTORIES_IN_FLIGHT = 64


@dataclass
class Figure:
    """One measured amount, several times."""

    name: str
    what: str
    unit: str
    values: list[float]
    wanted: float | None = None
    at_least: bool = False
    """Whether `wanted` is the least, not the most; the median is compared, unless `worst`."""
    worst: bool = False
    """Whether the worst value is compared."""
    notes: dict[str, float] = field(default_factory=dict)
    """What was measured beside it."""

    @property
    def compared(self) -> float:
        """The value that is held against what is wanted."""
        if not self.worst:
            return statistics.median(self.values)
        return min(self.values) if self.at_least else max(self.values)

    @property
    def holds(self) -> bool | None:
        """Whether it is as wanted; None where nothing is."""
        if self.wanted is None:
            return None
        return self.compared >= self.wanted if self.at_least else self.compared < self.wanted


@dataclass
class Bench:
    """What all figures are measured with."""

    folder: Path
    postgres: Server
    redis: Server
    instant_url: str
    starter: Callable[[], Any]
    """Context manager that runs the starter server; gives the process, whose `said` is the URL."""
    quick: bool
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def service(self, **more: str) -> Service:
        """Return a new service."""
        models = {"instant": self.instant_url, "held": self.instant_url, **more}
        return Service(self.folder / f"service{next(self._numbers)}", self.postgres, self.redis, models)


def sums(number: int) -> dict[str, Any]:
    """A math problem; the scripted model answers it by chance."""
    return {"id": f"sum-{number}", "kind": "math", "statement": f"What is {number} + 4?", "answer": str(number + 4)}


def programs(number: int) -> dict[str, Any]:
    """A problem in the starter model's language whose public test no program passes, so that no attempt ends a job."""
    return {
        "id": f"add-{number}",
        "statement": f"Read an integer. Add {number}. Print it.",
        "public_tests": [{"stdin": "4\n", "expected": "none\n"}],
    }


def attempts(each: int, at_once: int) -> dict[str, Any]:
    """Options of jobs that make so many attempts, whatever these answer."""
    return {"max_trajectories": each, "wave": at_once, "repairs": 0, "min_votes": 1000}


def _notes(cpu: Cpu, per: float) -> dict[str, float]:
    return {
        "workers": cpu.workers_s / per * 1000,
        "api": cpu.api_s / per * 1000,
        "postgres": cpu.postgres_s / per * 1000,
        "redis": cpu.redis_s / per * 1000,
    }


async def cpu_per_step(bench: Bench) -> list[Figure]:
    """Processor time of API and worker for each node that a trajectory enters, all else of the jobs included."""
    rounds, jobs = (2, 12) if bench.quick else (5, 25)
    with bench.service() as service:
        url = service.serve()
        service.work()
        async with Client(url) as client:
            await client.ended(await client.submit_batch([sums(place) for place in range(4)], model="instant"), 4)
            figures: list[tuple[Cpu, int]] = []
            for number in range(rounds):
                steps, before = service.steps(), service.cpu()
                rows = [sums(number * 1000 + place) for place in range(jobs)]
                batch = await client.submit_batch(rows, model="instant", parameters=attempts(8, 4))
                await client.ended(batch, jobs)
                figures.append((service.cpu().since(before), service.steps() - steps))
    return [per_step("cpu_per_step", "instant model server, 8 attempts a job", figures)]


def per_step(name: str, what: str, measured: Sequence[tuple[Cpu, int]]) -> Figure:
    """Return the processor time of API and worker for each step, from what was used and how many steps that was."""
    values = [cpu.service_s / steps * 1000 for cpu, steps in measured]
    steps = sum(steps for _, steps in measured)
    whole = Cpu(*(sum(column) for column in zip(*(vars(cpu).values() for cpu, _ in measured), strict=True)))
    return Figure(name, f"CPU per step of a trajectory, {what}", "ms", values, 8.0, notes=_notes(whole, steps))


async def first_token(bench: Bench) -> list[Figure]:
    """From sending a job to the first event with text, as a client that watches it gets it, while nothing else runs."""
    samples = 15 if bench.quick else 40
    with bench.service() as service:
        url = service.serve()
        service.work()
        async with Client(url) as client:
            values = []
            for number in range(samples + 3):
                started_at = time.perf_counter()
                job = {"problem": sums(number), "model": "instant", "strategy": "single"}
                job_id = await client.submit(job)
                first = await client.until(job_id, "text")
                if number >= 3:
                    values.append((first - started_at) * 1000)
                await client.until(job_id, "job.finished")
    return [Figure("first_token", "submit to first token, idle, instant model server", "ms", values, 100.0)]


async def submissions(bench: Bench) -> list[Figure]:
    """Jobs sent at 50 a second whether or not the one before was answered; what each client waits."""
    rate, seconds, rounds = 50, 4 if bench.quick else 10, 1 if bench.quick else 3
    alone: list[float] = []
    beside: list[float] = []
    for busy, p99s in ((False, alone), (True, beside)):
        with bench.service() as service:
            url = service.serve()
            async with Client(url) as client:
                await _sent(client, rate, 1, "instant")
                if busy:
                    service.work()
                for _ in range(rounds):
                    waits = sorted(await _sent(client, rate, seconds, "instant"))
                    p99s.append(waits[int(0.99 * (len(waits) - 1))] * 1000)
    return [
        Figure("submissions", f"p99 of a submission at {rate}/s, workers elsewhere", "ms", alone, 250.0, worst=True),
        Figure("submissions_beside", f"p99 at {rate}/s, a saturated worker on the same cores", "ms", beside),
    ]


async def _sent(client: Client, rate: int, seconds: int, model: str) -> list[float]:
    """Return what each submission waited; raises where one was refused."""

    async def one(number: int) -> float:
        sent = time.perf_counter()
        await client.submit({"problem": sums(number), "model": model, "strategy": "single"})
        return time.perf_counter() - sent

    begun, tasks = time.perf_counter(), []
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number)))
    return list(await asyncio.gather(*tasks))


async def recovery(bench: Bench) -> list[Figure]:
    """From `kill -9` of a worker until another holds each of its trajectories; all jobs then end, each once."""
    rounds, jobs = (1, 8) if bench.quick else (3, 8)
    values: list[float] = []
    for number in range(rounds):
        await set_gate(bench.instant_url, "close")
        with bench.service() as service:
            url = service.serve()
            victim = service.work()
            async with Client(url) as client:
                rows = [sums(place) for place in range(jobs)]
                batch = await client.submit_batch(rows, model="held", parameters=attempts(4, 4))
                await wait_for_open(bench.instant_url, jobs * 4)
                service.work()
                # At another place between two beats each time.
                await asyncio.sleep(3.3 * number)
                values += await asyncio.to_thread(_taken_over, service, victim)
                await set_gate(bench.instant_url, "open")
                await client.ended(batch, jobs)
    await set_gate(bench.instant_url, "open")
    what = "kill -9 of a worker until another holds each of its trajectories"
    return [Figure("recovery", what, "s", values, 45.0, worst=True)]


def _taken_over(service: Service, victim: Process) -> list[float]:
    with service.database() as connection:
        query = "SELECT job_id, trajectory, holder FROM lease WHERE trajectory <> ''"
        held = {(row[0], row[1]): row[2] for row in connection.execute(query).fetchall()}
        victim.kill()
        service.workers.remove(victim)
        killed = time.perf_counter()
        taken: dict[tuple[str, str], float] = {}
        while len(taken) < len(held):
            time.sleep(0.02)
            for job_id, name, holder in connection.execute(query).fetchall():
                if holder != held.get((job_id, name), holder):
                    taken.setdefault((job_id, name), time.perf_counter() - killed)
        return list(taken.values())


async def memory(bench: Bench) -> list[Figure]:
    """Resident memory of a worker that has 64 trajectories in the middle of their replies."""
    rounds, jobs = 1 if bench.quick else 3, TRAJECTORIES_IN_FLIGHT // 4
    values, idle = [], []
    for _ in range(rounds):
        await set_gate(bench.instant_url, "open")
        with bench.service() as service:
            url = service.serve()
            worker = service.work("-c", str(TRAJECTORIES_IN_FLIGHT))
            idle.append(rss_mb(worker.pid))
            async with Client(url) as client:
                # As a worker that has been at it for a while.
                rows = [sums(place) for place in range(10)]
                await client.ended(await client.submit_batch(rows, model="instant", parameters=attempts(8, 4)), 10)
                await set_gate(bench.instant_url, "close")
                rows = [sums(place) for place in range(jobs)]
                batch = await client.submit_batch(rows, model="held", parameters=attempts(4, 4))
                await wait_for_open(bench.instant_url, TRAJECTORIES_IN_FLIGHT)
                values.append(rss_mb(worker.pid))
                await set_gate(bench.instant_url, "open")
                await client.ended(batch, jobs)
    what = f"memory of a worker with {TRAJECTORIES_IN_FLIGHT} trajectories in flight"
    return [Figure("memory", what, "MB", values, 300.0, worst=True, notes={"before its first job": max(idle)})]


async def queue(bench: Bench) -> list[Figure]:
    """Processor time for each job that is submitted and run, where 1,000 others wait, and where 100,000 do.

    Of workers, API, PostgreSQL and Redis together; the jobs that are run are those that wait.
    """
    rounds, jobs = 3, 50 if bench.quick else 100
    costs: dict[int, list[float]] = {1_000: [], 100_000: []}
    for _ in range(rounds):
        for waiting, values in costs.items():
            with bench.service() as service:
                async with Client(service.serve()) as client:
                    await _fill(client, service, waiting)
                    before = service.cpu()
                    options = {"model": "instant", "strategy": "single"}
                    await client.submit_batch([sums(-1 - place) for place in range(200)], **options)
                    submitted = service.cpu().since(before)
                    service.work()
                    first = await _ended_jobs(service, 30)
                    before = service.cpu()
                    last = await _ended_jobs(service, first + jobs)
                    worked = service.cpu().since(before)
                    values.append((submitted.all_s / 200 + worked.all_s / (last - first)) * 1000)
    ratios = [many / few for few, many in zip(costs[1_000], costs[100_000], strict=True)]
    notes = {f"ms a job, {count:,} waiting": statistics.median(values) for count, values in costs.items()}
    what = "cost of a job with 100,000 in the queue to that with 1,000"
    return [Figure("queue", what, "x", ratios, 1.2, notes=notes)]


async def _ended_jobs(service: Service, wanted: int) -> int:
    """Wait until so many jobs have ended; return how many have."""
    while (ended := service.count("SELECT count(*) FROM job WHERE ended_at IS NOT NULL")) < wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    return ended


async def _fill(client: Client, service: Service, waiting: int) -> None:
    """Have so many jobs wait: one batch over HTTP, whose rows are copied in the database."""
    options = {"model": "instant", "strategy": "single"}
    batch = await client.submit_batch([sums(number) for number in range(1_000)], **options)
    copies = waiting // 1_000
    with service.database() as connection:
        for table, key, changed in (
            ("job", "id", {"id": "id || '-' || n", "position": "position + 1000 * n"}),
            ("job_content", "job_id", {"job_id": "job_id || '-' || n"}),
        ):
            names = [
                row[0]
                for row in connection.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                    "AND table_schema = 'public'",
                    (table,),
                ).fetchall()
            ]
            values = [changed.get(name, name) for name in names]
            connection.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table}, "  # noqa: S608  # own names
                f"generate_series(1, %s) AS n WHERE {key} IN (SELECT id FROM job WHERE batch_id = %s "
                "AND position < 1000)",
                (copies - 1, batch),
            )
        # The server does so by itself within a minute, which is no part of what is measured.
        connection.execute("VACUUM ANALYZE")


FIGURES: dict[str, Callable[[Bench], Any]] = {
    "cpu": cpu_per_step,
    "first-token": first_token,
    "submissions": submissions,
    "recovery": recovery,
    "memory": memory,
    "queue": queue,
}
