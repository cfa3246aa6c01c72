"""One service for a benchmark: its own database and Redis, an API process, workers; and clients that use it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from solvent.benchmarks.processes import Process, cpu_s, family_cpu_s, solvent, started
from solvent.benchmarks.servers import Server
from solvent.errors import DependencyError

LONG, LONG_TOKENS = "starter-server-long", 200
"""The bundled model with replies of so many tokens each, whatever it says in them."""
ENDED = frozenset({"completed", "failed", "cancelled", "expired"})


@dataclass(frozen=True)
class Cpu:
    """Processor seconds of a service, by who used them; the sandbox and what runs in it are not among them."""

    workers_s: float
    api_s: float
    postgres_s: float
    redis_s: float

    def since(self, before: Cpu) -> Cpu:
        """Return the difference to an earlier reading."""
        return Cpu(*(now - then for now, then in zip(vars(self).values(), vars(before).values(), strict=True)))

    @property
    def service_s(self) -> float:
        """Of workers and API."""
        return self.workers_s + self.api_s

    @property
    def all_s(self) -> float:
        """Of the databases as well."""
        return self.service_s + self.postgres_s + self.redis_s


class Service:
    """Processes over one empty database.

    Args:
        folder: of its files.
        postgres: server in which a database is made.
        redis: server that is emptied.
        models: URL of each model profile, by name; `starter` ones are asked as the bundled model is.
    """

    def __init__(self, folder: Path, postgres: Server, redis: Server, models: dict[str, str]) -> None:
        import redis as client

        self.folder = folder
        self.postgres, self.redis = postgres, redis
        folder.mkdir()
        with client.Redis(port=redis.port) as connection:
            connection.flushall()
        self.database_url = postgres.new_database()
        profiles = folder / "config" / "models"
        profiles.mkdir(parents=True)
        for name, url in models.items():
            (profiles / f"{name}.toml").write_text(_profile(name, url))
        self.workers: list[Process] = []
        self.api: Process | None = None
        self._stack = ExitStack()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SOLVENT_")}
        self.environment = {
            **clean,
            "SOLVENT_HOME": str(folder / "home"),
            "SOLVENT_CONFIG_DIR": str(folder / "config"),
            "SOLVENT_DATABASE_URL": self.database_url,
            "SOLVENT_REDIS_URL": redis.redis_url,
            "SOLVENT_SANDBOX": "local",
        }

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def serve(self) -> str:
        """Start the API and return its URL."""
        command = solvent("serve", "api", "--port", "0")
        self.api = self._stack.enter_context(
            started(command, r"serving the API at (http://\S+)", self.environment, self.folder / "api.log")
        )
        return self.api.said

    def work(self, *options: str) -> Process:
        """Start a worker."""
        command = solvent("worker", *options)
        log = self.folder / f"worker{len(self.workers)}.log"
        worker = self._stack.enter_context(started(command, r"^ready", self.environment, log))
        self.workers.append(worker)
        return worker

    def cpu(self) -> Cpu:
        """Return what its processes have used until now."""
        return Cpu(
            workers_s=sum(cpu_s(worker.pid) for worker in self.workers),
            api_s=0.0 if self.api is None else cpu_s(self.api.pid),
            postgres_s=family_cpu_s(self.postgres.pid),
            redis_s=cpu_s(self.redis.pid),
        )

    @contextmanager
    def database(self) -> Iterator[Any]:
        """Open the database, for reading and for what no client can do."""
        import psycopg

        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield connection

    def count(self, query: str) -> int:
        """Return the number that a query gives."""
        with self.database() as connection:
            return int(connection.execute(query).fetchone()[0])

    def steps(self) -> int:
        """Return how many nodes of trajectories' graphs were entered: each leaves one event."""
        return self.count("SELECT count(*) FROM event WHERE type = 'phase'")


