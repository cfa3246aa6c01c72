"""What HTTP costs: tokens per second of the engine alone and behind its server (`python -m solvent.benchmarks.serve`).

The same prompts, seeds and lengths go, all at once, to the engine in this process and, as streams, to a server process
with the same weights and threads. The two take turns, so that what else the machine does meets both; the figures are
medians over the rounds, and the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import threading
import time

from solvent.models.base import Chunk, Message
from solvent.models.profiles import ModelProfile
from solvent.models.registry import load_profile
from solvent.models.starter.engine import Engine, Job
from solvent.models.starter.model import StarterModel
from solvent.models.starter.sampling import Rule
from solvent.models.starter.text import ChatTokenizer

WANTED = 0.7


def prompt(number: int) -> str:
    """Return one of the prompts, all different, so that none profits from another's."""
    return f"Read a list of integers. Multiply each by {number + 2}. Print the sum of those above {3 * number}."


def offline(tokenizer: ChatTokenizer, engine: Engine, streams: int, tokens: int, seed: int) -> float:
    """Return tokens per second of the engine with all requests at once."""
    left = streams
    done = threading.Event()
    failures: list[BaseException] = []

    def deliver(news: list[Chunk] | BaseException) -> None:
        nonlocal left
        if isinstance(news, BaseException):
            failures.append(news)
            done.set()
            return
        left -= sum(chunk.finish_reason is not None for chunk in news)
        if not left:
            done.set()

    started = time.perf_counter()
    for number in range(streams):
        ids = tokenizer.encode_chat([Message(role="user", content=prompt(number + seed))])
        job = Job(ids, 1, Rule(1.0, 1.0), seed + number, (), tokens, None, deliver, ignore_end=True)
        engine.submit(job)
    done.wait()
    if failures:
        raise failures[0]
    return streams * tokens / (time.perf_counter() - started)


async def over_http(url: str, streams: int, tokens: int, seed: int) -> tuple[float, float]:
    """Return tokens per second of the server with all streams at once, and how many tokens an event carried."""
    import httpx2

    async def one(client: httpx2.AsyncClient, number: int) -> tuple[int, int]:
        body = {
            "messages": [{"role": "user", "content": prompt(number + seed)}],
            "max_tokens": tokens,
            "temperature": 1.0,
            "seed": seed + number,
            "ignore_eos": True,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        events, last = 0, ""
        async with client.stream("POST", f"{url}/chat/completions", json=body) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    events += 1
                    last = line
        return int(json.loads(last[6:])["usage"]["completion_tokens"]), events

    limits = httpx2.Limits(max_connections=streams, max_keepalive_connections=streams)
    async with httpx2.AsyncClient(limits=limits, timeout=600) as client:
        started = time.perf_counter()
        counts = await asyncio.gather(*(one(client, number) for number in range(streams)))
        seconds = time.perf_counter() - started
    generated = sum(count for count, _ in counts)
    if generated != streams * tokens:
        raise SystemExit(f"the server generated {generated} tokens, not {streams * tokens}")
    return generated / seconds, generated / sum(events for _, events in counts)


async def measure(profile: ModelProfile, streams: int, tokens: int, rounds: int) -> int:
    """Print the table; return the exit code: 1 where the ratio is below what is wanted."""
    model = StarterModel(profile)
    tokenizer, engine = await model.load()
    command = [sys.executable, "-c", "from solvent.service.cli.main import main; main()"]
    command += ["models", "serve", "starter", "--port", "0", "--threads", str(profile.threads or 1)]
    server = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        url = (await server.stdout.readline()).decode().split()[-1]
        alone: list[float] = []
        served: list[float] = []
        per_event = 0.0
        print(f"{streams} streams of {tokens} tokens, {profile.threads or 1} thread(s); tokens per second")
        for number in range(rounds + 1):
            # The first round warms up both.
            seed = 1000 * number
            first = await asyncio.to_thread(offline, tokenizer, engine, streams, tokens, seed)
            second, per_event = await over_http(url, streams, tokens, seed)
            if number:
                alone.append(first)
                served.append(second)
                print(
                    f"round {number}: engine {first:7.0f}   http {second:7.0f}   ratio {second / first:.2f}", flush=True
                )
    finally:
        server.terminate()
        await server.wait()
        await model.aclose()
    ratio = statistics.median(h / e for e, h in zip(alone, served, strict=True))
    print(
        f"median:  engine {statistics.median(alone):7.0f}   http {statistics.median(served):7.0f}   ratio {ratio:.2f}"
    )
    print(f"tokens per event: {per_event:.1f}; wanted: a ratio of at least {WANTED}")
    return 0 if ratio >= WANTED else 1


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    sys.exit(asyncio.run(measure(load_profile("starter"), options.streams, options.tokens, options.rounds)))


if __name__ == "__main__":
    main()
