"""Three server processes behind a router; one is killed with SIGKILL while 200 jobs run over them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import Event
from solvent.agents.job import JobResult, JobSpec, JobStatus, Outcome
from solvent.agents.ledgers import MemoryLedger
from solvent.agents.runner import Deps, run_job
from solvent.artifacts import FileArtifacts
from solvent.models.profiles import ModelProfile
from solvent.models.router.breaker import BreakerState
from solvent.models.router.model import RouterModel, open_router
from solvent.problems.problem import Problem, ProblemKind
from solvent.usage import Budget, Usage

JOBS = 200
AT_ONCE = 40
KILL_AFTER = 60


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    log: Path

    def writing(self) -> int:
        """How many answers it has begun to send and not ended."""
        sent = {"token": set[str](), "end": set[str](), "begin": set[str]()}
        for kind, number, *_ in self.lines():
            sent[kind].add(number)
        return len(sent["token"] - sent["end"])

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def servers(tmp_path: Path, repository: Path) -> Iterator[list[Server]]:
    environment = {**os.environ, "PYTHONPATH": str(repository / "tests" / "support")}
    with ExitStack() as stack:
        started = []
        for number in range(3):
            log = tmp_path / f"server-{number}.log"
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, Path(__file__).with_name("router_server.py"), log],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            stack.callback(process.kill)
            started.append((process, log))
        yield [Server(process, (process.stdout or sys.stdin).readline().strip(), log) for process, log in started]


def router_over(servers: list[Server]) -> tuple[ModelProfile, RouterModel]:
    profile = ModelProfile.model_validate(
        {
            "name": "three",
            "backend": "openai",
            "model": "served",
            "context_tokens": 2000,
            "prefix": "vllm",
            "count": "tokenize",
            # So that the accounts hold what was reported, and nothing for what was not.
            "cut_margin_tokens": 0,
            "router": {"first_open_s": 0.2, "seed": 1},
            "endpoints": [{"base_url": server.url, "max_concurrent": 10} for server in servers],
        }
    )
    return profile, open_router(profile)


class Killer:
    """Kills a server once enough jobs have ended and it is in the middle of several answers."""

    def __init__(self, servers: list[Server]) -> None:
        self._servers = servers
        self.finished = 0
        self.killed: Server | None = None

    def __call__(self, event: Event) -> None:
        self.finished += event.type == "job.finished"
        if self.killed is None and self.finished >= KILL_AFTER and event.type == "text":
            busiest = max(self._servers, key=Server.writing)
            if busiest.writing() >= 3:
                self.killed = busiest
                os.kill(busiest.process.pid, signal.SIGKILL)


@pytest.mark.slow
async def test_a_killed_endpoint_fails_no_job_and_no_token_is_counted_twice(
    servers: list[Server], tmp_path: Path
) -> None:
    profile, router = router_over(servers)
    ledger = MemoryLedger()
    await ledger.open("batch", Budget())
    killer = Killer(servers)
    nothing_is_run: Any = None
    deps = Deps(
        model=router,
        profile=profile,
        sandbox=nothing_is_run,
        artifacts=FileArtifacts(tmp_path / "artifacts"),
        ledger=ledger,
        job_files=JobFiles(tmp_path / "checkpoints"),
        batch="batch",
    )
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(number: int) -> JobResult:
        problem = Problem(id=f"p{number}", kind=ProblemKind.MATH, statement="What is 6 times 7?", answer="42")
        spec = JobSpec(id=f"job-{number}", problem=problem, strategy="single", seed=number, grade=False)
        async with slots:
            return await run_job(spec, deps, killer)

    try:
        results = await asyncio.gather(*(run(number) for number in range(JOBS)))
        metrics = router.metrics()
    finally:
        await router.aclose()

    assert [result.status for result in results] == [JobStatus.COMPLETED] * JOBS
    assert {result.answer.text for result in results if result.answer is not None} == {"42"}
    assert {result.outcome for result in results} <= {Outcome.SOLVED, Outcome.UNSOLVED}
    assert killer.killed is not None
    (tmp_path / "accounts.json").write_text(json.dumps(check_accounts(ledger, servers, results), indent=2))
    killed = next(endpoint for endpoint in metrics.endpoints if endpoint.url == killer.killed.url)
    others = [endpoint for endpoint in metrics.endpoints if endpoint is not killed]
    assert killed.state is BreakerState.OPEN
    assert killed.counters.lost > 0, "it was killed while it wrote"
    assert all(endpoint.state is BreakerState.CLOSED for endpoint in others)
    assert all(endpoint.counters.failures == 0 for endpoint in others)
    assert sum(endpoint.counters.completed for endpoint in metrics.endpoints) == JOBS
    assert [(endpoint.running, endpoint.outstanding_tokens) for endpoint in metrics.endpoints] == [(0, 0)] * 3
    assert metrics.waiting == 0


def check_accounts(ledger: MemoryLedger, servers: list[Server], results: list[JobResult]) -> dict[str, int]:
    """Compare what the ledger committed with what the servers wrote into their logs; return the sums."""
    seeds: dict[str, str] = {}
    prompts: dict[str, int] = {}
    sent: Counter[str] = Counter()
    ended: dict[str, int] = {}
    for place, server in enumerate(servers):
        for kind, number, *rest in server.lines():
            request = f"{place}.{number}"
            if kind == "begin":
                seeds[request], prompts[request] = rest[0], int(rest[1])
            elif kind == "token":
                sent[request] += 1
            else:
                ended[request] = int(rest[0])
    by_seed = Counter(seeds[request] for request in ended)
    assert len(by_seed) == JOBS
    assert set(by_seed.values()) == {1}, "no generation was finished twice"

    rows = list(ledger._calls.values())
    assert all(row.used is not None for row in rows)
    cut = [(row, json.loads(row.note)) for row in rows if "cut" in json.loads(row.note)]
    assert all(note["cut"] == "lost" for _, note in cut)
    assert cut, "something was being written when the server died"

    # What the killed server sent of a sample, and the client counted; one token may be sent and not yet written down.
    broken = sorted(count for request, count in sent.items() if request not in ended)
    received = sorted(note["received_tokens"] for _, note in cut)
    assert len(received) >= len(broken)
    assert sum(broken) <= sum(received) <= sum(broken) + len(received)

    total = sum((row.used for row in rows if row.used is not None), Usage())
    prompt = sum(prompts[request] for request in ended) + sum(row.reserved.prompt_tokens for row, _ in cut)
    assert total.completion_tokens == sum(ended.values()) + sum(received)
    assert total.prompt_tokens == prompt
    assert total.model_calls == JOBS + len(cut)
    reported = sum((result.usage for result in results), Usage())
    assert (reported.prompt_tokens, reported.completion_tokens) == (total.prompt_tokens, total.completion_tokens)
    return {
        "finished samples": len(ended),
        "lost samples": len(cut),
        "requests begun": len(seeds),
        "completion tokens in the ledger": total.completion_tokens,
        "completion tokens of finished samples, by the servers": sum(ended.values()),
        "tokens of lost samples, by the client": sum(received),
        "tokens of lost samples, by the killed server": sum(broken),
    }
