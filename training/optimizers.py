"""The optimisers: Muon for the layers' matrices, AdamW for the rest; or AdamW for everything."""

from __future__ import annotations

from typing import Any

import torch

from solvent.training.architecture import Decoder
from solvent.training.config import TrainingConfig


class Optimizers:
    """Several optimisers as one, each with its own peak rate.

    Muon is Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/), its updates scaled to the root mean square
    of AdamW's after Liu et al. 2025 (arXiv:2502.16982).
    """

    def __init__(self, model: Decoder, config: TrainingConfig) -> None:
        vectors = [parameter for parameter in model.others if parameter.dim() != 2]
        decayed = [model.embedding.weight]
        self._parts: list[torch.optim.Optimizer] = []
        if config.optimizer == "muon":
            self._parts.append(
                torch.optim.Muon(
                    model.matrices, lr=config.muon_learning_rate, momentum=config.muon_momentum,
                    weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw",
                )
            )  # fmt: skip
        else:
            decayed += model.matrices
        groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self._parts.append(torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True))
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self._parts]

    def step(self, share: float) -> None:
        """Update the parameters at this share of the peak rates."""
        for part, peaks in zip(self._parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * share
            part.step()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        """The state to go on from."""
        return [part.state_dict() for part in self._parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Go on from a state; the rates and decays stay those of the configuration."""
        for part, state in zip(self._parts, states, strict=True):
            options = [{key: value for key, value in group.items() if key != "params"} for group in part.param_groups]
            part.load_state_dict(state)
            for group, kept in zip(part.param_groups, options, strict=True):
                group.update(kept)
