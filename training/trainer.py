"""The trainer: one process, resumable, its loss curve in a CSV file."""

from __future__ import annotations

import contextlib
import csv
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

from solvent.training.architecture import Decoder
from solvent.training.config import Config, TrainingConfig
from solvent.training.corpus import Batch, Row, batches

CHECKPOINT = "checkpoint.pt"
LOSS_CURVE = "loss.csv"
_COLUMNS = ("step", "tokens", "learning_rate", "completion_loss", "seconds")


def learning_rate(step: int, steps: int, config: TrainingConfig) -> float:
    """Linear warm-up to the peak, then half a cosine down to the final rate at the last step."""
    if step < config.warmup_steps:
        return config.peak_learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    swing = (config.peak_learning_rate - config.final_learning_rate) / 2
    return config.final_learning_rate + swing * (1 + math.cos(math.pi * min(1.0, progress)))


def _loss(
    hidden_of: Callable[[torch.Tensor], torch.Tensor], embedding: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted loss that is minimised, and the mean loss of completion tokens that is reported (nats)."""
    ids = torch.from_numpy(batch.ids).long()
    weights = torch.from_numpy(batch.weights)[:, :-1].flatten()
    wanted = weights > 0
    hidden = hidden_of(ids[:, :-1]).flatten(0, 1)[wanted]
    logits = functional.linear(hidden, embedding).float()
    losses = functional.cross_entropy(logits, ids[:, 1:].flatten()[wanted], reduction="none")
    weights = weights[wanted]
    answers = weights == 1.0
    return (losses * weights).sum() / weights.sum(), losses.detach()[answers].mean()


class Trainer:
    """Trains a decoder on rows; everything it needs to go on after a stop is in `directory`.

    Args:
        directory: Where checkpoint and loss curve are written, and looked for.
        threads: Threads of the matrix products.
    """

    def __init__(self, config: Config, vocabulary: int, rows: list[Row], directory: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(config.seed)
        self._config = config
        self._directory = directory
        self._rows = rows
        self.model = Decoder(config.model, vocabulary)
        settings = config.training
        matrices = [p for p in self.model.parameters() if p.dim() == 2]
        vectors = [p for p in self.model.parameters() if p.dim() != 2]
        self._optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=settings.peak_learning_rate,
            betas=settings.betas,
            fused=True,
        )
        self._hidden = torch.compile(self.model.hidden, dynamic=True) if settings.compile else self.model.hidden
        self._step = 0
        self._tokens = 0
        self._seconds = 0.0
        self._load()

    def train(self, report: Callable[[str], None] = print) -> None:
        """Train to the end of the schedule, from the checkpoint if there is one."""
        settings = self._config.training
        plan = self._plan()
        started, saved, seconds_before = time.monotonic(), time.monotonic(), self._seconds
        running: list[float] = []
        while self._step < len(plan):
            rate = learning_rate(self._step, len(plan), settings)
            running.append(self._train_on(plan[self._step], rate))
            self._step += 1
            self._seconds = seconds_before + time.monotonic() - started
            if self._step % settings.log_every_steps == 0 or self._step == len(plan):
                loss = sum(running) / len(running)
                running.clear()
                self._log(rate, loss)
                report(
                    f"step {self._step}/{len(plan)}  loss {loss:.4f}  {self._tokens:,} tokens  {self._seconds:.0f} s"
                )
            if time.monotonic() - saved > settings.checkpoint_every_s or self._step == len(plan):
                self._save()
                saved = time.monotonic()

    def _plan(self) -> list[Batch]:
        settings = self._config.training
        plan: list[Batch] = []
        whole = math.ceil(settings.epochs)
        for epoch in range(whole):
            seed = self._config.seed + epoch
            plan += batches(self._rows, settings.tokens_per_batch, settings.prompt_loss_weight, seed)
        return plan[: round(len(plan) * settings.epochs / whole)]

    def _train_on(self, batch: Batch, rate: float) -> float:
        settings = self._config.training
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        precise = settings.precision == "float32"
        with contextlib.nullcontext() if precise else torch.autocast("cpu", torch.bfloat16):
            loss, completion_loss = _loss(self._hidden, self.model.embedding.weight, batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.gradient_clip)
        self._optimizer.step()
        self._tokens += int((batch.weights > 0).sum())
        return float(completion_loss)

    def _log(self, rate: float, loss: float) -> None:
        path = self._directory / LOSS_CURVE
        fresh = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(_COLUMNS)
            writer.writerow([self._step, self._tokens, f"{rate:.6f}", f"{loss:.5f}", f"{self._seconds:.1f}"])

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(), "optimizer": self._optimizer.state_dict(), "step": self._step,
            "tokens": self._tokens, "seconds": self._seconds, "config": self._config.model_dump(mode="json"),
        }  # fmt: skip
        partial = self._directory / f"{CHECKPOINT}.partial"
        torch.save(state, partial)
        partial.replace(self._directory / CHECKPOINT)

    def _load(self) -> None:
        path = self._directory / CHECKPOINT
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["config"] != self._config.model_dump(mode="json"):
            raise ValueError(f"{path} was made with another configuration; remove it or give its configuration")
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step, self._tokens, self._seconds = state["step"], state["tokens"], state["seconds"]
