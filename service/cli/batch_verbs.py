"""`solvent batch submit|status|watch|cancel|retry|export|submission`: of batches here, and with --url of a server's."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.service.cli.backend import open_backend
from solvent.service.cli.batch_options import submission_options
from solvent.service.cli.options import json_option

if TYPE_CHECKING:
    from solvent.service.cli.backend import Answer, Backend
    from solvent.workers.records import JobRecord


@click.command("submit")
@click.argument("path")
@submission_options
@json_option
def submit(path: str, as_json: bool, **options: Any) -> None:
    """Store every problem in PATH as a batch and go away.

    `solvent serve all` works on it, here or on the server; without one, `solvent batch run --resume ID` does.
    """
    if options["dry_run"]:
        dry_run(path, options, as_json=as_json)
        return
    with open_backend() as backend:
        answer = backend.submit_path(path, options)
        hint = backend.idle_hint(answer["id"])
    if as_json:
        _print(answer)
        return
    failed = answer["by_status"].get("failed", 0)
    unread = f", {failed} of them unreadable" if failed else ""
    click.echo(f"{answer['total']} jobs{unread}; watch them with: solvent batch watch {answer['id']}", err=True)
    if hint:
        click.echo(hint, err=True)
    click.echo(answer["id"])


@click.command("status")
@click.argument("batch_id", metavar="ID")
@json_option
def status(batch_id: str, as_json: bool) -> None:
    """Show how a batch stands."""
    with open_backend() as backend:
        answer = backend.batch(backend.resolve(batch_id))
    if as_json:
        _print(answer)
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
    with open_backend() as backend:
        return watch_batch(backend, backend.resolve(batch_id), quiet=quiet, as_json=as_json)


@click.command("cancel")
@click.argument("batch_id", metavar="ID")
@json_option
def cancel(batch_id: str, as_json: bool) -> None:
    """Stop all jobs of a batch; what they have is kept, and `batch retry` goes on with them."""
    with open_backend() as backend:
        answer = backend.cancel(backend.resolve(batch_id))
    if as_json:
        _print(answer)
    else:
        click.echo(f"{answer['stopping']} jobs are stopping")


@click.command("retry")
@click.argument("batch_id", metavar="ID")
@json_option
def retry(batch_id: str, as_json: bool) -> None:
    """Queue the failed, cancelled and expired jobs of a batch again."""
    with open_backend() as backend:
        answer = backend.retry(backend.resolve(batch_id))
        hint = backend.idle_hint(answer["id"]) if answer["queued"] else None
    if as_json:
        _print(answer)
        return
    click.echo(f"{answer['queued']} jobs are queued again")
    if hint:
        click.echo(hint, err=True)


@click.command("export")
@click.argument("batch_id", metavar="ID")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File. [default: standard output]")
@json_option
def export(batch_id: str, out: Path | None, as_json: bool) -> None:
    """Write the results of a batch as JSONL, in its order, a row for each problem (docs/batches.md).

    --json writes one JSON array instead.
    """
    with open_backend() as backend:
        rows = backend.ordered_rows(backend.resolve(batch_id))
        lines = _array(rows) if as_json else (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        if out is None:
            for line in lines:
                click.echo(line, nl=False)
        else:
            _write(out, lines)
            click.echo(f"results: {out}", err=True)


@click.command("submission")
@click.argument("batch_id", metavar="ID")
@click.option("--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File. [default: standard output]")
def submission(batch_id: str, out: Path | None) -> None:
    """Write the attempts of a batch of grids (ARC) as a submission: attempt_1 and attempt_2 for each test input."""
    from solvent.service.submission import submission_of

    with open_backend() as backend:
        tasks = submission_of(backend.ordered_rows(backend.resolve(batch_id)))
    if not tasks:
        raise click.UsageError("this batch has no problem of kind grid that ended")
    text = json.dumps(tasks) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        _write(out, [text])
        click.echo(f"submission: {out}, {len(tasks)} tasks", err=True)


@click.command("standings")
@click.argument("batch_id", metavar="ID")
@click.option("--unfreeze", is_flag=True, help="Show the rulings since the freeze.")
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until the contest is over.")
@json_option
def standings(batch_id: str, unfreeze: bool, watch: bool, as_json: bool) -> None:
    """Show the board of a contest."""
    from solvent.service.cli.batch_plan_view import watch_board
    from solvent.service.cli.standings_view import print_board

    with open_backend() as backend:
        found = backend.resolve(batch_id)
        if watch and not as_json:
            watch_board(lambda: backend.standings(found, unfreeze=unfreeze))
            return
        answer = backend.standings(found, unfreeze=unfreeze)
    if as_json:
        _print(answer)
        return
    from rich.console import Console

    print_board(Console(width=None if sys.stdout.isatty() else 160), answer)


@click.command("report")
@click.argument("batch_id", metavar="ID")
@json_option
def report_plan(batch_id: str, as_json: bool) -> None:
    """Show what the plan of a batch has come to: pass@k, shares of the budget, or standings."""
    from solvent.service.cli.batch_plan_view import print_plan

    with open_backend() as backend:
        answer = backend.plan_report(backend.resolve(batch_id))
    if not answer:
        raise click.UsageError("this batch has neither an allocation nor several attempts, and is no contest")
    if as_json:
        _print(answer)
        return
    from rich.console import Console

    print_plan(Console(width=None if sys.stdout.isatty() else 160), answer, ())


COMMANDS = (submit, status, watch, cancel, retry, export, submission, standings, report_plan)


def dry_run(path: str, options: dict[str, Any], *, as_json: bool) -> int:
    """Print what a batch would take; runs and stores nothing. Returns the exit code: 5 where nothing can be read."""
    with open_backend() as backend:
        answer = backend.estimate_path(path, options)
    if as_json:
        _print(answer)
    else:
        from rich.console import Console

        from solvent.service.cli.estimate_view import print_estimate

        print_estimate(Console(width=None if sys.stdout.isatty() else 160), answer)
    return 0 if answer["jobs"] else 5


def run_there(
    backend: Backend, path: str, out: Path | None, *, quiet: bool, as_json: bool, options: dict[str, Any]
) -> int:
    """Submit a batch to a server, watch it to its end and write its results; returns the exit code."""
    answer = backend.submit_path(path, options)
    click.echo(f"{answer['id']} at {backend.place}: {answer['total']} jobs", err=True)
    code = watch_batch(backend, answer["id"], quiet=quiet, as_json=as_json)
    if out is not None:
        _write(out, (json.dumps(row, ensure_ascii=False) + "\n" for row in backend.ordered_rows(answer["id"])))
        click.echo(f"results: {out}", err=True)
    return code


def watch_batch(backend: Backend, batch_id: str, *, quiet: bool, as_json: bool) -> int:
    """Show the jobs of a batch as they end, then the scoreboard; returns the exit code.

    Raises:
        KeyboardInterrupt: the user went away; the batch goes on.
    """
    from rich.console import Console

    from solvent.service.cli.batch import batch_exit_code
    from solvent.service.cli.batch_display import BatchDisplay
    from solvent.service.cli.batch_plan_view import has_plan
    from solvent.service.cli.batch_report import report
    from solvent.service.cli.remote import record_of

    started = time.monotonic()
    batch = backend.batch(batch_id)
    waiting = [_waiting(batch_id, position) for position in range(batch["total"])]
    progress = Console(stderr=True, quiet=quiet, soft_wrap=not sys.stderr.isatty())
    live = not quiet and sys.stdout.isatty() and sys.stderr.isatty()
    hint = backend.idle_hint(batch_id) if batch["ended"] < batch["total"] else None
    if hint:
        click.echo(hint, err=True)
    try:
        with BatchDisplay(progress, waiting, live=live) as display:
            for row in _withholding(backend, batch, backend.results(batch_id, follow=True)):
                display.end(record_of(_named(row)))
    except KeyboardInterrupt:
        click.echo(f"{batch_id} goes on; see it with: solvent batch watch {batch_id}", err=True)
        raise
    rows = list(backend.ordered_rows(batch_id))
    plan = backend.plan_report(batch_id) if has_plan(batch) else {}
    jobs = report(backend.batch(batch_id), rows, as_json=as_json, wall_s=time.monotonic() - started, plan=plan)
    return batch_exit_code(jobs, planned=bool(plan.keys() & {"benchmark", "standings"}))


def _withholding(backend: Backend, batch: Answer, rows: Iterable[Answer]) -> Iterator[Answer]:
    """Yield rows as the public of a contest may see them: once the board is frozen, without their grades."""
    contest = batch["plan"]["contest"]
    frozen = False
    for row in rows:
        if contest and contest["freeze_s"] and not frozen:
            frozen = backend.standings(batch["id"])["frozen"]
        yield {**row, "grade": None} if frozen else row


def _named(row: Answer) -> Answer:
    """Return a row with the team and the attempt in its name, where it has them."""
    attempt = f" #{row['attempt']}" if row.get("team") or row.get("attempt", 1) > 1 else ""
    team = f"{row['team']}: " if row.get("team") else ""
    return {**row, "custom_id": f"{team}{row['custom_id']}{attempt}"} if attempt else row


def _print(answer: Answer) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def _array(rows: Iterable[Answer]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _waiting(batch_id: str, position: int) -> JobRecord:
    from solvent.workers.records import JobRecord

    return JobRecord(id=str(position), batch_id=batch_id, position=position, custom_id="", created_at="")


def _write(path: Path, lines: Iterable[str]) -> None:
    from solvent.errors import StoreError, boundary

    with boundary(StoreError, f"write the results to {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        temporary.replace(path)
