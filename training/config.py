"""The hyperparameters, read from one TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_CONFIG = Path(__file__).with_name("config.toml")

Weight = Annotated[float, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenizerConfig(_Frozen):
    """Size of the vocabulary and of the text it is learnt from."""

    vocabulary: int = Field(ge=300, le=65_536)
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


class StyleConfig(_Frozen):
    """Weights of the ways to ask for a solution. A problem that lacks what a style needs is asked for a program."""

    program: Weight
    thinking: Weight
    answer: Weight


class CorpusConfig(_Frozen):
    """What the endless stream of rows consists of, and how it is drawn.

    Attributes:
        shard_rows: Rows of one file of the stream.
        shards_ahead: How many files are drawn ahead of the trainer.
        processes: Processes that draw.
        file_share: Share of the rows that come from each of `rows/*.jsonl` in the run's directory, while it lasts.
        without_concepts: Share of the problems with concepts whose concepts are left out of the prompt.
        roles: Weights of "solve" and of the roles of `solvent.training.roles`.
        families: Weights of the problem families; one that is not named weighs 1.
        depths: Weights of the depths 1, 2, ...
        open_steps: Weights of 0, 1, ... openly worded steps.
    """

    shard_rows: int = Field(ge=1)
    shards_ahead: int = Field(ge=1)
    processes: int = Field(ge=1)
    file_share: float = Field(ge=0, le=1)
    without_concepts: float = Field(ge=0, le=1)
    roles: dict[str, Weight]
    styles: StyleConfig
    families: dict[str, Weight]
    depths: tuple[Weight, ...]
    open_steps: tuple[Weight, ...]


class TrainingConfig(_Frozen):
    """The optimiser and its schedule: linear warm-up, constant rate, cool-down to zero.

    Attributes:
        tokens: Length of warm-up and constant rate.
        cool_down_tokens: Length of the cool-down that follows.
        batches_per_step: Batches whose gradients make one step; processes share them.
        optimizer: "muon" takes the layers' matrices, AdamW the rest; "adamw" takes all.
        muon_learning_rate: In AdamW's units (the update's root mean square is 0.2 times the rate).
    """

    tokens: int = Field(ge=1)
    cool_down_tokens: int = Field(ge=1)
    tokens_per_batch: int = Field(ge=1)
    batches_per_step: int = Field(ge=1)
    optimizer: Literal["muon", "adamw"]
    learning_rate: float
    muon_learning_rate: float
    muon_momentum: float
    warmup_steps: int = Field(ge=1)
    weight_decay: float
    betas: tuple[float, float]
    gradient_clip: float
    prompt_loss_weight: float
    precision: Literal["bfloat16", "float32"]
    compile: bool
    checkpoint_every_s: float
    log_every_steps: int = Field(ge=1)


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
