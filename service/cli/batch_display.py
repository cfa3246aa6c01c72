"""Progress of a batch: on a terminal a bar and the running jobs, in a pipe one line per finished problem."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from solvent.agents.events import Event
from solvent.agents.job import Outcome
from solvent.service.cli.amounts import count, seconds
from solvent.service.cli.display import REFRESH_PER_S, verdict_text
from solvent.service.cli.scoreboard import reason_words, result_words
from solvent.service.cli.view import JobView
from solvent.workers.records import JobRecord

RUNNING_SHOWN = 8
RECENT_SHOWN = 6
ETA_AFTER = 3
"""Finished problems after which the remaining time is estimated."""


class Board(Protocol):
    """The board of a contest, kept up to date."""

    def tell(self, job: JobRecord) -> None:
        """Take a job as it stands."""
        ...

    def picture(self) -> RenderableType:
        """Return the board as of now."""
        ...

    def line(self, job: JobRecord) -> str:
        """Return what is said of a job that ended."""
        ...


class BatchDisplay:
    """Shows a batch's events; `emit` and `end` are called in the event loop's thread.

    Args:
        console: where to.
        jobs: of the batch, as they stand; more may come.
        live: draw over what was drawn before.
        board: of a contest; told of each end.
    """

    def __init__(self, console: Console, jobs: Sequence[JobRecord], *, live: bool, board: Board | None = None) -> None:
        self._console = console
        self._expected = len(jobs)
        self._seen = {job.id for job in jobs if job.ended}
        self._ended = {job.id: job for job in jobs if job.ended}
        self._done_before = len(self._ended)
        self._board = board
        if board is not None:
            for job in jobs:
                board.tell(job)
        self._views: dict[str, JobView] = {}
        self._started = time.monotonic()
        self._live = Live(self, console=console, refresh_per_second=REFRESH_PER_S, transient=True) if live else None

    def __enter__(self) -> BatchDisplay:
        if self._live:
            self._live.start()
        for job in self._done:
            if job.error and self._live is None:
                self._line(job)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def emit(self, job: JobRecord, event: Event) -> None:
        """Take an event of a running job."""
        self._seen.add(job.id)
        view = self._views.get(job.id) or JobView(problem_id=_name(job))
        view.apply(event)
        self._views = {**self._views, job.id: view}

    def end(self, job: JobRecord) -> None:
        """Take a finished job."""
        self._views = {key: view for key, view in self._views.items() if key != job.id}
        self._seen.add(job.id)
        # One that goes on with more budget ends again.
        self._ended.pop(job.id, None)
        self._ended[job.id] = job
        if self._board is not None:
            self._board.tell(job)
        if self._live is None:
            self._line(job)

    @property
    def _done(self) -> list[JobRecord]:
        return list(self._ended.values())

    @property
    def _total(self) -> int:
        # A contest adds attempts.
        return max(self._expected, len(self._seen))

    def __rich__(self) -> RenderableType:
        """Return the picture as of now; called by the refresh thread."""
        elapsed = time.monotonic() - self._started
        views, done = list(self._views.values()), list(self._done)
        solved = sum(job.result is not None and job.result.outcome is Outcome.SOLVED for job in done)
        tokens = sum(job.usage.tokens for job in done) + sum(view.usage.tokens for view in views)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{len(done)} of {self._total}", style="bold"),
            ProgressBar(total=self._total, completed=len(done), width=30),
            Text(f"solved {solved}", style="green"),
            Text(f"{count(tokens)} tokens"),
            Text(seconds(elapsed)),
            Text(self._eta(elapsed), style="dim"),
        )
        lines = Table.grid(padding=(0, 2))
        for view in views[:RUNNING_SHOWN]:
            lines.add_row(*_running(view))
        recent = Table.grid(padding=(0, 2))
        for job in done[-RECENT_SHOWN:]:
            word, style = result_words(job)
            recent.add_row(
                Text(f"  {job.custom_id}", style="dim"), Text(word, style=style), Text(reason_words(job), style="dim")
            )
        if self._board is not None:
            return Group(head, lines, Text(), self._board.picture())
        return Group(head, lines, recent)

    def _eta(self, elapsed_s: float) -> str:
        fresh = len(self._ended) - self._done_before
        left = self._total - len(self._ended)
        return f"about {seconds(elapsed_s / fresh * left)} left" if fresh >= ETA_AFTER and left else ""

    def _line(self, job: JobRecord) -> None:
        if self._board is not None:
            self._console.print(self._board.line(job), markup=False, highlight=False, soft_wrap=True)
            return
        word, _ = result_words(job)
        grade = f" graded={job.result.grade.verdict.value}" if job.result and job.result.grade else ""
        spent = f" tokens={job.usage.tokens} time={job.result.wall_s:.2f}s" if job.result else ""
        reason = reason_words(job)
        line = f"[{len(self._ended)}/{self._total}] {_name(job)} {word}{grade}{spent} {reason}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _name(job: JobRecord) -> str:
    """Return a job's name, with its team and attempt where it has them."""
    if job.spec is None:
        return job.custom_id
    team = f"{job.spec.team}: " if job.spec.team else ""
    attempt = f" #{job.spec.attempt}" if job.spec.team or job.spec.attempt > 1 else ""
    return f"{team}{job.custom_id}{attempt}"


def _running(view: JobView) -> tuple[RenderableType, ...]:
    trajectories = list(view.trajectories.values())
    verdicts = Text()
    for line in trajectories[-16:]:
        if line.final is not None:
            verdicts.append_text(verdict_text(line.final)).append(" ")
    active = next((line for line in trajectories if not line.ended), None)
    return (
        Text(f"  {view.problem_id}", style="bold"),
        Text(active.phase if active else "", style="cyan"),
        Text(f"{count(view.usage.tokens)} tokens", style="dim"),
        verdicts,
    )
