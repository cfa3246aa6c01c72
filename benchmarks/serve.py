"""What HTTP costs: tokens per second of the engine alone and behind its server (`python -m solvent.benchmarks.serve`).

The same prompts, seeds and lengths go, all at once, to the engine in this process and, as streams, to a server process
with the same weights and threads. The two take turns, so that what else the machine does meets both; the figures are
medians over the rounds, and the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import threading
import time

from solvent.benchmarks.http_streams import prompt, run_load
from solvent.models.base import Chunk, Message
from solvent.models.profiles import ModelProfile
from solvent.models.registry import load_profile
from solvent.models.starter.engine import Engine, Job
from solvent.models.starter.model import StarterModel
from solvent.models.starter.sampling import Rule
from solvent.models.starter.text import ChatTokenizer

WANTED = 0.7


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
            load = await run_load(url, streams, tokens, seed)
            second, per_event = load.tokens_per_s, load.tokens_per_event
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
