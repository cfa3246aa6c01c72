"""What the plan of a batch has come to, for people: pass@k, shares of the budget, the board of a contest."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live

from solvent.errors import StoreError, boundary
from solvent.service.cli.amounts import count, seconds
from solvent.service.cli.benchmark_view import print_benchmark
from solvent.service.cli.scoreboard import reason_words
from solvent.service.cli.standings_view import board_table, clock, print_board
from solvent.service.standings import standings, standings_json
from solvent.workers.contest import Ruling, started_at, submissions
from solvent.workers.records import BatchRecord, JobRecord

LOOK_AGAIN_S = 1.0


def has_plan(batch: Mapping[str, Any]) -> bool:
    """Return whether a batch (its answer) is more than a list of jobs."""
    plan = batch.get("plan") or {}
    return bool(plan.get("allocation") or plan.get("contest") or plan.get("attempts", 1) > 1)


def print_plan(
    console: Console, plan: Mapping[str, Any], jobs: Sequence[JobRecord], wall_s: float | None = None
) -> None:
    """Print what `service.plans.plan_report` says."""
    if "standings" in plan:
        print_board(console, plan["standings"])
        if jobs:
            words = [f"{sum(job.result is not None for job in jobs)} attempts"]
            words.append(f"{count(sum(job.usage.tokens for job in jobs))} tokens")
            words += [seconds(wall_s)] if wall_s is not None else []
            console.print("\n" + " · ".join(words), style="bold", highlight=False)
    if "benchmark" in plan:
        print_benchmark(console, plan["benchmark"], wall_s)
    if "standings" in plan or "benchmark" in plan:
        for job in jobs:
            if job.error:
                line = f"{job.custom_id}: {reason_words(job)}"
                console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if "allocation" in plan:
        shared = plan["allocation"]
        unit = shared["unit"].replace("_", " ")
        whole = 1 if shared["unit"] in {"tokens", "completion_tokens"} else 1_000_000_000
        least, most, free = (shared[name] / whole for name in ("least_share", "largest_share", "free"))
        line = (
            f"{shared['policy']} allocation: shares of {count(least)} to {count(most)} {unit}, {count(free)} left over"
        )
        console.print(line, style="dim", highlight=False)
    if "report" in plan:
        console.print(f"report: {plan['report']}", style="dim", highlight=False, soft_wrap=True)


def write_report(results: Path, report: Mapping[str, Any]) -> Path:
    """Write a benchmark's report beside the results; returns the file.

    Raises:
        StoreError: it cannot be written.
    """
    path = results.with_suffix(".report.json")
    with boundary(StoreError, f"write the report to {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    return path


class LiveBoard:
    """The board of a contest that this process runs."""

    def __init__(self, batch: BatchRecord) -> None:
        self._batch = batch
        self._jobs: dict[int, JobRecord] = {}

    def tell(self, job: JobRecord) -> None:
        """Take a job as it stands."""
        self._jobs[job.position] = job
        if self._batch.begun_at is None:
            # The store says exactly when; until it is read again, now is near enough.
            self._batch = self._batch.model_copy(update={"begun_at": job.created_at})

    def picture(self) -> RenderableType:
        """Return the board as of now, as the public sees it."""
        return board_table(standings_json(standings(self._batch, self._jobs.values(), time.time())))

    def line(self, job: JobRecord) -> str:
        """Return what is said of an attempt that ended; after the freeze not how it was judged."""
        contest = self._batch.plan.contest
        assert contest is not None, "no board without one"
        if job.spec is None:
            return f"{job.custom_id}: {reason_words(job)}"
        [made] = [one for one in submissions(self._batch, self._jobs.values()) if one.job_id == job.id]
        at = datetime.fromisoformat(job.finished_at).timestamp() - started_at(self._batch) if job.finished_at else 0.0
        ruling = "nothing handed in" if made.ruling is Ruling.WITHHELD else made.ruling.value
        if made.ruling in {Ruling.REJECTED, Ruling.PARTIAL} and made.verdict is not None:
            ruling = f"{ruling} {made.verdict.value}"
        if made.time_s is not None and contest.freeze_s and made.time_s >= contest.duration_s - contest.freeze_s:
            ruling = "handed in"
        return f"{clock(at)} {job.spec.team} {job.custom_id} #{job.spec.attempt} {ruling} tokens={job.usage.tokens}"


def watch_board(read: Callable[[], Mapping[str, Any]]) -> None:
    """Show a board until its contest is over: on a terminal drawn anew, in a pipe printed whenever it has changed."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    board, shown = read(), ""
    if sys.stdout.isatty():
        with Live(board_table(board), console=console, refresh_per_second=2) as live:
            while not board["over"]:
                time.sleep(LOOK_AGAIN_S)
                board = read()
                live.update(board_table(board))
        return
    while True:
        now = json.dumps([board["teams"], board["frozen"], board["over"]])
        if now != shown:
            print_board(console, board)
            shown = now
        if board["over"]:
            return
        time.sleep(LOOK_AGAIN_S)
        board = read()
