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
    load_settings,
    parse_model_for,
    parse_parameters,
    roles_of,
    solving_options,
)
from solvent.service.cli.remote import server_url
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.service.cli.display import LiveDisplay
    from solvent.service.cli.plain import PlainDisplay
    from solvent.workers.records import JobRecord


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
    from solvent.agents.job import JobSpec
    from solvent.service.cli.parts import check_strategy, open_parts
    from solvent.service.cli.reading import read_problem
    from solvent.workers.ids import new_id
    from solvent.workers.runner import run_stored_job
    from solvent.workers.store import JobStore

    settings = load_settings(
        sandbox=options["sandbox"], model=options["model"], model_for=parse_model_for(options["model_for"])
    )
    problem = None if file is None else await asyncio.to_thread(read_problem, file)
    store = JobStore(settings.home / "jobs.sqlite")
    try:
        if problem is not None:
            spec = JobSpec(
                id=new_id("job"),
                problem=problem,
                strategy=options["strategy"],
                parameters=parse_parameters(options["params"]),
                budget=options["budget"] or Budget(),
                model=settings.model,
                model_for=roles_of(settings),
                seed=options["seed"],
                grade=not options["no_grade"],
            )
        else:
            job = store.job(resume or "")
            if job.ended or job.spec is None:
                raise click.UsageError(f"{job.id} has ended ({job.status.value}): nothing to resume")
            spec = job.spec
        check_strategy(settings, spec.strategy, spec.parameters)
        with job_display(quiet) as display:
            async with open_parts(settings, spec.model, spec.model_for) as parts:
                record = store.job(spec.id) if resume else store.add_job(spec, custom_id=spec.problem.id)
                task = asyncio.create_task(
                    run_stored_job(store, record, parts.run_job, lambda _, event: display.emit(event))
                )
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                if not task.done():
                    task.cancel()
                return await task
    finally:
        store.close()


def job_display(quiet: bool) -> LiveDisplay | PlainDisplay:
    """Return the display of one job: a live picture on a terminal, else lines."""
    if quiet or not (sys.stdout.isatty() and sys.stderr.isatty()):
        from solvent.service.cli.plain import PlainDisplay

        return PlainDisplay(quiet=quiet)
    from rich.console import Console

    from solvent.service.cli.display import LiveDisplay

    return LiveDisplay(Console(stderr=True))
