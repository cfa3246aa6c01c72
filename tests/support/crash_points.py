"""A program: `solvent worker` that kills itself (SIGKILL) at a named point of its work, once or again and again.

    python crash_points.py SETS [options of `solvent worker`]

SETS is JSON, a list of lists of [POINT, NUMBER, JOB]. For each list in turn a worker runs that dies at the NUMBERth
time that it comes to POINT in work on a job whose id has JOB in it ("" for any); the program says so and starts the
next, forked from what it has imported already. A point is `before:X` or `after:X` for a write X (see WRITES), or
`in:X` for an event: a phase of a trajectory, a piece of a model's text, a verdict.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

WRITES = {
    "claim": "solvent.workers.sql.store:SqlServiceStore.claim",
    "beat": "solvent.workers.sql.store:SqlServiceStore.beat",
    "start_trajectories": "solvent.workers.sql.store:SqlServiceStore.start_trajectories",
    "end_trajectory": "solvent.workers.sql.store:SqlServiceStore.end_trajectory",
    "tell": "solvent.workers.sql.store:SqlServiceStore.tell",
    "rest": "solvent.workers.sql.store:SqlServiceStore.rest",
    "finish": "solvent.workers.sql.store:SqlServiceStore.finish",
    "reap": "solvent.workers.sql.store:SqlServiceStore.due",
    "add_events": "solvent.workers.sql.store:SqlServiceStore.add_events",
    "open_scope": "solvent.workers.sql.journal:SqlLedgerJournal.open",
    "reserve": "solvent.workers.sql.journal:SqlLedgerJournal.asked",
    "commit": "solvent.workers.sql.journal:SqlLedgerJournal.committed",
    "finish_scope": "solvent.workers.sql.journal:SqlLedgerJournal.finish",
    "account": "solvent.workers.redis_script:LedgerScript.__call__",
    "checkpoint": "solvent.workers.postgres_saver:RunSaver.aput",
    "checkpoint_writes": "solvent.workers.postgres_saver:RunSaver.aput_writes",
    "forget_checkpoints": "solvent.workers.checkpoints:PostgresCheckpoints.forget",
    "delete_checkpoints": "solvent.workers.checkpoints:PostgresCheckpoints.delete",
    "send_jobs": "solvent.workers.celery_app:CeleryMessages.send_jobs",
    "send_trajectories": "solvent.workers.celery_app:CeleryMessages.send_trajectories",
    "artifact": "solvent.artifacts:FileArtifacts.put",
}
MEMORY_WRITES = {
    "claim_distillation": "solvent.workers.sql.distillations:SqlDistillations.claim",
    "end_distillation": "solvent.workers.sql.distillations:SqlDistillations.end",
    "send_distillations": "solvent.workers.celery_app:CeleryMessages.send_distillations",
    "concepts": "solvent.workers.sql.concepts:SqlConceptTexts.write",
    "vectors": "solvent.memory.chroma:ChromaServer.upsert",
    "mark_indexed": "solvent.workers.sql.concepts:SqlConceptTexts.mark_indexed",
}
"""Of jobs that write into the memory; no points of other jobs."""
ENDS = ("start_trajectories", "end_trajectory", "tell", "rest", "finish", "commit", "reap")
"""Writes before which something was done that they write down; before another, it is as after the one before it."""
MODULES = (
    "solvent.workers.worker",
    "solvent.agents.search",
    "solvent.agents.trajectory",
    "solvent.service.cli.worker",
    *(write.partition(":")[0] for write in WRITES.values()),
)
"""What takes long to import."""
PR_SET_PDEATHSIG = 1
PHASES = ("recall", "solve", "detect", "verify", "refine", "conclude")
TEXT, JUDGED = "text", "verdict"
POINTS = (
    *(f"after:{write}" for write in WRITES),
    *(f"before:{write}" for write in ENDS),
    *(f"in:{phase}" for phase in (*PHASES, TEXT, JUDGED)),
)


Trap = tuple[str, int, str]
DIED = "died as it should: "


def dying(*sets: Sequence[Trap]) -> list[str]:
    """Return the program with these sets of traps, for `LabWorker`."""
    return [__file__, json.dumps(sets)]


def die() -> None:
    """End as a crash of the machine does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Counter:
    """Dies at the NUMBERth hit.

    Args:
        number: counted from 1.
        job: what must stand in what the hit is about.
    """

    def __init__(self, number: int, job: str) -> None:
        self._left = count(1 - number)
        self._job = job

    def hit(self, about: str) -> None:
        """Count, and die where it is time."""
        if self._job in about and next(self._left) == 0:
            die()


def spring(function: Callable[..., Any], when: str, trap: Counter) -> Callable[..., Any]:
    """Return a function with the trap before or after it."""

    @functools.wraps(function)
    async def later(*args: Any, **keywords: Any) -> Any:
        if when == "before":
            trap.hit(f"{args[1:]} {keywords}")
        result = await function(*args, **keywords)
        if when == "after":
            trap.hit(f"{args[1:]} {keywords}")
        return result

    @functools.wraps(function)
    def now(*args: Any, **keywords: Any) -> Any:
        if when == "before":
            trap.hit(f"{args[1:]} {keywords}")
        result = function(*args, **keywords)
        if when == "after":
            trap.hit(f"{args[1:]} {keywords}")
        return result

    return later if inspect.iscoroutinefunction(function) else now


def set_trap(point: str, number: int, job: str) -> None:
    """Put a trap at a point."""
    when, _, name = point.partition(":")
    trap = Counter(number, job)
    if when == "in":
        from solvent.workers.event_log import EventLog

        emit = EventLog.emit

        def emitted(log: EventLog, event: Any) -> None:
            emit(log, event)
            if name in (event.type, getattr(event, "phase", "")):
                trap.hit(event.job_id)

        EventLog.emit = emitted  # type: ignore[method-assign]  # that is the trap
        return
    module, _, path = {**WRITES, **MEMORY_WRITES}[name].partition(":")
    owner, attribute = path.split(".")
    made = getattr(importlib.import_module(module), owner)
    setattr(made, attribute, spring(getattr(made, attribute), when, trap))


def work(traps: Sequence[Trap], options: Sequence[str]) -> None:
    """Set the traps and work until one springs."""
    # Whoever forked this is killed at the end of a test; this is not to outlive it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for point, number, job in traps:
        set_trap(point, number, job)
    from solvent.service.cli.main import main as solvent

    sys.argv = ["solvent", "worker", *options]
    solvent()


def main() -> None:
    """Run one worker after the other until all have died; ends with 1 where one ends otherwise."""
    sets, *options = sys.argv[1:]
    for module in MODULES:
        importlib.import_module(module)
    for traps in json.loads(sets):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            work(traps, options)
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{DIED}{traps}\n" if os.WIFSIGNALED(status) else f"ended: {traps}\n")
        sys.stdout.flush()
        if not os.WIFSIGNALED(status):
            sys.exit(1)


if __name__ == "__main__":
    main()
