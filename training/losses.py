"""The loss that is minimised, and the losses that are reported."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch.nn import functional

from solvent.training.batches import Batch

Sums = dict[str, tuple[float, int]]
"""Sum of the losses (nats) of completion tokens and their number, by group of rows."""


def weighted_loss(
    hidden_of: Callable[[torch.Tensor], torch.Tensor], embedding: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted mean loss, and each row's sum of losses of completion tokens (detached)."""
    device = embedding.device
    ids = torch.from_numpy(batch.ids).to(device).long()
    weights = torch.from_numpy(batch.weights)[:, :-1]
    wanted = (weights > 0).flatten().nonzero().squeeze(1)
    row_of = (wanted // weights.shape[1]).to(device)
    weights, wanted = weights.flatten()[wanted].to(device), wanted.to(device)
    hidden = hidden_of(ids[:, :-1]).flatten(0, 1)[wanted]
    logits = functional.linear(hidden, embedding).float()
    losses = functional.cross_entropy(logits, ids[:, 1:].flatten()[wanted], reduction="none")
    of_rows = torch.zeros(len(ids), device=device)
    of_rows.index_add_(0, row_of, losses.detach() * (weights == 1.0))
    return (losses * weights).sum() / weights.sum(), of_rows


class GroupLosses:
    """Collects losses by group between two lines of the log."""

    def __init__(self) -> None:
        self._batches: list[tuple[Batch, torch.Tensor]] = []

    def add(self, batch: Batch, of_rows: torch.Tensor) -> None:
        """Take a batch and what `weighted_loss` says of its rows."""
        self._batches.append((batch._replace(ids=batch.ids[:0]), of_rows))

    def take(self) -> Sums:
        """The sums since the last call."""
        sums: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for batch, of_rows in self._batches:
            tokens = (batch.weights == 1.0).sum(axis=1).tolist()
            for group, loss, count in zip(batch.groups, of_rows.tolist(), tokens, strict=True):
                sums[group] += loss
                counts[group] += count
        self._batches.clear()
        return {group: (sums[group], counts[group]) for group in sorted(sums)}


def merge(parts: list[Sums]) -> Sums:
    """Sums of several processes together."""
    merged: Sums = {}
    for part in parts:
        for group, (loss, count) in part.items():
            before, counted = merged.get(group, (0.0, 0))
            merged[group] = before + loss, counted + count
    return dict(sorted(merged.items()))


def mean(sums: Mapping[str, tuple[float, int]]) -> float:
    """Mean loss of a completion token, of all groups."""
    return sum(loss for loss, _ in sums.values()) / max(1, sum(count for _, count in sums.values()))


class Curve:
    """The loss curve as two CSV files: one line a log interval, and one line a group of it.

    Args:
        path: The first file; the second has `-groups` before the suffix.
        step: The step that training goes on from: later lines, of a run that was cut off, are dropped.
    """

    COLUMNS = ("step", "tokens", "learning_rate", "completion_loss", "gradient_norm", "seconds")
    GROUP_COLUMNS = ("step", "tokens", "group", "completion_loss", "completion_tokens")

    def __init__(self, path: Path, step: int) -> None:
        self._path, self._groups = path, path.with_stem(f"{path.stem}-groups")
        for file, columns in ((self._path, self.COLUMNS), (self._groups, self.GROUP_COLUMNS)):
            rows: list[list[str]] = []
            if file.exists():
                with file.open(newline="") as old:
                    rows = [row for row in list(csv.reader(old))[1:] if row and int(row[0]) <= step]
            with file.open("w", newline="") as fresh:
                csv.writer(fresh).writerows([columns, *rows])

    def add(self, step: int, tokens: int, rate: float, norm: float, seconds: float, sums: Sums) -> None:
        """Append one interval."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow(
                [step, tokens, f"{rate:.6f}", f"{mean(sums):.5f}", f"{norm:.4f}", f"{seconds:.1f}"]
            )
        with self._groups.open("a", newline="") as file:
            for group, (loss, count) in sums.items():
                csv.writer(file).writerow([step, tokens, group, f"{loss / max(1, count):.5f}", count])
