"""How much of what a model server can give reaches it through the service: the figures `throughput*`."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from solvent.benchmarks.cluster_figures import (
    TRAJECTORIES_IN_FLIGHT,
    Bench,
    Figure,
    attempts,
    per_step,
    programs,
)
from solvent.benchmarks.cluster_service import LONG, LONG_TOKENS, Client, Cpu, Service
from solvent.benchmarks.processes import Process, family_cpu_s, pin, started
from solvent.errors import DependencyError

OWN = "starter-server"
ATTEMPTS = 16
"""Of each job, all at once."""
_CACHE_GIB = 6
"""Keys and values of all samples that are under way: 172 kB a token, 350 tokens a sample. With less, vLLM throws some
out and computes them again."""


@dataclass(frozen=True)
class Load:
    """What is asked of one model server."""

    name: str
    about: str
    jobs: dict[str, tuple[int, int]]
    """Of a round, by the model's profile: so many where it is quick, and so many else."""
    rounds: int


STARTER = Load("throughput", "bundled model", {OWN: (8, 16), LONG: (4, 8)}, 3)
VLLM = Load("throughput_vllm", "vLLM, 1.4e9 parameters", {OWN: (8, 8), LONG: (4, 4)}, 2)


async def throughput(bench: Bench) -> list[Figure]:
    """Of the bundled model's server."""
    with bench.starter() as starter:
        return await _in_turns(bench, starter.pid, starter.said, STARTER)


async def throughput_vllm(bench: Bench) -> list[Figure]:
    """Of vLLM, with a model as large as small ones are that are used: see `larger_model`."""
    from solvent.benchmarks.larger_model import enlarge
    from solvent.benchmarks.vllm_process import VllmProcess
    from solvent.models.starter.weights import SHIPPED

    weights = bench.folder / "larger"
    weights.mkdir()
    enlarge(SHIPPED, weights)
    log = bench.folder / "vllm.log"
    options: dict[str, Any] = {"weights": weights, "compiled": False, "cache_gib": _CACHE_GIB, "log": log}
    with VllmProcess(1, TRAJECTORIES_IN_FLIGHT, "bfloat16", **options) as server:
        try:
            return await _in_turns(bench, server.pid, server.base_url, VLLM)
        except DependencyError as error:
            error.add_note(f"the end of the server's log:\n{server.tail(40)}")
            raise


def vllm_is_there() -> bool:
    """Whether vLLM was installed for this checkout (scripts/setup_vllm.sh)."""
    from solvent.benchmarks.vllm_process import ENVIRONMENT

    return (ENVIRONMENT / ".solvent-vllm").exists()


