"""Streams of an OpenAI-compatible server, read as a client reads them, for the benchmarks of servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2


@dataclass
class Stream:
    """What came of one request: tokens until each event by the server's own count, and when they came."""

    sent_s: float
    events: list[tuple[float, int]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Tokens that have come."""
        return self.events[-1][1] if self.events else 0

    @property
    def first_token_s(self) -> float:
        """From sending the request to its first token."""
        return next(at for at, tokens in self.events if tokens) - self.sent_s


@dataclass(frozen=True)
class Load:
    """All streams of one measurement, and how long they took together."""

    streams: list[Stream]
    seconds: float

    @property
    def tokens_per_s(self) -> float:
        """Tokens of all streams by the time from the first request to the last token."""
        return sum(stream.tokens for stream in self.streams) / self.seconds

    @property
    def tokens_per_event(self) -> float:
        """How many tokens an event of a stream carries."""
        events = sum(len({tokens for _, tokens in stream.events if tokens}) for stream in self.streams)
        return sum(stream.tokens for stream in self.streams) / events


def prompt(number: int) -> str:
    """Return one of the prompts, all different, so that none profits from another's."""
    return f"Read a list of integers. Multiply each by {number + 2}. Print the sum of those above {3 * number}."


def client_for(streams: int) -> httpx2.AsyncClient:
    """Return a client with a connection for each stream."""
    limits = httpx2.Limits(max_connections=streams + 4, max_keepalive_connections=streams + 4)
    return httpx2.AsyncClient(limits=limits, timeout=600)


async def read_stream(
    client: httpx2.AsyncClient,
    url: str,
    number: int,
    tokens: int,
    seed: int,
    *,
    model: str | None = None,
    watch: Callable[[Stream], None] | None = None,
) -> Stream:
    """Ask for exactly `tokens` tokens and read them as they come.

    Args:
        client: shared by all streams.
        url: the server, with /v1.
        number: of the prompt; the sample's seed is `seed` + `number`.
        tokens: the end of the turn is ignored until then.
        seed: of the measurement.
        model: id of the model; None for a server that needs none.
        watch: called with the stream when it is sent and after each of its events.
    """
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": prompt(number + seed)}],
        "max_tokens": tokens,
        "temperature": 1.0,
        "seed": seed + number,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True, "continuous_usage_stats": True},
    }
    if model is not None:
        body["model"] = model
    stream = Stream(time.perf_counter())
    if watch is not None:
        watch(stream)
    async with client.stream("POST", f"{url}/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                usage = json.loads(line[6:]).get("usage")
                if usage:
                    stream.events.append((time.perf_counter(), int(usage["completion_tokens"])))
                    if watch is not None:
                        watch(stream)
    if stream.tokens != tokens:
        raise SystemExit(f"{url}: a stream ended after {stream.tokens} tokens, not {tokens}")
    return stream


async def run_load(url: str, streams: int, tokens: int, seed: int, *, model: str | None = None) -> Load:
    """Read so many streams at once, each of `tokens` tokens."""
    async with client_for(streams) as client:
        started = time.perf_counter()
        read = await asyncio.gather(
            *(read_stream(client, url, number, tokens, seed, model=model) for number in range(streams))
        )
        return Load(list(read), time.perf_counter() - started)


async def read_metrics(client: httpx2.AsyncClient, url: str) -> dict[str, float]:
    """Return the server's Prometheus metrics by name, summed over labels."""
    answer = await client.get(url.removesuffix("/v1") + "/metrics")
    answer.raise_for_status()
    values: dict[str, float] = {}
    for line in answer.text.splitlines():
        if line and not line.startswith("#"):
            name = line.partition("{")[0].partition(" ")[0]
            values[name] = values.get(name, 0.0) + float(line.rsplit(" ", 1)[1])
    return values


def running(metrics: dict[str, float]) -> float:
    """Return how many samples the server generates or has waiting."""
    return metrics.get("vllm:num_requests_running", 0.0) + metrics.get("vllm:num_requests_waiting", 0.0)
