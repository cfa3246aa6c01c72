"""Jobs and batches wherever they are: in this machine's own database, or on a server (`solvent --url URL`).

Both give the same answers (docs/http.md has their fields), so every command is written once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from solvent.service.cli.remote import KEY_VARIABLE, server_url

if TYPE_CHECKING:
    from solvent.service.cli.remote_backend import ServerBackend
    from solvent.workers.envelope import EventEnvelope

Answer = dict[str, Any]


class Backend(Protocol):
    """Jobs and batches. For use by one thread. All raise `NotFound` for what is not there."""

    @property
    def place(self) -> str:
        """Where this is, for people: the URL of the server, or the file."""
        ...

    def resolve(self, part: str) -> str:
        """Return the id that a person means. Of this machine's jobs the beginning or the end of one is enough."""
        ...

    def submit_path(self, path: str, options: Mapping[str, Any]) -> Answer:
        """Submit every problem under a path with the options of `submission_options`; returns the batch."""
        ...

    def estimate_path(self, path: str, options: Mapping[str, Any]) -> Answer:
        """Return what `submit_path` would lead to; nothing is run or stored."""
        ...

    def standings(self, batch_id: str, *, unfreeze: bool = False) -> Answer:
        """Return the board of a contest."""
        ...

    def plan_report(self, batch_id: str, *, unfreeze: bool = False) -> Answer:
        """Return what a batch's plan has come to so far; empty where it has none."""
        ...

    def job(self, job_id: str) -> Answer:
        """Return a job as it stands."""
        ...

    def batch(self, batch_id: str) -> Answer:
        """Return a batch as it stands."""
        ...

    def jobs(self, limit: int) -> list[Answer]:
        """Return the newest jobs that belong to no batch, newest first; of a long past only a part is looked at."""
        ...

    def batches(self, limit: int) -> list[Answer]:
        """Return the newest batches, newest first."""
        ...

    def cancel(self, run_id: str) -> Answer:
        """Ask a job or a batch to stop; `stopping` is how many jobs had not ended."""
        ...

    def retry(self, run_id: str) -> Answer:
        """Queue what failed, expired or was cancelled again; `queued` is how many jobs."""
        ...

    def events(self, job_id: str, *, after: int = 0) -> Iterator[EventEnvelope]:
        """Give a job's events, each once, until it has ended."""
        ...

    def results(self, batch_id: str, *, follow: bool = False) -> Iterator[Answer]:
        """Give the rows of results in the order in which the jobs end; with `follow` until all have."""
        ...

    def ordered_rows(self, batch_id: str) -> Iterator[Answer]:
        """Give the rows of results of all jobs in the batch's order, also of those that have not ended."""
        ...

    def idle_hint(self, batch_id: str) -> str | None:
        """Return what a person is to do for a batch on which nobody works, or None."""
        ...


def open_server() -> ServerBackend:
    """Return the server that the command is to use; its key is in the environment, which no list of processes shows.

    Raises:
        ConfigError: the URL is wrong.
    """
    from solvent.service.cli.remote_backend import ServerBackend

    url = server_url()
    assert url is not None, "asked before"
    return ServerBackend(url, os.environ.get(KEY_VARIABLE) or None)


@contextmanager
def open_backend() -> Iterator[Backend]:
    """Open what the command is to use, and close it at the end.

    Raises:
        ConfigError: the URL or a setting is wrong.
        StoreError: the database cannot be opened.
    """
    if server_url() is not None:
        with open_server() as server:
            yield server
        return
    from solvent.service.cli.local_backend import LocalBackend
    from solvent.service.cli.options import load_settings

    with LocalBackend(load_settings()) as local:
        yield local
