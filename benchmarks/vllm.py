"""vLLM beside the bundled model's server, with the same weights and requests (`python -m solvent.benchmarks.vllm`).

Two tables. Throughput: so many streams at once, each of so many tokens, the two servers in turns. Cancelling: of 32
streams the client closes all but one; the last one must speed up, and nothing may go on generating for the others.
Needs a vLLM that serves models/starter/weights: `make test-vllm` starts one and ends with these tables.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import httpx2

from solvent.benchmarks.http_streams import (
    Load,
    Stream,
    client_for,
    read_metrics,
    read_stream,
    run_load,
    running,
)
from solvent.benchmarks.machine import busy_s

CANCEL_STREAMS = 32
CANCEL_TOKENS = 400
LONGEST_S = 600.0
BEFORE, AFTER, ON_THE_WAY = (20, 100), 120, 20
"""Tokens of the last stream between which its speed with the others is taken, how many it has when they close, and how
many after that may have been made beside them still."""


@dataclass(frozen=True)
class Server:
    """One that is measured."""

    name: str
    url: str
    model: str


@dataclass(frozen=True)
class Throughput:
    """Figures of one server and number of streams: medians over the rounds."""

    server: str
    streams: int
    tokens_per_s: float
    first_token_ms: float
    tokens_per_event: float
    busy_cores: float
    """How many cores of the machine were busy meanwhile, with whatever."""


@dataclass(frozen=True)
class Cancelling:
    """What closing all streams but one did."""

    server: str
    with_others: float
    """Tokens per second of the last stream while the others ran."""
    alone: float
    """The same once the others were closed."""
    settled_ms: float
    """From closing them until the server's metrics say that one sample is left."""
    wasted_tokens: float
    """Generated for the closed streams and never received: what was on its way, and what came after."""
    late_tokens: float
    """Generated for anybody but the last stream after the metrics said that only it is left."""


async def cancelling(server: Server, streams: int, seed: int) -> Cancelling:
    """Start the streams, close all but the first in mid-generation, and look at what the server does then."""
    begun: dict[int, Stream] = {}
    enough = asyncio.Event()

    def watch(number: int, stream: Stream) -> None:
        begun[number] = stream
        if number == 0 and stream.tokens >= AFTER:
            enough.set()

    async with client_for(streams) as client, asyncio.timeout(LONGEST_S):
        before = await read_metrics(client, server.url)
        tasks = [
            asyncio.create_task(
                read_stream(
                    client, server.url, number, CANCEL_TOKENS, seed, model=server.model, watch=partial(watch, number)
                )
            )
            for number in range(streams)
        ]
        try:
            await enough.wait()
            for task in tasks[1:]:
                task.cancel()
            closed, at_closed = time.perf_counter(), begun[0].tokens
            await asyncio.gather(*tasks[1:], return_exceptions=True)
            left = await _settle(client, server.url, 1)
            settled = time.perf_counter()
            received = sum(begun[number].tokens for number in range(1, streams))
            at_settled = begun[0].tokens
            last = await tasks[0]
            after = await _settle(client, server.url, 0)
        finally:
            for task in tasks:
                task.cancel()
    total = after[_GENERATED] - before[_GENERATED]
    return Cancelling(
        server=server.name,
        with_others=_speed(last, BEFORE[0], BEFORE[1]),
        alone=_speed(last, at_closed + ON_THE_WAY, CANCEL_TOKENS),
        settled_ms=1000 * (settled - closed),
        wasted_tokens=total - CANCEL_TOKENS - received,
        late_tokens=after[_GENERATED] - left[_GENERATED] - (CANCEL_TOKENS - at_settled),
    )


_GENERATED = "vllm:generation_tokens_total"


async def _settle(client: httpx2.AsyncClient, url: str, most: int) -> dict[str, float]:
    """Return the metrics once at most so many samples run; servers tell only when asked."""
    end = time.perf_counter() + 60
    while True:
        metrics = await read_metrics(client, url)
        if running(metrics) <= most:
            return metrics
        if time.perf_counter() > end:
            raise SystemExit(f"{url}: {running(metrics):.0f} samples still run a minute after they were closed")
        await asyncio.sleep(0.01)


def _speed(stream: Stream, first: int, last: int) -> float:
    """Return the tokens per second between the events with at least `first` and at least `last` tokens."""
    begin = next(event for event in stream.events if event[1] >= first)
    end = next(event for event in stream.events if event[1] >= last)
    return (end[1] - begin[1]) / (end[0] - begin[0])


