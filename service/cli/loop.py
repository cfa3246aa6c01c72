"""Runs a command's coroutine; the first Ctrl-C (or SIGTERM) asks it to stop, the second one ends it at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import TypeVar

from solvent.agents.job import JobResult, JobStatus, Outcome

INTERRUPTED = 130

Value = TypeVar("Value")

_EXIT_OF_OUTCOME = {Outcome.SOLVED: 0, Outcome.UNSOLVED: 1, Outcome.EXHAUSTED: 4}
_EXIT_OF_ERROR_KIND = {"config": 2, "data": 5, "dependency": 3, "provider": 3, "sandbox": 3, "store": 3}


def run(main: Callable[[asyncio.Event], Coroutine[None, None, Value]]) -> Value:
    """Run `main(stop)` and return its value; `stop` is set by the first signal."""

    async def with_signals() -> Value:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask_to_stop() -> None:
            stop.set()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ask_to_stop)
        return await main(stop)

    return asyncio.run(with_signals())


async def unless_stopped(work: Coroutine[None, None, Value], stop: asyncio.Event) -> Value:
    """Return what the work returns; once `stop` is set, cancel it and wait for its end.

    Raises:
        KeyboardInterrupt: it was stopped.
    """
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        raise KeyboardInterrupt
    return await task


def exit_code(result: JobResult) -> int:
    """Return the exit code that the help text promises for a job's end."""
    if result.status is JobStatus.CANCELLED:
        return INTERRUPTED
    if result.outcome is not None:
        return _EXIT_OF_OUTCOME[result.outcome]
    return _EXIT_OF_ERROR_KIND.get((result.error or {}).get("kind") or "", 70)
