"""`solvent solve`: one problem, watched live."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import StoreError, boundary
from solvent.service.cli.options import (
    json_option,
    memory_policy,
    parse_parameters,
    roles_of,
    solving_options,
)
from solvent.service.cli.remote import server_url
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.agents.events import Event
    from solvent.problems.problem import Problem
    from solvent.service.cli.display import LiveDisplay
    from solvent.service.cli.plain import PlainDisplay
    from solvent.settings import Settings
    from solvent.workers.embedded import Embedded
    from solvent.workers.records import JobRecord
    from solvent.workers.runner import OnEvent


@click.command(
    epilog="""Examples:

\b
  solvent solve problem.md
  solvent solve package.zip --budget tokens=20k,time=90s
  curl -s https://example.org/problem.md | solvent solve -
  solvent solve --resume job-20260131-142530-k7x2q"""
)
@click.argument("file", required=False)
@solving_options
@click.option(
    "--resume", metavar="JOB", help="Go on with an interrupted job; nothing that was committed is spent again."
)
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the answer (only) to this file."
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
def solve(file: str | None, resume: str | None, out: Path | None, quiet: bool, as_json: bool, **options: Any) -> int:
    """Solve the problem in FILE (`-` reads standard input).

    Every format of docs/problem-formats.md is found by its content. The answer comes with its evidence; hidden tests
    and gold answers grade it after the selection and never take part in it.
    """
    if server_url() is not None:
        from solvent.service.cli.remote_solve import solve as solve_there

        return solve_there(file, resume, out, quiet, as_json, **options)
    from solvent.service.cli.loop import INTERRUPTED, exit_code, run
    from solvent.workers.results import result_row

    if (file is None) == (resume is None):
        raise click.UsageError("give one FILE (or -), or --resume JOB")
    finished = run(lambda stop: _solve(stop, file, resume, quiet, options))
    result = finished.result
    assert result is not None
    if out and result.answer:
        with boundary(StoreError, f"write the answer to {out}", OSError):
            out.write_text(result.answer.program or result.answer.text, encoding="utf-8")
    if as_json:
        click.echo(json.dumps(result_row(finished), ensure_ascii=False, indent=2))
        return exit_code(result)
    from rich.console import Console

    from solvent.service.cli.display import print_result

    console = Console(soft_wrap=not sys.stdout.isatty())
    print_result(console, result)
    if exit_code(result) == INTERRUPTED:
        console.print(f"go on with: solvent solve --resume {finished.id}", markup=False, highlight=False)
    return exit_code(result)


async def _solve(
    stop: asyncio.Event, file: str | None, resume: str | None, quiet: bool, options: dict[str, Any]
) -> JobRecord:
    from solvent.service.cli.batch_intake import local_settings
    from solvent.service.cli.parts import check_strategy
    from solvent.service.cli.reading import read_problem
    from solvent.workers.embedded import check_models, open_embedded
    from solvent.workers.working import run_new_job

    settings = local_settings(options)
    problem = None if file is None else await asyncio.to_thread(read_problem, file)
    record = await _stored_job(settings, resume or "") if problem is None else _new_job(settings, problem, options)
    assert record.spec is not None
    check_strategy(settings, record.spec.strategy, record.spec.parameters)
    check_models(settings, record.spec)
    with job_display(quiet) as display:

        def show(_: JobRecord, event: Event) -> None:
            display.emit(event)

        async with open_embedded(settings) as embedded:
            await embedded.open(record.spec)
            if problem is not None:
                return await run_new_job(settings, embedded, record, on_event=show, stop=stop)
            return await _go_on(settings, embedded, record, show, stop)


def _new_job(settings: Settings, problem: Problem, options: dict[str, Any]) -> JobRecord:
    from solvent.agents.job import JobSpec
    from solvent.workers.ids import new_id
    from solvent.workers.records import JobRecord, utc_now

    spec = JobSpec(
        id=new_id("job"),
        problem=problem,
        strategy=options["strategy"],
        parameters=parse_parameters(options["params"]),
        budget=options["budget"] or Budget(),
        model=settings.model,
        model_for=roles_of(settings),
        seed=options["seed"],
        memory=memory_policy(options["memory"]),
        grade=not options["no_grade"],
    )
    return JobRecord(id=spec.id, custom_id=problem.id, spec=spec, created_at=utc_now())


async def _stored_job(settings: Settings, part: str) -> JobRecord:
    """Return the job that a person means, which has not ended, or was cancelled."""
    from solvent.agents.job import JobStatus
    from solvent.errors import ConfigError
    from solvent.workers.home import open_home

    database = await open_home(settings)
    try:
        found = [id for id in await database.store.matching(part, limit=100) if not id.startswith("batch")]
        if part not in found and len(found) != 1:
            raise ConfigError(f"{len(found) or 'no'} jobs match {part!r}", remedy="`solvent run list` shows them")
        job = await database.store.job(part if part in found else found[0])
    finally:
        await database.aclose()
    if job.spec is None or (job.ended and job.status is not JobStatus.CANCELLED):
        raise click.UsageError(f"{job.id} has ended ({job.status.value}): nothing to resume")
    return job


async def _go_on(
    settings: Settings, embedded: Embedded, record: JobRecord, on_event: OnEvent, stop: asyncio.Event
) -> JobRecord:
    from solvent.agents.job import JobStatus
    from solvent.workers.holders import local_holder
    from solvent.workers.home import home_database
    from solvent.workers.working import open_working, run_stored

    with local_holder(home_database(settings)) as holder:
        async with open_working(settings, embedded, holder, on_event=on_event, stop=stop) as runner:
            await runner.store.retry(job_id=record.id, statuses={JobStatus.CANCELLED})
            return await run_stored(runner, record.id)


def job_display(quiet: bool) -> LiveDisplay | PlainDisplay:
    """Return the display of one job: a live picture on a terminal, else lines."""
    if quiet or not (sys.stdout.isatty() and sys.stderr.isatty()):
        from solvent.service.cli.plain import PlainDisplay

        return PlainDisplay(quiet=quiet)
    from rich.console import Console

    from solvent.service.cli.display import LiveDisplay

    return LiveDisplay(Console(stderr=True))
