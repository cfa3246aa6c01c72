"""The starter model in several processes, each with an engine and one thread of its own: whole replies, no streams."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from solvent.errors import PromptTooLong, ProviderUnavailable
from solvent.models.base import ChatRequest, Completion, generate

SLOTS = 96
"""Samples that one process decodes together: tokens per second of one core 1,270 with 64, 1,480 with 96 and more."""
_AHEAD = 2 * SLOTS
"""Samples that a process holds at most before it gets a further request: it shall never wait for work."""
_REPORT_EVERY_S = 15.0


class Sampler(Protocol):
    """Answers requests as a whole, any number of them at once."""

    async def sample(self, request: ChatRequest) -> list[Completion]:
        """The samples of a request, by index.

        Raises:
            PromptTooLong: the prompt leaves no room for a token.
            ProviderError: the model failed.
        """
        ...


class _Failed(NamedTuple):
    """Why a request has no samples; exceptions of ours do not survive the way between processes."""

    reason: Literal["too long", "other"]
    message: str


_Reply = list[Completion] | _Failed


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    listener: threading.Thread | None = None
    pending: dict[int, tuple[ChatRequest, asyncio.Future[list[Completion]]]] = field(default_factory=dict)

    @property
    def load(self) -> int:
        return sum(request.n for request, _ in self.pending.values())


@dataclass
class Progress:
    """What was asked and done since the last `begin`; it says so now and then, with the time that is left."""

    report: Callable[[str], None]
    label: str = ""
    asked: int = 0
    done: int = 0
    tokens: int = 0
    started: float = 0.0
    last: float = 0.0

    def begin(self, label: str) -> None:
        """A new part of the work."""
        self.label, self.asked, self.done, self.tokens = label, 0, 0, 0
        self.started = self.last = time.monotonic()

    def add(self, samples: int, tokens: int) -> None:
        """Samples that are done."""
        self.done += samples
        self.tokens += tokens
        now = time.monotonic()
        if now - self.last >= _REPORT_EVERY_S:
            self.last = now
            self.report(self.line(now - self.started))

    def line(self, seconds: float) -> str:
        """Where it stands after so many seconds."""
        left = seconds * (self.asked - self.done) / max(1, self.done)
        return (
            f"{self.label}: {self.done} of {self.asked} samples, {self.tokens} tokens in {seconds:.0f} s "
            f"({self.tokens / max(seconds, 0.001):.0f} tokens/s), about {left:.0f} s left"
        )


class SamplerPool:
    """A `Sampler` over `processes` processes; an async context manager.

    Requests with a seed repeat whatever the number of processes, to the rounding of floating-point sums.

    Args:
        weights: The directory of the weights; their whole context is used.
        processes: How many; one for each core is best.
        report: Gets lines of progress.
    """

    def __init__(self, weights: Path, processes: int, report: Callable[[str], None] = lambda _: None) -> None:
        self._weights, self._count = weights, processes
        self.progress = Progress(report)
        self._workers: list[_Worker] = []
        self._waiting: deque[tuple[int, ChatRequest, asyncio.Future[list[Completion]]]] = deque()
        self._number = 0

    async def __aenter__(self) -> SamplerPool:
        context, loop = multiprocessing.get_context("spawn"), asyncio.get_running_loop()
        for number in range(self._count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(self._weights, theirs), name=f"solvent-sampler-{number}", daemon=True
            )
            process.start()
            theirs.close()
            worker = _Worker(process, ours)
            worker.listener = threading.Thread(target=self._listen, args=(worker, loop), daemon=True)
            worker.listener.start()
            self._workers.append(worker)
        self.progress.begin("start")
        return self

    async def __aexit__(self, *_: object) -> None:
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            await asyncio.to_thread(worker.process.join)
            if worker.listener is not None:
                await asyncio.to_thread(worker.listener.join)
            worker.pipe.close()

    async def sample(self, request: ChatRequest) -> list[Completion]:
        """See `Sampler`; requests wait for the process that has least to do.

        Raises:
            PromptTooLong: the prompt leaves no room for a token.
            ProviderUnavailable: the model failed, or a process ended.
        """
        future: asyncio.Future[list[Completion]] = asyncio.get_running_loop().create_future()
        self._number += 1
        self.progress.asked += request.n
        self._waiting.append((self._number, request, future))
        self._hand_out()
        return await future

    def _hand_out(self) -> None:
        while self._waiting:
            free = min(self._workers, key=lambda worker: worker.load, default=None)
            if free is not None and free.load >= _AHEAD:
                return
            number, request, future = self._waiting.popleft()
            if free is None:
                future.set_exception(ProviderUnavailable("no process of the starter model is left"))
                continue
            free.pending[number] = (request, future)
            with suppress(OSError):  # its listener sees the end of the process too, and tells those who wait
                free.pipe.send((number, request))

    def _listen(self, worker: _Worker, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            while True:
                try:
                    number, reply = worker.pipe.recv()
                except (EOFError, OSError):
                    loop.call_soon_threadsafe(self._lose, worker)
                    return
                loop.call_soon_threadsafe(self._take, worker, number, reply)

    def _take(self, worker: _Worker, number: int, reply: _Reply) -> None:
        request, future = worker.pending.pop(number)
        tokens = 0 if isinstance(reply, _Failed) else sum(one.usage.completion_tokens for one in reply)
        self.progress.add(request.n, tokens)
        self._hand_out()
        if future.done():
            return
        if not isinstance(reply, _Failed):
            future.set_result(reply)
        elif reply.reason == "too long":
            future.set_exception(PromptTooLong(reply.message))
        else:
            future.set_exception(ProviderUnavailable(reply.message))

    def _lose(self, worker: _Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
        for _, future in worker.pending.values():
            if not future.done():
                future.set_exception(ProviderUnavailable(f"{worker.process.name} ended, with work left to do"))
        worker.pending.clear()
        self._hand_out()


def _work(weights: Path, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the first process ends the others
    asyncio.run(_serve(weights, pipe))


async def _serve(weights: Path, pipe: Connection) -> None:
    """Answer what comes through the pipe until its other end is closed."""
    from solvent.models.starter.model import StarterModel
    from solvent.training.starter_profile import starter_profile

    model = StarterModel(starter_profile(weights, SLOTS))

    async def answer(number: int, request: ChatRequest) -> None:
        reply: _Reply
        try:
            reply = await generate(model, request)
        except PromptTooLong as error:
            reply = _Failed("too long", str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is must reach those who wait in the other process
            reply = _Failed("other", f"{type(error).__name__}: {error}")
        pipe.send((number, reply))

    async with asyncio.TaskGroup() as tasks:
        while True:
            try:
                number, request = await asyncio.to_thread(pipe.recv)
            except (EOFError, OSError):
                return
            tasks.create_task(answer(number, request))
