"""Options that make a batch more than a list of jobs: a shared budget, many attempts, a contest, an estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def plan_options(command: Command) -> Command:
    """Add the options of a batch's plan to `batch run` and `batch submit`."""
    for option in reversed(
        [
            click.option(
                "--allocation",
                metavar="POLICY",
                help="Share --budget between the problems: even or adaptive. [default: first come, first served]",
            ),
            click.option(
                "--attempts",
                "-k",
                type=click.IntRange(1, 1000),
                default=1,
                show_default=True,
                help="Benchmark: K independent attempts at each problem, reported as pass@k.",
            ),
            click.option(
                "--contest",
                metavar="FILE|TIME",
                help="Contest: rules and teams in a TOML file, or only its length, such as 30m.",
            ),
            click.option(
                "--dry-run", is_flag=True, help="Read and check everything, estimate what it would take, run nothing."
            ),
        ]
    ):
        command = option(command)
    return command


def plan_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a batch request that the options of `plan_options` stand for.

    Raises:
        ConfigError: the contest's file cannot be read or is wrong.
        click.UsageError: options do not go together.
    """
    plan: dict[str, Any] = {}
    if options.get("allocation"):
        plan["allocation"] = options["allocation"]
    if options.get("attempts", 1) > 1:
        plan["attempts"] = options["attempts"]
    if options.get("contest"):
        from solvent.service.contest_file import read_contest

        if plan:
            raise click.UsageError("--contest goes without --attempts and --allocation; its file says how often to try")
        plan["contest"] = read_contest(options["contest"]).model_dump(mode="json", exclude_defaults=True)
    return {"plan": plan} if plan else {}
