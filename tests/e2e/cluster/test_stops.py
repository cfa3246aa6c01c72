"""A cancel, or a deadline, of jobs that run on two workers: streams and programs stop, what there is is kept."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_lab import ClusterLab, MakeLab
from lab_faults import MARKS
from lab_jobs import add_problem, program, scripted_lines, scripted_specs
from model_servers import ScriptedServer

from solvent.agents.job import JobSpec, JobStatus, Outcome, StopReason
from solvent.problems.problem import Limits
from solvent.usage import Budget
from solvent.workers.records import JobRecord

pytestmark = MARKS
HELD, PROGRAMS = 6, 1
"""A worker has a place for a program on each core: where two that sleep came to the worker of the job with the partial
result, its first program would wait for them."""
PROGRAM_NAME = f"sleeper-{os.getpid()}"
"""At most 15 characters, and another one where tests run beside each other."""
SLEEPER = f"""Here:
```python
import ctypes, time
ctypes.CDLL(None).prctl(15, b"{PROGRAM_NAME}", 0, 0, 0)
time.sleep(600)
```
"""
HOLD = {"texts": ["I think that"], "hold": True, "after_chunks": 1}
SCRIPT: list[Mapping[str, Any]] = [
    {"contains": "<held", **HOLD},
    {"contains": "<sleeps", "texts": [SLEEPER]},
    *scripted_lines(2),
    # For the job with a partial result, one after the other.
    {"texts": [program(7, wrong=True)]},
    HOLD,
]
STOP_S = 5.0
"""2 s are the aim, the rest is for a busy machine. A watcher looks again after 15 s, beats come after 300 s."""
WAIT_S = 60.0
"""For what takes longer than it may, so that the figures can be said."""


def spec(job_id: str, statement: str, **changes: Any) -> JobSpec:
    problem = add_problem(7).model_copy(
        update={"statement": statement, "limits": Limits(cpu_time_s=2, wall_time_s=600)}
    )
    parameters = {"wave": 1, "max_trajectories": 3, "repairs": 0, "max_tokens": 60}
    given = {"id": job_id, "problem": problem, "parameters": parameters, "model": "scripted-server"}
    return JobSpec.model_validate({**given, "budget": Budget(tokens=5_000), **changes})


def specs(**changes: Any) -> list[JobSpec]:
    return [
        *(spec(f"held-{number}", f"<held {number}>", **changes) for number in range(HELD)),
        *(spec(f"sleeps-{number}", f"<sleeps {number}>", **changes) for number in range(PROGRAMS)),
        spec("partial", "Add 7.", **changes),
    ]


def sleepers() -> list[int]:
    """Return the programs of this test that run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            if path.read_text().strip() == PROGRAM_NAME:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


async def programs_over() -> float:
    """Wait until no program of this test runs any more; returns when that was."""
    async with asyncio.timeout(WAIT_S):
        while sleepers():
            await asyncio.sleep(0.05)
    return time.time()


async def all_running(lab: ClusterLab) -> None:
    """Wait until streams and programs run, on both workers."""
    for number in range(HELD):
        await lab.until(f"held-{number}", lambda event: event.type == "text")
    await lab.until("partial", lambda event: event.type == "text" and event.trajectory == "t1")
    async with asyncio.timeout(60):
        while len(sleepers()) < PROGRAMS:
            await asyncio.sleep(0.05)
    holders = lab.query("SELECT DISTINCT holder FROM lease WHERE trajectory <> ''")
    assert len(holders) == 2, "both workers hold something"


def streams_over(model: ScriptedServer) -> float:
    """Return when the last stream that was cut was over."""
    times = [request.over_at for request in model.requests().values() if not request.whole]
    assert len(times) == HELD + 1
    assert None not in times, "a stream is still open"
    return max(at for at in times if at is not None)


async def nothing_reserved(lab: ClusterLab) -> None:
    """Wait until no call is open: one that was being granted as the stop came is given back behind its job's end."""
    async with asyncio.timeout(WAIT_S):
        while lab.query("SELECT scope, call FROM ledger_call WHERE NOT done"):
            await asyncio.sleep(0.05)


def look_at_partial(record: JobRecord) -> None:
    assert record.result is not None
    assert record.result.answer is not None, "the program of the trajectory that ended is kept"
    assert "- 1" in record.result.answer.text
    assert record.result.outcome is not Outcome.SOLVED


async def test_a_cancel_stops_everything_on_both_workers(make_lab: MakeLab, tmp_path: Path) -> None:
    """Beats come too seldom to bring it: the notification of the database does."""
    model = ScriptedServer(tmp_path, SCRIPT, cut_margin_tokens=0)
    async with make_lab(model, lease_s="600", beat_s="300", reap_s="300") as lab:
        await lab.start_workers(2, "-c", "5")
        done = await lab.submit(scripted_specs(2), budget=Budget(tokens=100_000))
        await lab.ended(done)
        batch = await lab.submit(specs(), budget=Budget(tokens=100_000))
        await all_running(lab)
        cancelled_at = time.time()
        await lab.store.cancel(batch_id=batch)
        programs = asyncio.create_task(programs_over())
        records = await lab.ended(batch, within_s=WAIT_S)
        heard_at = time.time()
        [[last]] = lab.query("SELECT max(ended_at) FROM job WHERE batch_id = %s", batch)
        assert {record.status for record in records} == {JobStatus.CANCELLED}
        look_at_partial(next(record for record in records if record.id == "partial"))
        await nothing_reserved(lab)
        tally = await lab.tally("cancel on two workers", batch, done)
        assert tally.calls.lost_calls == 0, "nothing stays reserved"
        times = {
            "streams closed": streams_over(model),
            "programs gone": await programs,
            "jobs ended": last,
            "watcher told": heard_at,
        }
        took = {what: at - cancelled_at for what, at in times.items()}
        tally.notes.append("after the cancel: " + ", ".join(f"{what} {s:.2f} s" for what, s in took.items()))
        assert max(took.values()) < STOP_S, took


async def test_a_deadline_stops_everything_on_both_workers(make_lab: MakeLab, tmp_path: Path) -> None:
    deadline_s = 20.0
    model = ScriptedServer(tmp_path, SCRIPT, cut_margin_tokens=0)
    async with make_lab(model, lease_s="600", beat_s="300", reap_s="300") as lab:
        await lab.start_workers(2, "-c", "5")
        batch = await lab.submit(
            specs(budget=Budget(tokens=5_000, deadline_s=deadline_s)), budget=Budget(tokens=100_000)
        )
        await all_running(lab)
        records = await lab.ended(batch, within_s=deadline_s + WAIT_S)
        await programs_over()
        for record in records:
            assert record.result is not None
            assert record.status is JobStatus.COMPLETED
            assert record.result.stop_reason is StopReason.DEADLINE
        look_at_partial(next(record for record in records if record.id == "partial"))
        await nothing_reserved(lab)
        tally = await lab.tally("deadline on two workers", batch)
        assert tally.calls.lost_calls == 0, "nothing stays reserved"
        [[late, early]] = lab.query(
            "SELECT max(ended_at - deadline_at), min(ended_at - deadline_at) FROM job WHERE batch_id = %s", batch
        )
        assert early >= 0, "none ended before its time"
        tally.notes.append(f"jobs ended {late:.2f} s after their deadline at the latest")
        assert late < STOP_S
