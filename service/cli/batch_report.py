"""What is shown and printed of a batch at its end, or as it stands; the same for this machine's and a server's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from solvent.workers.records import JobRecord


def report(
    batch: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    as_json: bool,
    wall_s: float | None = None,
    plan: Mapping[str, Any] | None = None,
) -> list[JobRecord]:
    """Print a batch with its jobs; returns them.

    Args:
        batch: its answer; what it has beyond the fields of the HTTP interface is printed as JSON too.
        rows: of results, in the batch's order.
        as_json: for machines.
        wall_s: how long it was watched.
        plan: what its plan has come to (`service.plans.plan_report`); empty where it has none.
    """
    from solvent.service.cli.batch_plan_view import print_plan
    from solvent.service.cli.remote import record_of
    from solvent.service.cli.scoreboard import print_scoreboard, totals

    plan = plan or {}
    jobs = [record_of({"position": number, **row}) for number, row in enumerate(rows)]
    if as_json:
        body = {**batch, "totals": totals(jobs), **plan, "jobs": list(rows)}
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return jobs
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 160)
    if "benchmark" in plan or "standings" in plan:
        print_plan(console, plan, jobs, wall_s)
        return jobs
    print_scoreboard(console, jobs, wall_s)
    print_plan(console, plan, jobs)
    return jobs
