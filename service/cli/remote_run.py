"""`solvent --url URL run ...`: jobs and batches of a server."""

from __future__ import annotations

import json
from typing import Any

import click
from pydantic import JsonValue

from solvent.service.cli.options import json_option
from solvent.service.cli.remote import open_client, record_of


@click.command("watch")
@click.argument("run_id", metavar="ID")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
def watch(run_id: str, quiet: bool, as_json: bool) -> int:
    """Watch a job or a batch of the server to its end. Ctrl-C leaves it running."""
    from solvent.service.cli.remote_batch import watch_batch
    from solvent.service.cli.remote_solve import finish

    with open_client() as client:
        if run_id.startswith("batch"):
            return watch_batch(client, run_id, quiet=quiet, as_json=as_json)
        return finish(client, run_id, quiet=quiet, as_json=as_json)


@click.command("cancel")
@click.argument("run_id", metavar="ID")
def cancel(run_id: str) -> None:
    """Stop a job or a batch of the server; what it has is kept."""
    with open_client() as client:
        stopping = client.cancel(run_id)["stopping"]
    click.echo(f"{run_id}: {stopping} jobs are stopping" if stopping else f"{run_id} had ended before")


COMMANDS = (watch, cancel)


def list_runs(limit: int, as_json: bool) -> None:
    """List the newest jobs and batches of the server, newest first."""
    from solvent.service.cli.scoreboard import result_words
    from solvent.service.cli.table import show_rows

    with open_client() as client:
        batches, jobs = client.batches(limit), client.jobs(limit)
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
    show_rows(rows[:limit], columns, as_json=as_json, empty="nothing was submitted yet")


def show(run_id: str, with_events: bool, as_json: bool) -> None:
    """Show one job or batch of the server; its whole id is needed."""
    with open_client() as client:
        if run_id.startswith("batch"):
            _show_batch(client.batch(run_id), list(client.rows(run_id, order="batch")), as_json)
            return
        job = client.job(run_id)
        if with_events and job["status"] not in {"completed", "failed", "cancelled", "expired"}:
            raise click.UsageError(f"{run_id} has not ended; watch it with: solvent run watch {run_id}")
        events = list(client.events(run_id)) if with_events else []
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


def _show_batch(batch: dict[str, Any], rows: list[dict[str, Any]], as_json: bool) -> None:
    from rich.console import Console

    from solvent.service.cli.scoreboard import print_scoreboard, totals

    jobs = [record_of({**row, "position": position}) for position, row in enumerate(rows)]
    if as_json:
        click.echo(json.dumps({**batch, "totals": totals(jobs), "jobs": rows}, ensure_ascii=False, indent=2))
        return
    console = Console()
    words = f"{batch['id']}  {batch['name']}  {batch['strategy']}  {batch['model']}"
    console.print(words, highlight=False, markup=False)
    print_scoreboard(console, jobs)


def _common(answer: dict[str, Any]) -> dict[str, JsonValue]:
    return {
        "id": answer["id"],
        "strategy": answer["strategy"],
        "model": answer["model"],
        "created": answer["created_at"],
    }


def _tokens(usage: dict[str, int] | None) -> int:
    return usage["prompt_tokens"] + usage["completion_tokens"] if usage else 0
