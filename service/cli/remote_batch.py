"""`solvent --url URL batch ...`: batches of a server."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.service.cli.options import json_option, solving_options
from solvent.service.cli.remote import item_of, open_client, record_of, refuse_options, solving_fields
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.problems.readers import ReadResult
    from solvent.service.client import Client
    from solvent.workers.records import JobRecord


def submission_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a batch is submitted with, whoever runs it."""
    from solvent.service.cli.budget import BudgetType

    for option in reversed(
        [
            click.argument("path"),
            solving_options,
            click.option("--job-budget", type=BudgetType(), help="Hard caps of each job by itself."),
            click.option("--limit", "-n", type=click.IntRange(min=1), help="Take only the first N problems."),
            click.option("--filter", "pattern", metavar="GLOB", help="Take only problems whose id matches."),
            click.option("--idempotency-key", metavar="TEXT", help="The same text within a day submits only once."),
        ]
    ):
        command = option(command)
    return command


@click.command("submit")
@submission_options
@json_option
def submit(path: str, as_json: bool, **options: Any) -> None:
    """Submit every problem in PATH to the server and go away; `batch watch` shows how it goes."""
    with open_client() as client:
        answer = _submit(client, path, options)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    failed = answer["by_status"].get("failed", 0)
    unread = f", {failed} of them unreadable" if failed else ""
    click.echo(f"{answer['total']} jobs{unread}; watch them with: solvent batch watch {answer['id']}", err=True)
    click.echo(answer["id"])


@click.command("status")
@click.argument("batch_id", metavar="ID")
@json_option
def status(batch_id: str, as_json: bool) -> None:
    """Show how a batch of the server stands."""
    with open_client() as client:
        answer = client.batch(batch_id)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    counts = {**answer["by_status"], **answer["by_outcome"]}
    words = [f"{name} {number}" for name, number in counts.items() if number]
    click.echo(f"{answer['id']}  {answer['name']}  {answer['strategy']}  {answer['model']}")
    tokens = answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    click.echo(" · ".join([f"ended {answer['ended']} of {answer['total']}", *words, f"{tokens} tokens"]))


@click.command("watch")
@click.argument("batch_id", metavar="ID")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
def watch(batch_id: str, quiet: bool, as_json: bool) -> int:
    """Show each job of a batch as it ends, and the scoreboard at the end. Ctrl-C leaves the batch running."""
    with open_client() as client:
        return watch_batch(client, batch_id, quiet=quiet, as_json=as_json)


@click.command("cancel")
@click.argument("batch_id", metavar="ID")
def cancel(batch_id: str) -> None:
    """Stop all jobs of a batch; what they have is kept, and `batch retry` goes on with them."""
    with open_client() as client:
        click.echo(f"{client.cancel(batch_id)['stopping']} jobs are stopping")


@click.command("retry")
@click.argument("batch_id", metavar="ID")
def retry(batch_id: str) -> None:
    """Queue the failed, cancelled and expired jobs of a batch again."""
    with open_client() as client:
        click.echo(f"{client.retry(batch_id)['queued']} jobs are queued again")


@click.command("export")
@click.argument("batch_id", metavar="ID")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File. [default: standard output]")
def export(batch_id: str, out: Path | None) -> None:
    """Write the results of a batch as JSONL, in the batch's order, a row for each job; docs/http.md has the fields."""
    with open_client() as client:
        rows = _lines(client, batch_id)
        if out is None:
            for line in rows:
                click.echo(line, nl=False)
        else:
            click.echo(f"wrote {_write(out, rows)} rows to {out}", err=True)


COMMANDS = (submit, status, watch, cancel, retry, export)


def run(path: str, jobs: int | None, out: Path | None, resume: bool, quiet: bool, as_json: bool, **options: Any) -> int:
    """Submit a batch, watch it to its end and write its results; returns the exit code."""
    refuse_options(jobs=jobs, resume=resume)
    with open_client() as client:
        answer = _submit(client, path, options)
        click.echo(f"{answer['id']} at {client.url}: {answer['total']} jobs", err=True)
        code = watch_batch(client, answer["id"], quiet=quiet, as_json=as_json)
        if out is not None:
            _write(out, _lines(client, answer["id"]))
            click.echo(f"results: {out}", err=True)
    return code


def watch_batch(client: Client, batch_id: str, *, quiet: bool, as_json: bool) -> int:
    """Show the jobs of a batch as they end, then the scoreboard; returns the exit code.

    Raises:
        KeyboardInterrupt: the user went away; the batch goes on.
    """
    from rich.console import Console

    from solvent.service.cli.batch import batch_exit_code
    from solvent.service.cli.batch_display import BatchDisplay
    from solvent.service.cli.scoreboard import print_scoreboard, totals

    started = time.monotonic()
    batch = client.batch(batch_id)
    waiting = [_waiting(batch_id, position) for position in range(batch["total"])]
    progress = Console(stderr=True, quiet=quiet, soft_wrap=not sys.stderr.isatty())
    live = not quiet and sys.stdout.isatty() and sys.stderr.isatty()
    try:
        with BatchDisplay(progress, waiting, live=live) as display:
            for row in client.results(batch_id, follow=True):
                display.end(record_of(row))
    except KeyboardInterrupt:
        click.echo(f"{batch_id} goes on; see it with: solvent batch watch {batch_id}", err=True)
        raise
    rows = list(client.rows(batch_id, order="batch"))
    jobs = [record_of({**row, "position": position}) for position, row in enumerate(rows)]
    if as_json:
        body = {**client.batch(batch_id), "totals": totals(jobs), "jobs": rows}
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        print_scoreboard(Console(width=None if sys.stdout.isatty() else 160), jobs, time.monotonic() - started)
    return batch_exit_code(jobs)


def _submit(client: Client, path: str, options: dict[str, Any]) -> dict[str, Any]:
    from solvent.errors import DataError
    from solvent.service.cli.reading import read_problems

    pattern: str | None = options["pattern"]
    items = [item_of(found) for found in islice(_matching(read_problems(path), pattern), options["limit"])]
    if not items:
        raise DataError(f"no problem matches {pattern!r}" if pattern else "there is no problem in it", file=path)
    body = {"problems": items, "name": Path(path).name or path, **solving_fields(options)}
    budget: Budget | None = options["job_budget"]
    if budget is not None:
        body["job_budget"] = budget.model_dump(mode="json", exclude_none=True)
    return client.submit_batch(body, idempotency_key=options.get("idempotency_key"))


def _matching(found: Iterator[ReadResult], pattern: str | None) -> Iterator[ReadResult]:
    import fnmatch

    from solvent.problems.problem import Problem

    for item in found:
        if pattern is None or (isinstance(item, Problem) and fnmatch.fnmatchcase(item.id, pattern)):
            yield item


def _waiting(batch_id: str, position: int) -> JobRecord:
    from solvent.workers.records import JobRecord

    return JobRecord(id=str(position), batch_id=batch_id, position=position, custom_id="", created_at="")


def _lines(client: Client, batch_id: str) -> Iterator[str]:
    for row in client.rows(batch_id, order="batch"):
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _write(path: Path, lines: Iterator[str]) -> int:
    from solvent.errors import StoreError, boundary

    count = 0
    with boundary(StoreError, f"write the results to {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line)
                count += 1
        temporary.replace(path)
    return count
