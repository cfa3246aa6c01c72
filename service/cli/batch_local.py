"""`solvent batch run` on this machine: the jobs are run in this process, and whoever works on the same home helps."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.service.cli.batch_intake import local_settings, read_batch, source_of, store_batch

if TYPE_CHECKING:
    from solvent.settings import Settings
    from solvent.workers.records import BatchRecord, JobRecord
    from solvent.workers.runner import Runner
    from solvent.workers.service_store import ServiceStore

NEWEST = ""
"""In the place of an id: the newest batch of the path."""
_PAGE = 200


@dataclass(frozen=True)
class Wanted:
    """What is to be run, and how.

    Attributes:
        path: where the problems are; None where a batch is named by its id.
        resume: id of a stored batch (or the beginning or end of one), `NEWEST`, or None for a new batch.
        jobs: how many at once; None: twice the cores.
        out: results file; None: in the home.
        options: of `submission_options`.
    """

    path: str | None
    resume: str | None
    jobs: int | None
    out: Path | None
    quiet: bool
    as_json: bool
    options: Mapping[str, Any]


def run_here(wanted: Wanted) -> int:
    """Run a batch to its end, or until it is interrupted; returns the exit code."""
    from solvent.service.cli.batch import batch_exit_code
    from solvent.service.cli.batch_report import report
    from solvent.service.cli.loop import INTERRUPTED, run
    from solvent.service.http.answers import batch_answer
    from solvent.workers.results import result_rows

    settings = local_settings(wanted.options)
    started = time.monotonic()
    done = run(lambda stop: _run(stop, settings, wanted))
    batch = {**batch_answer(done.batch, done.counts).model_dump(mode="json"), "results": str(done.results)}
    rows = [json.loads(json.dumps(row)) for job in done.jobs for row in result_rows(job)]
    report(batch, rows, as_json=wanted.as_json, wall_s=time.monotonic() - started, plan=done.plan)
    if not wanted.as_json:
        click.echo(f"results: {done.results}   batch: {done.batch.id}")
    if done.interrupted:
        click.echo(f"go on with: solvent batch run --resume {done.batch.id}", err=True)
        return INTERRUPTED
    return batch_exit_code(done.jobs, planned=bool(done.plan.keys() & {"benchmark", "standings"}))


@dataclass(frozen=True)
class _Done:
    batch: BatchRecord
    counts: Any
    jobs: list[JobRecord]
    results: Path
    interrupted: bool
    plan: Mapping[str, Any]


async def _run(stop: asyncio.Event, settings: Settings, wanted: Wanted) -> _Done:
    from rich.console import Console

    from solvent.locks import exclusive
    from solvent.service.cli.batch_display import BatchDisplay
    from solvent.service.cli.batch_plan_view import LiveBoard, write_report
    from solvent.service.plans import plan_report
    from solvent.workers.embedded import open_embedded
    from solvent.workers.holders import local_holder
    from solvent.workers.home import home_database
    from solvent.workers.results import append_result, write_results
    from solvent.workers.runner import ignore, run_jobs
    from solvent.workers.steward import next_step
    from solvent.workers.working import open_working

    new = None
    if wanted.resume is None:
        assert wanted.path is not None, "looked at before"
        new = await asyncio.to_thread(read_batch, settings, wanted.path, wanted.options)
    progress = Console(stderr=True, quiet=wanted.quiet, soft_wrap=not sys.stderr.isatty())
    live = not wanted.quiet and sys.stdout.isatty() and sys.stderr.isatty()
    with local_holder(home_database(settings)) as holder:
        async with (
            open_embedded(settings) as embedded,
            open_working(settings, embedded, holder, on_event=ignore, stop=stop) as runner,
        ):
            store = runner.store
            if new is not None:
                batch_id = await store_batch(store, *new, wanted.options)
            else:
                batch_id = (await find_batch(store, wanted.path, wanted.resume or NEWEST)).id
            batch = await store.batch(batch_id)
            results = wanted.out or settings.home / "results" / f"{batch_id}.jsonl"
            with exclusive(settings.home / "locks" / f"{batch_id}.lock", f"batch {batch_id!r}"):
                if new is None or new[0].id != batch_id:
                    await _again(runner, batch_id)
                await next_step(store, batch, config_dir=settings.config_dir)
                jobs = [job async for job in store.batch_jobs(batch_id)]
                first = next((job.spec for job in jobs if job.spec is not None and not job.ended), None)
                if first is not None:
                    await embedded.open(first)
                board = LiveBoard(batch) if batch.plan.contest is not None else None
                with BatchDisplay(progress, jobs, live=live, board=board) as display:
                    runner.on_event = display.emit

                    def ended(job: JobRecord) -> None:
                        append_result(results, job)
                        display.end(job)

                    async def after(job: JobRecord) -> Sequence[JobRecord]:
                        return (await next_step(store, batch, config_dir=settings.config_dir)).queued

                    concurrency = wanted.jobs or 2 * embedded.cores
                    await run_jobs(runner, jobs, concurrency=concurrency, on_end=ended, after=after)
                jobs = [job async for job in store.batch_jobs(batch_id)]
                write_results(results, jobs)
            counts = await store.batch_counts(batch_id)
            plan = await plan_report(store, await store.batch(batch_id), unfreeze=True)
    if "benchmark" in plan:
        plan = {**plan, "report": str(write_report(results, plan["benchmark"]))}
    return _Done(batch, counts, jobs, results, stop.is_set(), plan)


async def _again(runner: Runner, batch_id: str) -> None:
    """Queue what was interrupted again; what failed stays failed (`batch retry`)."""
    from solvent.agents.job import JobStatus

    await runner.store.retry(batch_id=batch_id, statuses={JobStatus.CANCELLED})


async def find_batch(store: ServiceStore, path: str | None, resume: str) -> BatchRecord:
    """Return the batch that a person means.

    Raises:
        click.UsageError: there is none.
        ConfigError: several match.
    """
    from solvent.errors import ConfigError

    if resume != NEWEST:
        found = [id for id in await store.matching(resume, limit=_PAGE) if id.startswith("batch")]
        if resume in found or len(found) == 1:
            return await store.batch(resume if resume in found else found[0])
        if found:
            raise ConfigError(f"{len(found)} batches match {resume!r}", remedy="give more of the id")
        if path is not None or not await asyncio.to_thread(Path(resume).exists):
            raise click.UsageError(f"no batch matches {resume!r}: `solvent run list` shows them")
        path = resume
    if path is None:
        raise click.UsageError("give a PATH or --resume ID")
    before: str | None = None
    while page := await store.recent_batches(project=None, limit=_PAGE, before=before):
        for batch in page:
            if batch.source == source_of(path):
                return batch
        before = page[-1].id
    raise click.UsageError(f"no batch was run from {path} yet: leave --resume out")
