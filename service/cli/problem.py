"""`solvent problem`: look after problem packages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from solvent.service.cli.options import json_option, load_settings

if TYPE_CHECKING:
    import asyncio

    from pydantic import JsonValue

    from solvent.errors import DataError
    from solvent.problems.problem import Problem
    from solvent.sandbox.verify import Checked, Report
    from solvent.settings import Settings


@click.group()
def problem() -> None:
    """Look after problem packages."""


@problem.command(
    epilog="""Examples:

\b
  solvent problem verify mypackage/
  solvent problem verify contest/ --json
  solvent problem verify packages.jsonl --no-margin
  solvent problem verify contest/ --time-scale 2"""
)
@click.argument("packages", nargs=-1, required=True)
@click.option("--sandbox", type=click.Choice(["auto", "docker", "local"]), help="Sandbox backend. [default: auto]")
@click.option(
    "--margin/--no-margin",
    default=True,
    show_default=True,
    help="Run submissions that must not fit under a wider time limit too, and note those that hang on the limit.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=0, min_open=True, max=100),
    default=1.0,
    show_default=True,
    help="Multiply all time limits: how much slower this machine is than the one that they were made for.",
)
@json_option
def verify(packages: tuple[str, ...], sandbox: str | None, margin: bool, time_scale: float, as_json: bool) -> int:
    """Run the submissions of PACKAGES: each must get the verdict, and score, that it is meant to get.

    PACKAGES are problem packages (Kattis, ICPC, Polygon, DMOJ), folders of them, or files of problems. Where a package
    states no time limit, it follows from the accepted submissions. A submission in a language that is not installed is
    named and not counted. Exit code 0 if all is as it must be, 1 if a submission got something else, 5 if a package
    could not be read (the others are verified).
    """
    settings = load_settings(sandbox=sandbox)
    problems, errors = _read(packages)
    reports = _verify(settings, problems, margin=margin, time_scale=time_scale, as_json=as_json)
    if as_json:
        rows: dict[str, JsonValue] = {
            "problems": [report.to_dict() for report in reports],
            "errors": [dict(error.to_dict()) for error in errors],
        }
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for report in reports:
            _show(report)
        for error in errors:
            click.echo(f"bad data: {error}", err=True)
        _sum_up(reports, errors)
    if errors:
        return 5
    return 0 if all(report.ok for report in reports) else 1


def _read(packages: tuple[str, ...]) -> tuple[list[Problem], list[DataError]]:
    from solvent.errors import DataError
    from solvent.service.cli.reading import read_problems

    found = [item for path in packages for item in read_problems(path)]
    errors = [item for item in found if isinstance(item, DataError)]
    problems = [item for item in found if not isinstance(item, DataError)]
    if not problems and not errors:
        raise DataError("holds no problem", file=packages[0])
    return problems, errors


def _verify(
    settings: Settings, problems: list[Problem], *, margin: bool, time_scale: float, as_json: bool
) -> list[Report]:
    from solvent.sandbox.choose import open_sandbox
    from solvent.sandbox.verify import verify as verify_problem
    from solvent.service.cli.loop import run, unless_stopped

    total = sum(len(one.solutions) for one in problems)
    done = 0

    def on_checked(one: Problem, row: Checked) -> None:
        nonlocal done
        done += 1
        if not as_json:
            click.echo(f"[{done}/{total}] {one.id}  {_line(row)}", err=True)

    async def verify_all() -> list[Report]:
        sandbox = await open_sandbox(settings)
        try:
            return [
                await verify_problem(
                    sandbox, one, margin=margin, time_scale=time_scale, on_checked=on_checked, job=one.id
                )
                for one in problems
            ]
        finally:
            await sandbox.aclose()

    async def main(stop: asyncio.Event) -> list[Report]:
        return await unless_stopped(verify_all(), stop) if total else []

    return run(main)


def _line(row: Checked) -> str:
    verdict = row.judgement.verdict.value if row.judgement else "not judged"
    words = [row.solution.name, verdict, *row.complaints]
    if row.exception:
        words.append(f"({row.exception})")
    return "  ".join(words)


def _show(report: Report) -> None:
    from solvent.service.cli.table import show_rows

    found = " (from the accepted submissions)" if report.limit_found else ""
    click.echo(f"{report.problem.id}: time limit {report.limit_s:g} s{found}")
    rows = [_cells(row) for row in report.rows]
    columns = ["submission", "language", "slowest", "verdict", "expected", "ok"]
    if report.problem.scoring:
        columns.insert(4, "score")
    if any(row["note"] for row in rows):
        columns.append("note")
    show_rows(rows, columns, as_json=False, empty="no submissions")
    for line in (*report.complaints, *report.notes):
        click.echo(f"note: {line}")
    click.echo()


def _cells(row: Checked) -> dict[str, JsonValue]:
    judgement, solution = row.judgement, row.solution
    expected = "/".join(verdict.value for verdict in solution.allowed_verdicts)
    if solution.partial:
        expected += " (partial)"
    if solution.score is not None:
        least, greatest = solution.score
        expected += f" {least:g}" if least == greatest else f" {least:g}..{greatest:g}"
    note = "; ".join(filter(None, [*row.complaints, row.exception, row.note]))
    return {
        "submission": solution.name,
        "language": solution.language,
        "slowest": f"{judgement.slowest_s:.2f} s" if judgement and judgement.tests else "-",
        "verdict": judgement.verdict.value if judgement else "-",
        "score": "-" if judgement is None or judgement.score is None else f"{judgement.score:g}",
        "expected": expected,
        "ok": "NO" if not row.ok else "-" if row.exception else "yes",
        "note": note.split("\n", 1)[0][:200],
    }


def _sum_up(reports: list[Report], errors: list[DataError]) -> None:
    rows = [row for report in reports for row in report.rows]
    wrong = sum(not row.ok for row in rows)
    named = sum(row.ok and bool(row.exception) for row in rows)
    words = [f"{len(rows) - wrong - named} of {len(rows)} submissions as expected"]
    if wrong:
        words.append(f"{wrong} not")
    if named:
        words.append(f"{named} not counted (see note)")
    if errors:
        words.append(f"{len(errors)} package{'s' if len(errors) > 1 else ''} not read")
    click.echo(" · ".join(words))
