"""The weights on disk, as arrays ready for the decoder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from solvent.errors import ConfigError, boundary

Array = NDArray[np.float32]

SHIPPED = Path(__file__).with_name("weights")


class Shape(BaseModel):
    """The part of a Hugging Face `config.json` that decides what the decoder computes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    rope_theta: float
    rms_norm_eps: float
    tie_word_embeddings: bool

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads


@dataclass(frozen=True)
class Layer:
    """One layer's matrices, (outputs, inputs); those that read the same input are joined."""

    attention_norm: Array
    qkv: Array
    out: Array
    feed_forward_norm: Array
    gate_up: Array
    down: Array


@dataclass(frozen=True)
class Weights:
    """All arrays, float32. `unembedding` is (vocabulary, width)."""

    shape: Shape
    embedding: Array
    unembedding: Array
    norm: Array
    layers: tuple[Layer, ...]


def read_shape(directory: Path) -> Shape:
    """Read `config.json`.

    Raises:
        ConfigError: it is missing, malformed, or of another architecture than this decoder's.
    """
    path = directory / "config.json"
    try:
        shape = Shape.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as cause:
        raise ConfigError(f"cannot read the starter model's {path}: {cause}", remedy="restore the weights") from cause
    if shape.model_type != "llama" or shape.num_key_value_heads != shape.num_attention_heads:
        raise ConfigError(f"{path}: only Llama models with as many key as query heads run here, others on vLLM")
    return shape


def read_weights(directory: Path) -> Weights:
    """Read `config.json` and `model.safetensors` in the layout of Hugging Face's LlamaForCausalLM.

    Raises:
        ConfigError: a file is missing, malformed or does not fit the other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    shape = read_shape(directory)
    path = directory / "model.safetensors"
    with boundary(ConfigError, f"read the starter model's {path}", OSError, SafetensorError):
        stored: dict[str, Any] = load_file(path)
    try:
        return _arrange(shape, stored)
    except KeyError as cause:
        raise ConfigError(f"{path}: the tensor {cause} is missing", remedy="restore the weights") from cause


def _arrange(shape: Shape, stored: dict[str, Any]) -> Weights:
    def vector(name: str) -> Array:
        return np.ascontiguousarray(stored[name], np.float32)

    def matrix(*names: str) -> Array:
        return np.ascontiguousarray(np.concatenate([stored[name] for name in names]), np.float32)

    layers = []
    for number in range(shape.num_hidden_layers):
        at = f"model.layers.{number}"
        layers.append(
            Layer(
                attention_norm=vector(f"{at}.input_layernorm.weight"),
                qkv=matrix(*(f"{at}.self_attn.{part}_proj.weight" for part in "qkv")),
                out=matrix(f"{at}.self_attn.o_proj.weight"),
                feed_forward_norm=vector(f"{at}.post_attention_layernorm.weight"),
                gate_up=matrix(f"{at}.mlp.gate_proj.weight", f"{at}.mlp.up_proj.weight"),
                down=matrix(f"{at}.mlp.down_proj.weight"),
            )
        )
    unembedding = "model.embed_tokens.weight" if shape.tie_word_embeddings else "lm_head.weight"
    return Weights(
        shape=shape,
        embedding=vector("model.embed_tokens.weight"),
        unembedding=matrix(unembedding),
        norm=vector("model.norm.weight"),
        layers=tuple(layers),
    )


def read_model_card(directory: Path = SHIPPED) -> dict[str, Any]:
    """What the model is for, its limits and its measured figures.

    Raises:
        ConfigError: `model_card.json` is missing or malformed.
    """
    path = directory / "model_card.json"
    with boundary(ConfigError, f"read the model card {path}", OSError, ValueError):
        card: dict[str, Any] = json.loads(path.read_text())
    return card
