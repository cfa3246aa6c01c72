"""`solvent batch`: many problems under one budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.service.cli.batch_options import submission_options
from solvent.service.cli.batch_verbs import COMMANDS
from solvent.service.cli.options import json_option
from solvent.service.cli.remote import refuse_options, server_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from solvent.workers.records import JobRecord


@click.group()
def batch() -> None:
    """Run many problems under one budget: on this machine, or with --url on a server."""


@batch.command(
    "run",
    epilog="""Examples:

\b
  solvent batch run problems/ --budget tokens=500k,time=30m
  solvent batch run humaneval.jsonl --limit 20 --out results.jsonl
  solvent batch run problems/ --budget tokens=500k --allocation adaptive
  solvent batch run problems/ --attempts 16
  solvent batch run problems/ --contest contest.toml
  solvent batch run problems/ --again results.jsonl --seed 1
  solvent batch run problems/ --resume
  solvent batch run --resume batch-20260131-142530-k7x2q""",
)
@click.argument("path", required=False)
@submission_options
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Jobs at once. [default: twice the cores]")
@click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Results file. [default: in the home]"
)
@click.option(
    "--resume",
    metavar="[ID]",
    is_flag=False,
    flag_value="",
    help="Go on with this batch, or with the newest one of PATH, instead of starting a new one.",
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@json_option
def run_batch(
    path: str | None,
    jobs: int | None,
    out: Path | None,
    resume: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Solve every problem in PATH: a file of many rows, a problem package, or a folder of any of them (`-`: input).

    A row that cannot be read is reported and the others run. Results are appended to a JSONL file as they come, one
    row per problem with its `custom_id`, and put into the batch's order at the end. --budget holds for the whole
    batch.
    """
    if path is None and not resume:
        raise click.UsageError("give a PATH, or --resume ID")
    if options["dry_run"]:
        from solvent.service.cli.batch_verbs import dry_run

        if path is None or resume is not None:
            raise click.UsageError("--dry-run estimates a new batch: give a PATH and leave --resume out")
        return dry_run(path, {**options, "jobs": jobs}, as_json=as_json)
    if server_url() is not None:
        from solvent.service.cli.backend import open_backend
        from solvent.service.cli.batch_verbs import run_there

        refuse_options(jobs=jobs, resume=resume is not None)
        assert path is not None
        with open_backend() as backend:
            return run_there(backend, path, out, quiet=quiet, as_json=as_json, options=options)
    from solvent.service.cli.batch_local import Wanted, run_here

    return run_here(Wanted(path, resume, jobs, out, quiet, as_json, options))


def batch_exit_code(jobs: Sequence[JobRecord], *, planned: bool = False) -> int:
    """Return 0 when all were solved; else what was in the way, the most telling first: 3, 4, 5, 1.

    Of a contest or a benchmark (`planned`) unsolved problems are a result as any other, and no reason for a code.
    """
    from solvent.agents.job import Outcome
    from solvent.service.cli.loop import exit_code

    codes = {exit_code(job.result) for job in jobs if job.result}
    codes |= {5 for job in jobs if job.result is None and job.error}
    if all(job.result is None for job in jobs):
        return 5
    if planned:
        codes -= {1, 4}
        return next((code for code in (70, 3, 2, 5) if code in codes), 0)
    if codes == {0}:
        return 0
    if any(job.result and job.result.outcome is Outcome.EXHAUSTED for job in jobs):
        return next((code for code in (70, 3) if code in codes), 4)
    return next((code for code in (70, 3, 2, 5) if code in codes), 1)


for command in COMMANDS:
    batch.add_command(command)
