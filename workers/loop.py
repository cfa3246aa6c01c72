"""The one event loop of a worker process, in a thread of its own."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from solvent.errors import InternalError

T = TypeVar("T")
THREADS = 16
"""For what blocks: files, publishing messages."""


GARBAGE = (20_000, 20, 20)
"""Thresholds of the garbage collector: a step makes thousands of objects, nearly none of which is in a cycle."""


def spare_collector() -> None:
    """Have the garbage collector leave alone what is there by now: modules, graphs, connections.

    It would go through half a million objects again and again, which took a fifth of a busy worker's processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop, which takes a tenth less of a worker's processor time than asyncio's own."""
    import uvloop

    return uvloop.new_event_loop()


class LoopThread:
    """An event loop that other threads hand coroutines to."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, name="event loop", daemon=True)

    def start(self) -> None:
        """Start the thread; returns once the loop runs."""
        self._thread.start()
        self._started.wait()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine; its result, or its exception, is the future's."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for its result; called from any thread but the loop's own."""
        return self.submit(work).result()

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Have the loop call a function soon; safe in a signal handler."""
        self._running().call_soon_threadsafe(function, *arguments)

    def stop(self) -> None:
        """Cancel what still runs and end the thread; safe to call twice."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            raise InternalError("the worker's event loop does not run")
        return self._loop

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            self._loop = runner.get_loop()
            self._loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="blocking"))
            self._loop.call_soon(self._started.set)
            # Runner.close, at the end of the block, cancels and awaits what is left.
            self._loop.run_forever()
