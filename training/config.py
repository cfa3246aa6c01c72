"""The hyperparameters, read from one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_CONFIG = Path(__file__).with_name("config.toml")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenizerConfig(_Frozen):
    """Size of the vocabulary and of the text it is learnt from."""

    vocabulary: int = Field(ge=300)
    rows: int = Field(ge=1)


class ModelConfig(_Frozen):
    """Shape of the Llama-architecture decoder; the embeddings are tied."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    context: int
    rope_theta: float
    norm_epsilon: float


class CorpusConfig(_Frozen):
    """How many problems of which kind the model sees."""

    rows: int = Field(ge=1)
    processes: int = Field(ge=1)
    depth_weights: tuple[float, ...]
    family_weights: dict[str, float]
    open_steps_weights: tuple[float, ...]


class TrainingConfig(_Frozen):
    """The optimiser and its schedule (linear warm-up, then a cosine to the final learning rate)."""

    epochs: float = Field(gt=0)
    tokens_per_batch: int
    peak_learning_rate: float
    final_learning_rate: float
    warmup_steps: int
    weight_decay: float
    betas: tuple[float, float]
    gradient_clip: float
    prompt_loss_weight: float
    precision: Literal["bfloat16", "float32"]
    compile: bool
    checkpoint_every_s: float
    log_every_steps: int


class Config(_Frozen):
    """The whole file."""

    seed: int
    tokenizer: TokenizerConfig
    model: ModelConfig
    corpus: CorpusConfig
    training: TrainingConfig


def load_config(path: Path = DEFAULT_CONFIG) -> Config:
    """Read the file.

    Raises:
        pydantic.ValidationError: an unknown, missing or misfit key.
    """
    return Config.model_validate(tomllib.loads(path.read_text()))
