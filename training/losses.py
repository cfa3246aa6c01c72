"""The loss that is minimised, and the losses that are reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import torch
from torch.nn import functional

from solvent.training.batches import Batch
from solvent.training.curves import Sums

_UNIT = 256


def weighted_loss(
    hidden_of: Callable[[torch.Tensor], torch.Tensor], embedding: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """The weighted mean loss, and each row's sum of losses of completion tokens (detached)."""
    device = embedding.device
    ids = torch.from_numpy(batch.ids).to(device).long()
    weights = torch.from_numpy(batch.weights)[:, :-1]
    wanted = (weights > 0).flatten().nonzero().squeeze(1)
    # As in `batches`, few different sizes: the first is taken again, at no weight.
    again = -len(wanted) % _UNIT
    wanted = torch.cat((wanted, wanted[:1].expand(again)))
    row_of = (wanted // weights.shape[1]).to(device)
    weights = weights.flatten()[wanted]
    weights[len(wanted) - again :] = 0.0
    weights, wanted = weights.to(device), wanted.to(device)
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
