"""`solvent --url URL solve`, and watching a job of a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import StoreError, boundary
from solvent.service.cli.backend import open_server
from solvent.service.cli.remote import record_of, refuse_options, solving_fields

if TYPE_CHECKING:
    from solvent.service.cli.backend import Backend


def solve(file: str | None, resume: str | None, out: Path | None, quiet: bool, as_json: bool, **options: Any) -> int:
    """Solve a problem on the server; Ctrl-C cancels the job there and shows what it has, a second one leaves it."""
    from solvent.service.cli.reading import read_problem

    refuse_options(resume=resume)
    if file is None:
        raise click.UsageError("give one FILE (or -)")
    with open_server() as backend:
        problem = read_problem(file).model_dump(mode="json", exclude_defaults=True, exclude={"source"})
        job = backend.submit_job({"problem": problem, **solving_fields(options)})
        return finish(backend, job["id"], quiet=quiet, as_json=as_json, out=out, cancel=True)


def finish(
    backend: Backend, job_id: str, *, quiet: bool, as_json: bool, out: Path | None = None, cancel: bool = False
) -> int:
    """Show a job's events until it has ended, then its result; returns the exit code.

    Args:
        backend: where it is.
        job_id: the job.
        quiet: show no events.
        as_json: print the result as JSON.
        out: file that the answer is written to.
        cancel: Ctrl-C cancels the job; otherwise it leaves it running.
    """
    from solvent.service.cli.loop import exit_code

    _watch(backend, job_id, quiet=quiet, cancel=cancel)
    answer = backend.job(job_id)
    record = record_of(answer)
    result = record.result
    if out and result and result.answer:
        with boundary(StoreError, f"write the answer to {out}", OSError):
            out.write_text(result.answer.program or result.answer.text, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        show(answer)
    if result is None:
        return 5 if (record.error or {}).get("kind") == "data" else 1
    return exit_code(result)


def show(answer: dict[str, Any]) -> None:
    """Print how a job stands."""
    from rich.console import Console

    from solvent.service.cli.display import print_result

    console = Console(soft_wrap=not sys.stdout.isatty())
    record = record_of(answer)
    console.print(
        f"{record.id}  {record.custom_id}  {record.status.value}  {record.created_at}", highlight=False, markup=False
    )
    if record.result:
        print_result(console, record.result)
    elif record.error:
        console.print(f"error: {record.error.get('message')}", style="red", highlight=False, markup=False)


def _watch(backend: Backend, job_id: str, *, quiet: bool, cancel: bool) -> None:
    from solvent.service.cli.solve import job_display

    after, began = 0, None
    with job_display(quiet) as display:
        while True:
            try:
                for envelope in backend.events(job_id, after=after):
                    after = envelope.sequence
                    began = envelope.time if began is None else began
                    # Each process that worked on the job has a clock of its own; the database's is one for all.
                    display.emit(envelope.event.model_copy(update={"time_s": envelope.time - began}))
            except KeyboardInterrupt:
                if not cancel:
                    click.echo(f"{job_id} goes on; see it with: solvent run watch {job_id}", err=True)
                    raise
                cancel = False
                backend.cancel(job_id)
            else:
                return