def _profile(name: str, url: str) -> str:
    if name.startswith("starter"):
        return (
            f'name = "{name}"\nbackend = "openai"\nbase_url = "{url}"\nmodel = "starter"\ncontext_tokens = 1024\n'
            f'prompts = "starter"\nanswer_style = "program"\nreply_tokens = {LONG_TOKENS if name == LONG else 320}\n'
            'concurrency = 64\nprefix = "vllm"\n'
            'count = "tokenize"\ncut_margin_tokens = 64\n[sampling]\ntemperature = 1.0\n'
            '[thinking]\nstart = "<think>"\nend = "</think>"\n' + _body(name)
        )
    return (
        f'name = "{name}"\nbackend = "openai"\nbase_url = "{url}"\nmodel = "{name}"\ncontext_tokens = 4096\n'
        "reply_tokens = 64\nconcurrency = 256\n"
    )


def _body(name: str) -> str:
    # Replies of the bundled model are ten to a hundred times shorter than those of the models that a service is made
    # for; these go on to the limit.
    return "[extra_body]\nignore_eos = true\n" if name == LONG else ""


class Client:
    """What users of the service do, over HTTP. Use as an asynchronous context manager."""

    def __init__(self, url: str) -> None:
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=200)
        self._http = httpx2.AsyncClient(base_url=url, timeout=120, limits=limits)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def submit(self, job: dict[str, Any]) -> str:
        """Submit one job and return its id."""
        answer = await self._http.post("/v1/jobs", json=job)
        return str(_good(answer)["id"])

    async def submit_batch(self, problems: Sequence[dict[str, Any]], **options: Any) -> str:
        """Submit a batch and return its id."""
        answer = await self._http.post("/v1/batches", json={"problems": problems, **options})
        return str(_good(answer)["id"])

    async def job(self, job_id: str) -> dict[str, Any]:
        """Return a job as it stands."""
        return _good(await self._http.get(f"/v1/jobs/{job_id}"))

    async def results(self, batch_id: str) -> AsyncIterator[dict[str, Any]]:
        """Give the rows of a batch as its jobs end, until all have."""
        async with self._http.stream(
            "GET", f"/v1/batches/{batch_id}/results", params={"follow": "true"}, timeout=None
        ) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.strip():
                    yield json.loads(line)

    async def until(self, job_id: str, kind: str) -> float:
        """Read a job's events until one of this kind; return when it came (`time.perf_counter`)."""
        async with self._http.stream("GET", f"/v1/jobs/{job_id}/events", timeout=120) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line == f"event: {kind}":
                    return time.perf_counter()
        raise DependencyError(f"job {job_id} ended without an event {kind!r}")

    async def ended(self, batch_id: str, jobs: int) -> list[dict[str, Any]]:
        """Wait for a batch and return its rows, each job once.

        Raises:
            DependencyError: there are not as many results as jobs, or one failed.
        """
        rows = [row async for row in self.results(batch_id)]
        ids = {row["job_id"] for row in rows}
        bad = [row for row in rows if row["status"] != "completed"]
        if len(rows) != jobs or len(ids) != jobs or bad:
            raise DependencyError(f"{jobs} jobs, {len(rows)} results of {len(ids)} jobs; not completed: {bad[:1]}")
        return rows


def _good(answer: httpx2.Response) -> dict[str, Any]:
    if answer.status_code >= 400:
        raise DependencyError(f"{answer.status_code}: {answer.text[:300]}")
    value: dict[str, Any] = answer.json()
    return value


async def wait_for_open(url: str, wanted: int, *, at_most_s: float = 60) -> None:
    """Wait until the scripted model has that many replies under way.

    Raises:
        DependencyError: it has not.
    """
    async with httpx2.AsyncClient() as client:
        end = time.monotonic() + at_most_s
        while (found := int((await client.get(f"{url}/models")).json()["open"])) < wanted:
            if time.monotonic() > end:
                raise DependencyError(f"{found} of {wanted} replies are under way after {at_most_s:g} s")
            await asyncio.sleep(0.02)


async def set_gate(url: str, state: str) -> None:
    """Open or close the gate of held replies."""
    async with httpx2.AsyncClient() as client:
        (await client.post(f"{url.removesuffix('/v1')}/gate/{state}")).raise_for_status()
