"""The starter model of any weights, as it is sampled from in this room."""

from __future__ import annotations

from pathlib import Path

from solvent.models.profiles import ModelProfile
from solvent.models.starter.weights import read_shape


def starter_profile(weights: Path, concurrency: int) -> ModelProfile:
    """A profile of the weights in a directory, with their whole context and one thread.

    Args:
        weights: Where the safetensors and the tokenizer are.
        concurrency: Most samples that are decoded together.
    """
    context = read_shape(weights).max_position_embeddings
    return ModelProfile(
        name="starter",
        backend="starter",
        context_tokens=context,
        weights_dir=weights,
        concurrency=concurrency,
        threads=1,
    )
