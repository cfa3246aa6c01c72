"""What a training was, in the README and in the model card, from its checkpoint and its curves."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from solvent.training.config import Config
from solvent.training.report import replace_between

CURVE_FILES = ("loss.csv", "loss-groups.csv", "cool-down.csv", "cool-down-groups.csv", "loss.png")
_BEGIN, _END = "<!-- training: begin -->", "<!-- training: end -->"
_LAST_INTERVALS = 10
"""Lines of the loss curve that the last loss is the mean of."""


def card_facts(state: dict[str, Any], parameters: int, vocabulary: int) -> dict[str, Any]:
    """The facts of a checkpoint for the model card."""
    return {
        "parameters": parameters,
        "context_tokens": state["config"]["model"]["context"],
        "vocabulary": vocabulary,
        "trained_tokens": state["tokens"],
    }


def write_card(path: Path, facts: dict[str, Any]) -> None:
    """Write the model card: what the room says of the model, and the facts. An evaluation adds measured figures."""
    card = json.loads(Path(__file__).with_name("model_card.json").read_text())
    path.write_text(json.dumps(card | facts, indent=2, ensure_ascii=False) + "\n")


def describe_run(state: dict[str, Any], parameters: int, vocabulary: int, run_directory: Path) -> str:
    """A table of the training as Markdown."""
    config = Config.model_validate(state["config"])
    model, training = config.model, config.training
    cooled = state["cool_down"].get("tokens", 0)
    curve = run_directory / ("cool-down.csv" if cooled else "loss.csv")
    with curve.open(newline="") as file:
        losses = [float(row["completion_loss"]) for row in csv.DictReader(file)][-_LAST_INTERVALS:]
    rates = (
        f"Muon for the layers' matrices at {training.muon_learning_rate:g}, "
        f"AdamW for the rest at {training.learning_rate:g}"
        if training.optimizer == "muon"
        else f"AdamW at {training.learning_rate:g}"
    )
    rows = {
        "model": f"{model.layers} layers, width {model.width}, {model.heads} heads of {model.width // model.heads}, "
        f"feed-forward {model.feed_forward}, tied embeddings, RoPE, RMSNorm, SwiGLU: {parameters:,} parameters, "
        f"context {model.context:,}",
        "tokenizer": f"byte-level BPE, {vocabulary:,} tokens; digits stay apart; any UTF-8 text can be encoded",
        "corpus": f"{state['tokens']:,} tokens, each row seen once",
        "optimiser": f"{rates}; {training.warmup_steps} steps of warm-up, a constant rate, and a cool-down to zero "
        f"over the last {cooled:,} tokens; {state['step']:,} steps of about {state['tokens'] // state['step']:,}",
        "loss": f"of the completion's tokens, and {training.prompt_loss_weight:g} times that of the prompt's",
        "precision": f"matrix products in {training.precision}, weights and optimiser in float32",
        "time": f"{state['seconds']:,.0f} s",
        "last loss": f"{sum(losses) / len(losses):.4f} nats a completion token",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())])


def publish(text: str, run_directory: Path, room: Path) -> None:
    """Put the table into the room's README.md, and the loss curves beside it.

    Raises:
        ValueError: README.md has no marks for the table.
    """
    replace_between(room / "README.md", _BEGIN, _END, text)
    for name in CURVE_FILES:
        if (run_directory / name).exists():
            shutil.copyfile(run_directory / name, room / name)