async def _in_turns(bench: Bench, model_pid: int, url: str, load: Load) -> list[Figure]:
    """Tokens a second of a model server, asked by the service and by a bare asyncio client, in turns.

    The server has half of the cores for itself, as a GPU would be; everything else has the other half. Each job makes
    its attempts whatever comes of them, so that both ask the same. Once with the model's own replies, once with replies
    of LONG_TOKENS.
    """
    cores = sorted(os.sched_getaffinity(0))
    model_cores, other_cores = cores[: max(1, len(cores) // 2)], cores[len(cores) // 2 :]
    figures: list[Figure] = []
    with bench.service(**dict.fromkeys(load.jobs, url)) as service:
        service_url = service.serve()
        worker = service.work()
        for process in (worker.pid, service.api.pid if service.api else 0, bench.postgres.pid, bench.redis.pid):
            pin(process, other_cores)
        pin(model_pid, model_cores)
        pin(os.getpid(), other_cores)
        try:
            async with Client(service_url) as client:
                first = {"model": OWN, "parameters": attempts(2, 2)}
                await client.ended(await client.submit_batch([programs(0), programs(1)], **first), 2)
                for model in load.jobs:
                    figures += await _turns_of(bench, service, client, (model_pid, url), model, load)
        finally:
            for pid in (os.getpid(), bench.postgres.pid, bench.redis.pid):
                pin(pid, cores)
    return figures


async def _turns_of(
    bench: Bench, service: Service, client: Client, server: tuple[int, str], model: str, load: Load
) -> list[Figure]:
    pid, url = server
    is_long = model == LONG
    rounds, jobs = (1, load.jobs[model][0]) if bench.quick else (load.rounds, load.jobs[model][1])
    bare: list[float] = []
    through: list[float] = []
    replies: list[float] = []
    lengths: list[float] = []
    costs: list[float] = []
    busy: dict[str, list[float]] = {"bare": [], "service": []}
    measured: list[tuple[Cpu, int]] = []
    for number in range(rounds):
        rows = [programs(2 + number * jobs + place) for place in range(jobs)]
        began, used = time.perf_counter(), family_cpu_s(pid)
        first = await _bare_tokens_per_s(url, rows, is_long=is_long, salted=load is VLLM)
        busy["bare"].append((family_cpu_s(pid) - used) / (time.perf_counter() - began))
        # Told at once: a turn takes minutes on a slow machine.
        print(f"{load.name}, {model}: {first[0]:.1f} tokens/s by the bare client", file=sys.stderr, flush=True)
        steps, before = service.steps(), service.cpu()
        began, used = time.perf_counter(), family_cpu_s(pid)
        options = {"model": model, "parameters": attempts(ATTEMPTS, ATTEMPTS), "grade": False}
        ended = await client.ended(await client.submit_batch(rows, **options), jobs)
        seconds = time.perf_counter() - began
        busy["service"].append((family_cpu_s(pid) - used) / seconds)
        used_by = service.cpu().since(before)
        measured.append((used_by, service.steps() - steps))
        tokens = sum(row["usage"]["completion_tokens"] for row in ended)
        prompts = sum(row["usage"]["prompt_tokens"] for row in ended)
        if prompts != first[1]:
            raise AssertionError(f"{prompts} prompt tokens through the service, {first[1]} without")
        bare.append(first[0])
        through.append(tokens / seconds)
        replies.append(jobs * ATTEMPTS / seconds)
        lengths.append(tokens / jobs / ATTEMPTS)
        costs.append(used_by.all_s * 1000 / tokens)
    ratios = [got / given for got, given in zip(through, bare, strict=True)]
    kind = f"replies of {LONG_TOKENS} tokens" if is_long else "the model's own replies"
    notes = {
        "bare tokens/s": statistics.median(bare),
        "service tokens/s": statistics.median(through),
        "service replies/s": statistics.median(replies),
        "tokens a reply": statistics.median(lengths),
        **{f"cores that the model server used, {who}": statistics.median(found) for who, found in busy.items()},
        "ms of the service's CPU a token": statistics.median(costs),
    }
    what = f"tokens/s through the service to those of a bare asyncio client, {load.about}, {kind}"
    name = f"{load.name}_long" if is_long else load.name
    figures = [Figure(name, what, "x", ratios, 0.95, at_least=True, notes=notes)]
    if load is STARTER and not is_long:
        about = f"starter server, {ATTEMPTS} attempts a job, each judged in the sandbox"
        figures.append(per_step("cpu_per_step_starter", about, measured))
    return figures


async def _bare_tokens_per_s(url: str, rows: list[dict[str, Any]], *, is_long: bool, salted: bool) -> tuple[float, int]:
    """Send what the service will send, as many at once; returns completion tokens a second, and all prompt tokens."""
    more: dict[str, Any] = {"ignore_eos": True} if is_long else {}
    if salted:
        # vLLM shares the keys of equal prompts of one salt; without it, the service's turn would find those of this.
        more["cache_salt"] = uuid4().hex
    bodies = [{**body, **more} for row in rows for body in _bodies(row, LONG_TOKENS if is_long else None)]
    slots = asyncio.Semaphore(TRAJECTORIES_IN_FLIGHT)
    limits = httpx2.Limits(max_connections=TRAJECTORIES_IN_FLIGHT, max_keepalive_connections=TRAJECTORIES_IN_FLIGHT)
    usages: list[dict[str, int]] = []
    async with httpx2.AsyncClient(timeout=600, limits=limits) as client:

        async def one(body: dict[str, Any]) -> None:
            async with slots, client.stream("POST", f"{url}/chat/completions", json=body) as answer:
                answer.raise_for_status()
                last = ""
                async for line in answer.aiter_lines():
                    if line.startswith("data: {"):
                        last = line
                usages.append(_usage(last))

        began = time.perf_counter()
        await asyncio.gather(*map(one, bodies))
        seconds = time.perf_counter() - began
    return sum(one["completion_tokens"] for one in usages) / seconds, sum(one["prompt_tokens"] for one in usages)


def _usage(line: str) -> dict[str, int]:
    """Return what the last piece of a stream says was used; raises `DependencyError` where it says another thing."""
    usage: dict[str, int] | None = json.loads(line[6:] or "{}").get("usage")
    if usage is None:
        raise DependencyError(f"a stream of the model's server ended without its usage: {line[:500]}")
    return usage


def _bodies(row: dict[str, Any], tokens: int | None) -> Iterator[dict[str, Any]]:
    """Return the bodies of a job's first replies, as a worker makes them."""
    from solvent.agents.prompts import Prompts
    from solvent.agents.trajectory_state import derived_seed
    from solvent.models.base import ChatRequest, Sampling
    from solvent.models.openai_request import body_of
    from solvent.models.registry import load_profile
    from solvent.problems.problem import Problem
    from solvent.problems.readers import read_rows
    from solvent.problems.view import public_view
    from solvent.settings import Settings

    profile = load_profile("starter-server", Settings())
    problem = next(read_rows([row], "benchmark"))
    assert isinstance(problem, Problem)
    messages = Prompts(None).render(
        profile.prompts, "solve", public_view(problem), language="python", wants="program", program="", failure=None
    )
    for number in range(ATTEMPTS):
        sampling = Sampling(max_tokens=tokens or profile.reply_tokens, seed=derived_seed(0, f"t{number}", 0))
        request = ChatRequest(messages=messages, sampling=profile.resolve(sampling))
        yield body_of(profile, request, 0, "starter", ())


FIGURES: dict[str, Callable[[Bench], Any]] = {"throughput": throughput, "throughput-vllm": throughput_vllm}


@contextmanager
def starter_server(folder: Path, command: Sequence[str]) -> Iterator[Process]:
    """Run the bundled model's server."""
    with started(command, r"serving starter at (http://\S+/v1)", os.environ, folder / "starter.log") as process:
        yield process
