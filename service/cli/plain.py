"""Progress of one job where no terminal is: one line per event, without rich, which takes a while to import."""

from __future__ import annotations

from types import TracebackType

import click

from solvent.agents.events import Event
from solvent.service.cli.view import JobView, plain_line


class PlainDisplay:
    """Writes a job's events to standard error, a line each; `quiet` writes none."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._view = JobView()

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def emit(self, event: Event) -> None:
        """Take one event."""
        line = None if self._quiet else plain_line(event, self._view)
        self._view.apply(event)
        if line is not None:
            click.echo(line, err=True)