async def measure(
    servers: list[Server], counts: list[int], tokens: int, rounds: int
) -> tuple[list[Throughput], list[Cancelling]]:
    """Measure the servers in turn, so that what else the machine does meets both, and print the tables."""
    rows: list[Throughput] = []
    for server in servers:
        await run_load(server.url, max(counts), 20, 0, model=server.model)
    for streams in counts:
        loads: dict[str, list[Load]] = {server.name: [] for server in servers}
        cores: dict[str, list[float]] = {server.name: [] for server in servers}
        for number in range(rounds):
            for server in servers:
                busy, started = busy_s(), time.perf_counter()
                seed = 1000 * (number + 1) + 50 * streams
                loads[server.name].append(await run_load(server.url, streams, tokens, seed, model=server.model))
                cores[server.name].append((busy_s() - busy) / (time.perf_counter() - started))
        rows += [_summary(server.name, streams, loads[server.name], cores[server.name]) for server in servers]
    print(f"\nThroughput: streams of {tokens} tokens, medians of {rounds} rounds in turns\n")
    print("| streams | server | tokens/s | first token | tokens an event | busy cores |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.streams} | {row.server} | {row.tokens_per_s:.0f} | {row.first_token_ms:.0f} ms "
            f"| {row.tokens_per_event:.1f} | {row.busy_cores:.1f} |"
        )
    cuts = [await cancelling(server, CANCEL_STREAMS, 90_000) for server in servers]
    print(f"\nCancelling {CANCEL_STREAMS - 1} of {CANCEL_STREAMS} streams\n")
    print(
        "| server | the last, with the others | the last, alone | gain "
        "| settled after | tokens nobody received | generated later |"
    )
    print("|---|---|---|---|---|---|---|")
    for cut in cuts:
        print(
            f"| {cut.server} | {cut.with_others:.0f} tokens/s | {cut.alone:.0f} tokens/s "
            f"| {cut.alone / cut.with_others:.1f} x | {cut.settled_ms:.0f} ms | {cut.wasted_tokens:.0f} "
            f"| {cut.late_tokens:.0f} |",
            flush=True,
        )
    return rows, cuts


def _summary(name: str, streams: int, loads: list[Load], cores: list[float]) -> Throughput:
    firsts = [stream.first_token_s for load in loads for stream in load.streams]
    return Throughput(
        server=name,
        streams=streams,
        tokens_per_s=statistics.median(load.tokens_per_s for load in loads),
        first_token_ms=1000 * statistics.median(firsts),
        tokens_per_event=statistics.median(load.tokens_per_event for load in loads),
        busy_cores=statistics.median(cores),
    )


async def compare(url: str, model: str, options: argparse.Namespace) -> int:
    """Start the bundled model's server, measure it beside the vLLM at `url`, and stop it; return the exit code."""
    command = [sys.executable, "-c", "from solvent.service.cli.main import main; main()"]
    command += ["models", "serve", "starter", "--port", "0", "--threads", str(options.starter_threads)]
    starter = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert starter.stdout is not None
        own = (await starter.stdout.readline()).decode().split()[-1]
        servers = [
            Server(f"starter server, threads: {options.starter_threads}", own, "starter"),
            Server(options.label, url, model),
        ]
        rows, cuts = await measure(servers, options.streams, options.tokens, options.rounds)
    finally:
        starter.terminate()
        await starter.wait()
    if options.json:
        body = {"throughput": [asdict(row) for row in rows], "cancelling": [asdict(cut) for cut in cuts]}
        text = json.dumps(body, indent=2) + "\n"
        await asyncio.to_thread(Path(options.json).write_text, text, encoding="utf-8")
    # The counts of the server and of its client are read one after the other; a step makes at most a token a stream.
    bad = [cut.server for cut in cuts if cut.alone <= cut.with_others or cut.late_tokens > CANCEL_STREAMS]
    if bad:
        print(f"cancelling freed nothing: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


def parser() -> argparse.ArgumentParser:
    """Return the options, which `make test-vllm` shares."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--streams", type=int, nargs="+", default=[16, 32], help="how many at once, one table row each")
    made.add_argument("--tokens", type=int, default=160, help="of each stream")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--starter-threads", type=int, default=1, help="threads of the bundled model's engine")
    made.add_argument("--json", help="file for the figures")
    made.add_argument("--label", default="vLLM", help="what the tables call it")
    return made


def main() -> None:
    """Read the options and measure."""
    options = parser()
    options.add_argument(
        "--url", required=True, help="a vLLM with the starter's weights, such as http://localhost:8000/v1"
    )
    options.add_argument("--model", default="starter", help="what that vLLM calls them")
    chosen = options.parse_args()
    sys.exit(asyncio.run(compare(chosen.url, chosen.model, chosen)))


if __name__ == "__main__":
    main()
