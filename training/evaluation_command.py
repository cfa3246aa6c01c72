"""`python -m solvent.training evaluate`: all tables of the README from the committed weights, in one command."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from solvent.training.command_options import ROOM, weights_option
from solvent.training.families import FAMILIES

if TYPE_CHECKING:
    from solvent.training.evaluate import Evaluation, EvaluationSettings
    from solvent.training.evaluate_roles import RoleEvaluation
    from solvent.training.role_stage import RoleSettings

EVALUATION, ROLES, README = ROOM / "evaluation.json", ROOM / "roles.json", ROOM / "README.md"
PROBLEMS, SAMPLES = 10, 64
_CONCEPT_PROBLEMS = 2
"""Problems of a family of house rules, for each of its problems of solving."""
_PROGRAMS = 8
"""Samples of a problem that the roles look at; at least as many are left to compare them with."""

Only = Literal["solve", "roles"]


@click.command("evaluate")
@weights_option
@click.option("--only", type=click.Choice(["solve", "roles"]), help="One half. [default: both]")
@click.option("--problems", type=click.IntRange(1), default=PROBLEMS, show_default=True, help="Of each family.")
@click.option("--samples", type=click.IntRange(2), default=SAMPLES, show_default=True, help="Of each problem.")
@click.option("--family", "families", multiple=True, type=click.Choice(list(FAMILIES)), help="[default: all]")
@click.option("--processes", type=click.IntRange(1), help="That sample side by side. [default: one for each core]")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option(
    "--write/--no-write", default=True, help="Update evaluation.json, roles.json, README.md and the model card."
)
def evaluate_command(
    weights: Path,
    only: Only | None,
    problems: int,
    samples: int,
    families: tuple[str, ...],
    processes: int | None,
    seed: int,
    write: bool,
) -> None:
    """Measure solving and all roles on held-out compositions: pass@1 and pass@k by family and depth, and each role."""
    if families and write:
        raise click.UsageError("the README's tables are of all families: add --no-write to --family")
    run_evaluation(weights, only, problems, samples, families or tuple(FAMILIES), processes, seed, write=write)


def run_evaluation(
    weights: Path,
    only: Only | None,
    problems: int,
    samples: int,
    families: tuple[str, ...],
    processes: int | None,
    seed: int,
    *,
    write: bool,
) -> None:
    """What the command does; see its options."""
    from solvent.training.evaluate import EvaluationSettings, write_evaluation
    from solvent.training.report import describe, update_model_card, update_readme
    from solvent.training.role_report import describe_roles, update_roles
    from solvent.training.role_stage import RoleSettings

    started = time.monotonic()
    programs = min(_PROGRAMS, samples // 2)
    roles = RoleSettings(programs=programs, concept_problems=_CONCEPT_PROBLEMS * problems, seed=seed, families=families)
    drawn = min(samples, 2 * programs) if only == "roles" else samples
    settings = EvaluationSettings(problems_per_family=problems, samples=drawn, seed=seed, families=families)
    solving, played = asyncio.run(_evaluate(weights, settings, None if only == "solve" else roles, processes))
    if played is not None:
        click.echo(f"\n{describe_roles(played)}")
        if write:
            ROLES.write_text(played.model_dump_json(indent=1) + "\n")
            update_roles(played, README)
    if only != "roles":
        click.echo(f"\n{describe(solving)}")
        if write:
            write_evaluation(solving, EVALUATION)
            update_readme(solving, README)
            update_model_card(solving, weights / "model_card.json")
    click.echo(f"\n{time.monotonic() - started:.0f} s in all")


async def _evaluate(
    weights: Path, settings: EvaluationSettings, roles: RoleSettings | None, processes: int | None
) -> tuple[Evaluation, RoleEvaluation | None]:
    from solvent.sandbox.choose import open_sandbox
    from solvent.sandbox.layout import usable_cores
    from solvent.settings import Settings
    from solvent.training.evaluate import evaluate
    from solvent.training.evaluate_roles import evaluate_roles
    from solvent.training.sampler_pool import SamplerPool

    count = processes or usable_cores()
    sandbox = await open_sandbox(Settings())
    try:
        async with SamplerPool(weights, count, click.echo) as pool:
            pool.progress.begin("solve")
            solving, drawn, verdicts = await evaluate(pool, sandbox, settings, count, click.echo)
            if roles is None:
                return solving, None
            pool.progress.begin("roles")
            return solving, await evaluate_roles(pool, sandbox, roles, drawn, verdicts, click.echo)
    finally:
        await sandbox.aclose()
