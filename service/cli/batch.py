"""`solvent batch`: many problems under one budget."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.service.cli.budget import BudgetType
from solvent.service.cli.options import (
    json_option,
    load_settings,
    parse_model_for,
    parse_parameters,
    roles_of,
    solving_options,
)
from solvent.service.cli.remote import server_url
from solvent.service.cli.remote_batch import COMMANDS
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.settings import Settings
    from solvent.workers.records import BatchRecord, JobRecord
    from solvent.workers.store import JobStore


@click.group()
def batch() -> None:
    """Run many problems under one budget."""


@batch.command(
    "run",
    epilog="""Examples:

\b
  solvent batch run problems/ --budget tokens=500k,time=30m
  solvent batch run humaneval.jsonl --limit 20 --out results.jsonl
  solvent batch run problems/ --resume""",
)
@click.argument("path")
@solving_options
@click.option("--job-budget", type=BudgetType(), help="Hard caps of each job by itself, written like --budget.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Jobs at once. [default: twice the cores]")
@click.option("--limit", "-n", type=click.IntRange(min=1), help="Take only the first N problems.")
@click.option("--filter", "pattern", metavar="GLOB", help="Take only problems whose id matches, for example 'list-*'.")
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Results file. [default: in the home]"
)
@click.option("--resume", is_flag=True, help="Go on with the newest batch of this PATH instead of starting a new one.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
def run_batch(
    path: str,
    job_budget: Budget | None,
    jobs: int | None,
    limit: int | None,
    pattern: str | None,
    out: Path | None,
    resume: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Solve every problem in PATH: a file of many rows, a problem package, or a folder of any of them (`-`: input).

    A row that cannot be read is reported and the others run. Results are appended to a JSONL file as they come, one
    row per problem with its `custom_id`, and put into the batch's order at the end. --budget holds for the whole
    batch.
    """
    if server_url() is not None:
        from solvent.service.cli.remote_batch import run as run_there

        given = {**options, "job_budget": job_budget, "limit": limit, "pattern": pattern}
        return run_there(path, jobs, out, resume, quiet, as_json, **given)
    from solvent.service.cli.loop import INTERRUPTED, run

    settings = load_settings(
        sandbox=options["sandbox"], model=options["model"], model_for=parse_model_for(options["model_for"])
    )
    from solvent.workers.store import JobStore

    store = JobStore(settings.home / "jobs.sqlite")
    try:
        if resume:
            record = _latest(store, path)
        else:
            record = _new_batch(store, settings, path, job_budget, limit, pattern, options)
        started = time.monotonic()
        results = out or settings.home / "results" / f"{record.id}.jsonl"
        interrupted = run(lambda stop: _run(stop, store, settings, record, jobs, results, quiet))
        finished = store.batch_jobs(record.id)
    finally:
        store.close()
    _report(record, finished, results, time.monotonic() - started, as_json)
    if interrupted:
        if not as_json:
            click.echo(f"go on with: solvent batch run {path} --resume", err=True)
        return INTERRUPTED
    return batch_exit_code(finished)


def batch_exit_code(jobs: list[JobRecord]) -> int:
    """Return 0 when all were solved; else what was in the way, the most telling first: 3, 4, 5, 1."""
    from solvent.agents.job import Outcome
    from solvent.service.cli.loop import exit_code

    codes = {exit_code(job.result) for job in jobs if job.result}
    codes |= {5 for job in jobs if job.result is None and job.error}
    if all(job.result is None for job in jobs):
        return 5
    if codes == {0}:
        return 0
    if any(job.result and job.result.outcome is Outcome.EXHAUSTED for job in jobs):
        return next((code for code in (70, 3) if code in codes), 4)
    return next((code for code in (70, 3, 2, 5) if code in codes), 1)


def _latest(store: JobStore, path: str) -> BatchRecord:
    source = path if path == "-" else str(Path(path).resolve())
    found = store.latest_batch(source)
    if found is None:
        raise click.UsageError(f"no batch was run from {path} yet: leave --resume out")
    return found


def _new_batch(
    store: JobStore,
    settings: Settings,
    path: str,
    job_budget: Budget | None,
    limit: int | None,
    pattern: str | None,
    options: dict[str, Any],
) -> BatchRecord:
    from solvent.service.cli.parts import check_strategy
    from solvent.service.cli.reading import read_problems
    from solvent.workers.ids import new_id
    from solvent.workers.intake import batch_jobs
    from solvent.workers.records import BatchRecord
    from solvent.workers.store import utc_now

    record = BatchRecord(
        id=new_id("batch"),
        source=path if path == "-" else str(Path(path).resolve()),
        strategy=options["strategy"],
        model=settings.model,
        model_for=roles_of(settings),
        seed=options["seed"],
        budget=options["budget"] or Budget(),
        job_budget=job_budget or Budget(),
        parameters=parse_parameters(options["params"]),
        created_at=utc_now(),
    )
    check_strategy(settings, record.strategy, record.parameters)
    found = batch_jobs(record, read_problems(path), limit=limit, pattern=pattern, grade=not options["no_grade"])
    store.add_batch(record, found)
    return record


async def _run(
    stop: asyncio.Event,
    store: JobStore,
    settings: Settings,
    record: BatchRecord,
    concurrency: int | None,
    results: Path,
    quiet: bool,
) -> bool:
    from rich.console import Console

    from solvent.locks import exclusive
    from solvent.service.cli.batch_display import BatchDisplay
    from solvent.service.cli.parts import open_parts
    from solvent.workers.results import append_result, write_results
    from solvent.workers.runner import run_jobs

    jobs = store.batch_jobs(record.id)
    progress = Console(stderr=True, quiet=quiet, soft_wrap=not sys.stderr.isatty())
    live = not quiet and sys.stdout.isatty() and sys.stderr.isatty()

    def ended(job: JobRecord) -> None:
        append_result(results, job)
        display.end(job)

    lock = exclusive(settings.home / "locks" / f"{record.id}.lock", f"batch {record.id!r}")
    with lock, BatchDisplay(progress, jobs, live=live) as display:
        async with open_parts(settings, record.model, record.model_for, batch=record) as parts:
            await run_jobs(
                store,
                jobs,
                parts.run_job,
                concurrency=concurrency or 2 * parts.cores,
                on_event=display.emit,
                on_end=ended,
                stop=stop,
            )
    write_results(results, store.batch_jobs(record.id))
    return stop.is_set()


def _report(record: BatchRecord, jobs: list[JobRecord], results: Path, wall_s: float, as_json: bool) -> None:
    from rich.console import Console

    from solvent.service.cli.scoreboard import print_scoreboard, totals
    from solvent.workers.results import result_row

    if as_json:
        body = {
            **record.model_dump(mode="json"),
            "results": str(results),
            "totals": totals(jobs),
            "jobs": [result_row(job) for job in jobs],
        }
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    print_scoreboard(console, jobs, wall_s)
    console.print(f"results: {results}   batch: {record.id}", style="dim", highlight=False, soft_wrap=True)


for command in COMMANDS:
    batch.add_command(command)
