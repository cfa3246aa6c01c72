"""Commands of `python -m solvent.training` for the roles' data: attempts, and rows made of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from solvent.training.command_options import config_option, weights_option
from solvent.training.config import load_config

if TYPE_CHECKING:
    from solvent.models.base import ChatModel
    from solvent.sandbox.base import Sandbox


@click.command("attempts")
@weights_option
@config_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .jsonl file; what it holds is kept.")
@click.option("--problems", type=click.IntRange(1), default=1000, show_default=True, help="In the file in the end.")
@click.option("--samples", type=click.IntRange(1), default=8, show_default=True, help="Of each problem.")
@click.option("--temperature", type=float, default=1.0, show_default=True)
@click.option("--max-tokens", type=click.IntRange(1), default=320, show_default=True)
@click.option("--seed", type=int, default=11, show_default=True)
def attempts_command(
    weights: Path,
    config: Path,
    out: Path,
    problems: int,
    samples: int,
    temperature: float,
    max_tokens: int,
    seed: int,
) -> None:
    """Let the model try problems of the training split, and run all that it writes in the sandbox.

    Given again, the command goes on where it was stopped.
    """
    from solvent.training.attempts import AttemptSettings, collect

    settings = AttemptSettings(samples=samples, temperature=temperature, seed=seed, max_tokens=max_tokens)
    mixture = load_config(config).corpus

    async def run() -> int:
        async with opened(weights) as (model, sandbox):
            return await collect(model, sandbox, mixture, settings, problems, out, click.echo)

    click.echo(f"{asyncio.run(run())} problems in {out}")


@click.command("rows")
@click.option("--attempts", type=click.Path(path_type=Path, exists=True), required=True, help="What `attempts` wrote.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Such as RUN_DIR/rows/attempts.jsonl.")
@click.option("--seed", type=int, default=1, show_default=True)
def rows_command(attempts: Path, out: Path, seed: int) -> None:
    """Make rows of the corpus out of attempts: verify, refine, choose and summarise."""
    from solvent.training.attempts import read_attempts, rows_of_attempts

    rows = rows_of_attempts(list(read_attempts(attempts)), seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    with part.open("w") as file:
        for role, (prompt, completion) in rows:
            record = {"role": role, "prompt": prompt, "completion": completion}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    part.replace(out)
    click.echo(f"{len(rows)} rows in {out}")


@asynccontextmanager
async def opened(weights: Path) -> AsyncIterator[tuple[ChatModel, Sandbox]]:
    """The starter model with these weights and the sandbox of the settings; both are closed in the end."""
    from solvent.models.starter.model import StarterModel
    from solvent.sandbox.choose import open_sandbox
    from solvent.settings import Settings
    from solvent.training.starter_profile import starter_profile

    model = StarterModel(starter_profile(weights, concurrency=64))
    try:
        sandbox = await open_sandbox(Settings())
        try:
            yield model, sandbox
        finally:
            await sandbox.aclose()
    finally:
        await model.aclose()
