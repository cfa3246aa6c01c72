"""`python -m solvent.training`: make the starter model again, and measure it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from solvent.training.command_options import (
    ROOM,
    WEIGHTS,
    config_option,
    device_option,
    run_option,
    threads_option,
    weights_option,
    workers_option,
)
from solvent.training.config import load_config
from solvent.training.evaluation_command import PROBLEMS, SAMPLES, evaluate_command, run_evaluation
from solvent.training.families import FAMILIES, Split, generate
from solvent.training.families.catalog import MAX_DEPTH
from solvent.training.role_commands import attempts_command, rows_command


@click.group()
def main() -> None:
    """Make and measure the starter model. Needs the extra `training`, but for `generate`."""


@main.command("generate")
@click.option("--split", type=click.Choice(["train", "held-out"]), default="held-out", show_default=True)
@click.option("--family", "families", multiple=True, type=click.Choice(list(FAMILIES)), help="Default: all.")
@click.option("--depth", "depths", multiple=True, type=click.IntRange(1, MAX_DEPTH), help="Default: 1 to 8.")
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="Problems in all.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A directory, or a .jsonl file.")
def generate_command(
    split: Split, families: tuple[str, ...], depths: tuple[int, ...], count: int, seed: int, out: Path
) -> None:
    """Write generated problems: one Markdown file each, or one JSONL file."""
    from solvent.problems.readers.native_writer import to_native

    cells = [
        (family, depth)
        for depth in depths or range(1, MAX_DEPTH + 1)
        for family in families or FAMILIES
        if depth <= FAMILIES[family].max_depth
    ]
    problems = []
    for number, (family, depth) in enumerate(cells):
        problems += generate(split, family, depth, len(range(number, count, len(cells))), seed)
    if out.suffix == ".jsonl":
        out.parent.mkdir(parents=True, exist_ok=True)
        rows = (problem.model_dump(mode="json", exclude_defaults=True) for problem in problems)
        out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    else:
        out.mkdir(parents=True, exist_ok=True)
        for problem in problems:
            (out / f"{problem.id}.md").write_text(to_native(problem))
    click.echo(f"{len(problems)} problems in {out}")


@main.command("tokenizer")
@config_option
@run_option
def tokenizer_command(config: Path, run_dir: Path) -> None:
    """Learn the tokenizer."""
    from solvent.training.tokenizer import save_tokenizer, train_tokenizer

    settings = load_config(config)
    save_tokenizer(train_tokenizer(settings), run_dir, settings.model.context)
    click.echo(f"tokenizer in {run_dir}")


@main.command("corpus")
@config_option
@run_option
@click.option("--shards", type=click.IntRange(1), default=4, show_default=True, help="How many, from the first one on.")
def corpus_command(config: Path, run_dir: Path, shards: int) -> None:
    """Draw shards of the corpus before they are needed, and say what is in them. `train` draws what it lacks itself."""
    from solvent.training.shards import describe_shard, draw_shards

    for number, path in enumerate(draw_shards(load_config(config), run_dir, shards)):
        click.echo(f"{path}\n{describe_shard(run_dir, number)}")


@main.command("train")
@config_option
@run_option
@click.option(
    "--tokens", type=click.IntRange(1), help="Train at the constant rate up to so many tokens. [default: config's]"
)
@click.option(
    "--cool-down-tokens", type=click.IntRange(1),
    help="Cool down over so many tokens, into final.pt; without --tokens, from where the constant rate stands.",
)  # fmt: skip
@device_option
@workers_option
@threads_option
@click.pass_context
def train_command(
    context: click.Context,
    config: Path,
    run_dir: Path,
    tokens: int | None,
    cool_down_tokens: int | None,
    device: Literal["auto", "cpu", "cuda"],
    workers: int,
    threads: int,
) -> None:
    """Train, from the last checkpoint if there is one.

    The constant rate is kept in stable.pt, and can go on after a cool-down as if that had not been. Without --tokens
    and --cool-down-tokens, both are the configuration's. SIGTERM and Ctrl-C write a checkpoint and end the run.
    """
    from tokenizers import Tokenizer

    from solvent.training.curves import draw_curves
    from solvent.training.trainer import Plan, train

    settings = load_config(config)
    if tokens is None and cool_down_tokens is None:
        tokens, cool_down_tokens = settings.training.tokens, settings.training.cool_down_tokens
    path = run_dir / "tokenizer.json"
    if not path.exists():
        raise click.ClickException(f"{path} is missing: run `python -m solvent.training tokenizer` first")
    vocabulary = Tokenizer.from_file(str(path)).get_vocab_size()
    plan = Plan(settings, run_dir, vocabulary, tokens, cool_down_tokens, device, threads, workers)
    try:
        finished = train(plan, click.echo)
    finally:
        draw_curves(run_dir, run_dir / "loss.png", click.echo)
    if not finished:
        click.echo("stopped by a signal; the same command goes on from the checkpoint")
        context.exit(130)


@main.command("export")
@run_option
@weights_option
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True), help="[default: the run's final.pt]")
def export_command(run_dir: Path, weights: Path, checkpoint: Path | None) -> None:
    """Write weights from a checkpoint. To the shipped ones belong the table of the training and its loss curve."""
    from solvent.training.export import export
    from solvent.training.run_report import publish
    from solvent.training.trainer import FINAL

    table = export(checkpoint or run_dir / FINAL, run_dir, weights)
    click.echo(table)
    if weights.resolve() == WEIGHTS.resolve():
        publish(table, run_dir, ROOM)
    size = sum(path.stat().st_size for path in weights.rglob("*") if path.is_file())
    click.echo(f"{size / 2**20:.1f} MiB in {weights}")


@main.command("engines")
@weights_option
def engines_command(weights: Path) -> None:
    """Measure tokens per second of the NumPy engine and of CTranslate2."""
    from solvent.training.engines import compare

    for engine, batch, rate in compare(weights):
        click.echo(f"{engine:18} batch {batch:3}: {rate:7.0f} tokens/s")


@main.command("all")
@config_option
@run_option
@weights_option
@device_option
@workers_option
@threads_option
@click.pass_context
def all_command(
    context: click.Context,
    config: Path,
    run_dir: Path,
    weights: Path,
    device: Literal["auto", "cpu", "cuda"],
    workers: int,
    threads: int,
) -> None:
    """Everything: tokenizer, train, export, evaluate. A tokenizer and a final.pt that are there are not made again.

    A training that was stopped goes on.
    """
    from solvent.training.trainer import FINAL

    if not (run_dir / "tokenizer.json").exists():
        context.invoke(tokenizer_command, config=config, run_dir=run_dir)
    if not (run_dir / FINAL).exists():
        context.invoke(train_command, config=config, run_dir=run_dir, device=device, workers=workers, threads=threads)
    context.invoke(export_command, run_dir=run_dir, weights=weights)
    run_evaluation(weights, None, PROBLEMS, SAMPLES, tuple(FAMILIES), None, 7, write=True)


for _command in (attempts_command, rows_command, evaluate_command):
    main.add_command(_command)

if __name__ == "__main__":
    main()
