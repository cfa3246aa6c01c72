"""One admitted request: its samples in the engine, and what comes of them on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from solvent.models.base import Chunk
from solvent.models.serving.errors import ApiError
from solvent.models.serving.metrics import Metrics
from solvent.models.starter.decoder import Scores
from solvent.models.starter.engine import Engine, Job

Deliver = Callable[[list[Chunk] | BaseException], None]
MakeJob = Callable[[Deliver], Job]

_MOST_STEPS = 8


def steps_per_event(running: int) -> int:
    """How many tokens of a sample one event carries while so many are being decoded.

    Up to 7 streams get every token as it comes. Beyond, the event loop would take the interpreter from the engine
    for as long as the decoding itself.
    """
    return max(1, min(_MOST_STEPS, running // 4))


class Desk:
    """Admits requests as long as there is room for their samples.

    Args:
        engine: who generates.
        slots: samples that it decodes at once.
        most_waiting: samples that may wait beside those.
        metrics: what is counted.
    """

    def __init__(self, engine: Engine, slots: int, most_waiting: int, metrics: Metrics) -> None:
        self.engine = engine
        self.metrics = metrics
        self._room = slots + most_waiting
        self._outstanding = 0

    def admit(self, jobs: Sequence[MakeJob], samples: int) -> Generation:
        """Return the request's generation, which holds its place until it is closed.

        Raises:
            ApiError: 429 where the queue is full, 400 where the request can never fit.
        """
        if samples > self._room:
            raise ApiError(400, f"n: this server takes at most {self._room} samples at once", param="n")
        if self._outstanding + samples > self._room:
            self.metrics.refused += 1
            raise ApiError(
                429,
                f"{self._outstanding} samples are being generated or wait, and at most {self._room} may; try later",
                code="queue_full",
                headers={"Retry-After": "1"},
            )
        self._outstanding += samples
        return Generation(self, jobs, samples)

    def leave(self, samples: int) -> None:
        """Free the places of as many samples."""
        self._outstanding -= samples


class Generation:
    """The samples of one request, counted through over its prompts."""

    def __init__(self, desk: Desk, jobs: Sequence[MakeJob], samples: int) -> None:
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._news: deque[tuple[int, Chunk]] = deque()
        self._failure: BaseException | None = None
        self._awake = asyncio.Event()
        self._told_at = -1
        self._closed = False
        self._started_at = time.perf_counter()
        self.samples = samples
        self._unfinished = samples
        self._jobs: list[Job] = []
        for make in jobs:
            first = sum(job.n for job in self._jobs)
            self._jobs.append(make(partial(self._deliver, first)))

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts, each once."""
        return sum(len(job.prompt_ids) for job in self._jobs)

    @property
    def scores(self) -> list[tuple[list[int], Scores]]:
        """The tokens of each prompt whose scores were asked for, and these; complete once the samples have ended."""
        return [(job.prompt_ids, job.scores) for job in self._jobs if job.scored and job.scores is not None]

    async def pieces(self) -> AsyncGenerator[list[Chunk], None]:
        """Generate; yield what came since the last time, at most one chunk for each sample.

        Raises:
            ProviderError: the engine was closed or failed.
        """
        metrics = self._desk.metrics
        for job in self._jobs:
            self._desk.engine.submit(job)
        first = True
        while self._unfinished:
            await self._awake.wait()
            self._awake.clear()
            merged = self._take()
            if merged:
                if first:
                    metrics.first_token_s.observe(time.perf_counter() - self._started_at)
                    first = False
                for chunk in merged:
                    if chunk.finish_reason is not None:
                        self._unfinished -= 1
                        metrics.ended[chunk.finish_reason] += 1
                yield merged
            if self._failure is not None:
                raise self._failure
        metrics.whole_s.observe(time.perf_counter() - self._started_at)

    def close(self) -> None:
        """Stop what is still being generated and free the request's places; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for job in self._jobs:
            self._desk.engine.cancel(job)
        self._desk.metrics.ended["abort"] += self._unfinished
        self._desk.leave(self.samples)

    def _deliver(self, first: int, news: list[Chunk] | BaseException) -> None:
        """Take the chunks of one step, on the engine's thread; wake the event loop for a few of them at once."""
        if isinstance(news, BaseException):
            self._failure = news
            due = True
        else:
            self._news.extend((first + chunk.index, chunk) for chunk in news)
            engine = self._desk.engine
            step, interval = engine.counts.steps, steps_per_event(engine.running)
            # All streams tell in the same step, so that the event loop wakes once for all of them.
            due = self._told_at < 0 or step % interval == 0 or step - self._told_at >= interval
            due = due or any(chunk.finish_reason is not None for chunk in news)
            if due:
                self._told_at = step
        if due:
            # A loop that was closed under its stream raises RuntimeError; nobody waits for the news then.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._awake.set)

    def _take(self) -> list[Chunk]:
        taken: dict[int, list[Chunk]] = {}
        while self._news:
            index, chunk = self._news.popleft()
            taken.setdefault(index, []).append(chunk)
        return [_merge(index, chunks) for index, chunks in taken.items()]


def _merge(index: int, chunks: list[Chunk]) -> Chunk:
    last = chunks[-1]
    if len(chunks) == 1 and last.index == index:
        return last
    return Chunk(
        index=index,
        text="".join(chunk.text for chunk in chunks),
        logprobs=tuple(token for chunk in chunks for token in chunk.logprobs),
        finish_reason=last.finish_reason,
        usage=last.usage,
        tokens=last.tokens,
        stop_text=last.stop_text,
    )
