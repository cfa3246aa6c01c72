"""`solvent run`: what was run, on this machine or, with --url, on a server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from pydantic import JsonValue

from solvent.service.cli.backend import open_backend
from solvent.service.cli.options import json_option

if TYPE_CHECKING:
    from solvent.service.cli.backend import Answer, Backend


@click.group()
def run() -> None:
    """List, show, watch and cancel jobs and batches: of this machine, or with --url of a server."""


@run.command("list")
@click.option("--limit", "-n", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
def list_runs(limit: int, as_json: bool) -> None:
    """List the newest batches, and the newest jobs that belong to none, newest first."""
    from solvent.service.cli.remote import record_of
    from solvent.service.cli.scoreboard import result_words
    from solvent.service.cli.table import show_rows

    with open_backend() as backend:
        batches, jobs = backend.batches(limit), backend.jobs(limit)
    rows: list[dict[str, JsonValue]] = [
        {
            **_common(batch),
            "what": batch["name"],
            "result": f"solved {batch['by_outcome'].get('solved', 0)} of {batch['total']}",
            "tokens": _tokens(batch["usage"]),
        }
        for batch in batches
    ]
    rows.extend(
        {
            **_common(job),
            "what": job["custom_id"],
            "result": result_words(record_of(job))[0],
            "tokens": _tokens(job["usage"]),
        }
        for job in jobs
    )
    rows.sort(key=lambda row: str(row["created"]), reverse=True)
    columns = ("id", "what", "result", "strategy", "model", "tokens", "created")
    show_rows(rows[:limit], columns, as_json=as_json, empty="nothing was run yet")


@run.command("show")
@click.argument("run_id", metavar="ID")
@click.option("--events", "with_events", is_flag=True, help="Also print the job's events.")
@json_option
def show(run_id: str, with_events: bool, as_json: bool) -> None:
    """Show one job or batch; of this machine's, the beginning or the end of its ID is enough."""
    with open_backend() as backend:
        run_id = backend.resolve(run_id)
        if run_id.startswith("batch"):
            _show_batch(backend, run_id, as_json)
        else:
            _show_job(backend, run_id, with_events, as_json)


@run.command("watch")
@click.argument("run_id", metavar="ID")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
def watch(run_id: str, quiet: bool, as_json: bool) -> int:
    """Watch a job or a batch to its end. Ctrl-C leaves it running."""
    from solvent.service.cli.batch_verbs import watch_batch
    from solvent.service.cli.remote_solve import finish

    with open_backend() as backend:
        run_id = backend.resolve(run_id)
        if run_id.startswith("batch"):
            return watch_batch(backend, run_id, quiet=quiet, as_json=as_json)
        return finish(backend, run_id, quiet=quiet, as_json=as_json)


@run.command("cancel")
@click.argument("run_id", metavar="ID")
@json_option
def cancel(run_id: str, as_json: bool) -> None:
    """Stop a job or a batch; what it has is kept."""
    with open_backend() as backend:
        run_id = backend.resolve(run_id)
        answer = backend.cancel(run_id)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    stopping = answer["stopping"]
    click.echo(f"{run_id}: {stopping} jobs are stopping" if stopping else f"{run_id} had ended before")


def _show_job(backend: Backend, job_id: str, with_events: bool, as_json: bool) -> None:
    job = backend.job(job_id)
    if with_events and job["status"] not in {"completed", "failed", "cancelled", "expired"}:
        raise click.UsageError(f"{job_id} has not ended; watch it with: solvent run watch {job_id}")
    events = list(backend.events(job_id)) if with_events else []
    if as_json:
        more = {"events": [event.model_dump(mode="json") for event in events]} if with_events else {}
        click.echo(json.dumps({**job, **more}, ensure_ascii=False, indent=2))
        return
    from solvent.service.cli.remote_solve import show as show_job
    from solvent.service.cli.view import JobView, plain_line

    view = JobView()
    for envelope in events:
        line = plain_line(envelope.event, view)
        view.apply(envelope.event)
        if line:
            click.echo(line)
    show_job(job)


def _show_batch(backend: Backend, batch_id: str, as_json: bool) -> None:
    from solvent.service.cli.batch_report import report

    batch, rows = backend.batch(batch_id), list(backend.ordered_rows(batch_id))
    if not as_json:
        click.echo(f"{batch['id']}  {batch['name']}  {batch['strategy']}  {batch['model']}")
    report(batch, rows, as_json=as_json)


def _common(answer: Answer) -> dict[str, JsonValue]:
    return {
        "id": answer["id"],
        "strategy": answer["strategy"],
        "model": answer["model"],
        "created": answer["created_at"],
    }


def _tokens(usage: dict[str, Any] | None) -> int:
    return usage["prompt_tokens"] + usage["completion_tokens"] if usage else 0
