"""What a batch is submitted with, whoever runs it and wherever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from solvent.service.cli.batch_plan import plan_fields, plan_options
from solvent.service.cli.budget import BudgetType
from solvent.service.cli.options import solving_options

Command = TypeVar("Command", bound=Callable[..., Any])


def submission_options(command: Command) -> Command:
    """Add the options of `batch run` and `batch submit`."""
    for option in reversed(
        [
            solving_options,
            click.option("--job-budget", type=BudgetType(), help="Hard caps of each job by itself, like --budget."),
            click.option("--limit", "-n", type=click.IntRange(min=1), help="Take only the first N problems."),
            click.option(
                "--filter", "pattern", metavar="GLOB", help="Take only problems whose id matches, such as 'list-*'."
            ),
            click.option(
                "--again",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                metavar="RESULTS",
                help="Take only problems that this results file of an earlier run left unsolved.",
            ),
            click.option(
                "--learned",
                is_flag=True,
                help="Of those of --again, only problems that name a concept which they were not shown then.",
            ),
            click.option(
                "--priority",
                type=click.IntRange(-100, 100),
                default=0,
                show_default=True,
                help="The greater, the sooner, among what waits.",
            ),
            click.option(
                "--dedupe", is_flag=True, help="Run equal problems once; their rows share the result and say so."
            ),
            click.option(
                "--idempotency-key",
                metavar="TEXT",
                help="The same text within 24 hours gives the same batch, and submits nothing again.",
            ),
            plan_options,
        ]
    ):
        command = option(command)
    return command


def batch_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request for a batch that one for a job does not have; see `http.requests.BatchOptions`."""
    budget = options["job_budget"]
    fields: dict[str, Any] = {
        "job_budget": budget.model_dump(mode="json", exclude_none=True) if budget is not None else None,
        "priority": options["priority"] or None,
        "dedupe": options["dedupe"] or None,
    }
    return {**{name: value for name, value in fields.items() if value is not None}, **plan_fields(options)}
