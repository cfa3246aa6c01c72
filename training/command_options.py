"""Options that several commands of `python -m solvent.training` take, and the paths that they default to."""

from __future__ import annotations

from pathlib import Path

import click

from solvent.training.config import DEFAULT_CONFIG

ROOM = Path(__file__).parent
WEIGHTS = ROOM.parent / "models" / "starter" / "weights"

config_option = click.option(
    "--config", type=click.Path(path_type=Path, exists=True), default=DEFAULT_CONFIG, help="Hyperparameters."
)
run_option = click.option(
    "--run-dir", type=click.Path(path_type=Path), default=Path("runs/starter"), show_default=True,
    help="Where tokenizer, corpus, checkpoint and loss curve are kept.",
)  # fmt: skip
weights_option = click.option(
    "--weights", type=click.Path(path_type=Path), default=WEIGHTS, help="Directory of the weights. [default: shipped]"
)
threads_option = click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="In each process."
)
workers_option = click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that share each step's batches."
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="auto: a GPU if any.",
)
