"""`solvent run`: what was run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from pydantic import JsonValue

from solvent.service.cli.options import json_option, load_settings
from solvent.service.cli.remote import server_url
from solvent.service.cli.remote_run import COMMANDS

if TYPE_CHECKING:
    from solvent.workers.store import JobStore


@click.group()
def run() -> None:
    """List, show, watch and cancel jobs and batches: of this machine's store, or with --url of a server."""


@run.command("list")
@click.option("--limit", "-n", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
def list_runs(limit: int, as_json: bool) -> None:
    """List the newest jobs and batches, newest first."""
    if server_url() is not None:
        from solvent.service.cli.remote_run import list_runs as list_there

        list_there(limit, as_json)
        return
    from solvent.service.cli.scoreboard import result_words, totals
    from solvent.service.cli.table import show_rows
    from solvent.workers.store import JobStore

    settings = load_settings()
    store = JobStore(settings.home / "jobs.sqlite")
    try:
        batches, jobs = store.recent(limit)
        rows: list[dict[str, JsonValue]] = []
        for batch in batches:
            figures = totals(store.batch_jobs(batch.id))
            rows.append(
                {
                    "id": batch.id,
                    "what": batch.source,
                    "result": f"solved {figures['solved']} of {figures['problems']}",
                    "strategy": batch.strategy,
                    "model": batch.model,
                    "tokens": figures["tokens"] if isinstance(figures["tokens"], int) else None,
                    "created": batch.created_at,
                }
            )
        rows.extend(
            {
                "id": job.id,
                "what": job.custom_id,
                "result": result_words(job)[0],
                "strategy": job.spec.strategy if job.spec else None,
                "model": job.spec.model if job.spec else None,
                "tokens": job.usage.tokens,
                "created": job.created_at,
            }
            for job in jobs
        )
    finally:
        store.close()
    rows.sort(key=lambda row: str(row["created"]), reverse=True)
    columns = ("id", "what", "result", "strategy", "model", "tokens", "created")
    show_rows(rows[:limit], columns, as_json=as_json, empty="nothing was run yet")


@run.command("show")
@click.argument("run_id", metavar="ID")
@click.option("--events", "with_events", is_flag=True, help="Also print the job's events.")
@json_option
def show(run_id: str, with_events: bool, as_json: bool) -> None:
    """Show one job or batch; the beginning or the end of its ID is enough."""
    if server_url() is not None:
        from solvent.service.cli.remote_run import show as show_there

        show_there(run_id, with_events, as_json)
        return
    from solvent.workers.store import JobStore

    settings = load_settings()
    store = JobStore(settings.home / "jobs.sqlite")
    try:
        if run_id.startswith("batch") or store.is_batch(run_id):
            _show_batch(store, run_id, as_json)
        else:
            _show_job(store, run_id, with_events, as_json)
    finally:
        store.close()


def _show_batch(store: JobStore, run_id: str, as_json: bool) -> None:
    from rich.console import Console

    from solvent.service.cli.scoreboard import print_scoreboard, totals
    from solvent.workers.results import result_row

    batch = store.batch(run_id)
    jobs = store.batch_jobs(batch.id)
    if as_json:
        body = {**batch.model_dump(mode="json"), "totals": totals(jobs), "jobs": [result_row(job) for job in jobs]}
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(f"{batch.id}  {batch.source}  {batch.strategy}  {batch.model}", highlight=False, markup=False)
    print_scoreboard(console, jobs)


def _show_job(store: JobStore, run_id: str, with_events: bool, as_json: bool) -> None:
    from pydantic import TypeAdapter
    from rich.console import Console

    from solvent.agents.events import Event
    from solvent.service.cli.display import print_result
    from solvent.service.cli.view import JobView, plain_line
    from solvent.workers.results import result_row

    job = store.job(run_id)
    events = store.events(job.id) if with_events else []
    if as_json:
        body = (
            {**result_row(job), "events": [json.loads(event) for event in events]} if with_events else result_row(job)
        )
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(f"{job.id}  {job.custom_id}  {job.status.value}  {job.created_at}", highlight=False, markup=False)
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    view = JobView()
    for body_text in events:
        event = adapter.validate_json(body_text)
        line = plain_line(event, view)
        view.apply(event)
        if line:
            console.print(line, highlight=False, markup=False)
    if job.result:
        print_result(console, job.result)
    elif job.error:
        console.print(f"error: {job.error.get('message')}", style="red", highlight=False, markup=False)


for command in COMMANDS:
    run.add_command(command)
