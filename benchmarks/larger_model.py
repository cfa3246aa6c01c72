"""The bundled model inside a larger one, which says the same and costs as much as any model of its size.

What the larger model has more of (width, heads, layers) is zeros, which change no result and are computed all the same.
So a server can be given the load of a larger model where no weights of one are to be had, with replies whose programs
can be judged.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvent.errors import ConfigError

Array = NDArray[np.float16]

_TEXT = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")


@dataclass(frozen=True)
class Size:
    """How large the model is made; the width of a head stays."""

    layers: int
    width: int
    feed_forward: int


MEDIUM = Size(layers=28, width=1536, feed_forward=8960)
"""1.4 thousand million parameters: layers and widths of Qwen2.5-Coder-1.5B (config.json), a key head for each query."""


def enlarge(source: Path, into: Path, size: Size = MEDIUM) -> int:
    """Write the larger model in the layout of Hugging Face's LlamaForCausalLM; return how many parameters it has.

    Args:
        source: folder of the bundled model's weights.
        into: existing folder.
        size: at least the source's.

    Raises:
        ConfigError: the size is below the source's, or no whole number of heads.
    """
    from safetensors.numpy import load_file, save_file

    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    narrow, head = int(config["hidden_size"]), int(config["head_dim"])
    least = Size(int(config["num_hidden_layers"]), narrow, int(config["intermediate_size"]))
    if size.width % head or any(vars(size)[name] < value for name, value in vars(least).items()):
        raise ConfigError(f"{size} must be at least {least}, and its width a multiple of {head}")
    given: dict[str, Array] = load_file(source / "model.safetensors")

    def norm(name: str) -> Array:
        # The mean of the squares is over the whole width, of which only the narrow part is not zero.
        made = np.zeros(size.width, np.float16)
        if name in given:
            made[:narrow] = given[name].astype(np.float32) * np.sqrt(narrow / size.width)
        return made

    def matrix(name: str, rows: int, columns: int) -> Array:
        made = np.zeros((rows, columns), np.float16)
        if name in given:
            part = given[name]
            made[: part.shape[0], : part.shape[1]] = part
        return made

    tensors = {
        "model.embed_tokens.weight": matrix("model.embed_tokens.weight", int(config["vocab_size"]), size.width),
        "model.norm.weight": norm("model.norm.weight"),
    }
    for number in range(size.layers):
        at = f"model.layers.{number}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{at}.{name}.weight"] = norm(f"{at}.{name}.weight")
        for name, rows, columns in (
            *((f"self_attn.{part}_proj", size.width, size.width) for part in "qkvo"),
            ("mlp.gate_proj", size.feed_forward, size.width),
            ("mlp.up_proj", size.feed_forward, size.width),
            ("mlp.down_proj", size.width, size.feed_forward),
        ):
            tensors[f"{at}.{name}.weight"] = matrix(f"{at}.{name}.weight", rows, columns)
    save_file(tensors, into / "model.safetensors", metadata={"format": "pt"})
    heads = size.width // head
    changed: dict[str, Any] = {
        "hidden_size": size.width,
        "intermediate_size": size.feed_forward,
        "num_hidden_layers": size.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "rms_norm_eps": float(config["rms_norm_eps"]) * narrow / size.width,
    }
    (into / "config.json").write_text(json.dumps({**config, **changed}, indent=2), encoding="utf-8")
    for name in _TEXT:
        shutil.copy(source / name, into / name)
    return sum(tensor.size for tensor in tensors.values())
