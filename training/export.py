"""From a checkpoint to the files that are shipped: Hugging Face layout, and CTranslate2 int8 of the same weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from solvent.training.config import ModelConfig
from solvent.training.run_report import card_facts, describe_run, write_card
from solvent.training.tokenizer import END, PAD, SPECIAL_TOKENS

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def export(checkpoint: Path, run_directory: Path, directory: Path) -> str:
    """Write safetensors (float16), configurations, tokenizer, model card and `ctranslate2/` into `directory`.

    Returns:
        What the training was, as a Markdown table.
    """
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    shape = ModelConfig.model_validate(state["config"]["model"])
    tensors = hugging_face_tensors({name: tensor.float() for name, tensor in state["model"].items()}, shape)
    directory.mkdir(parents=True, exist_ok=True)
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    save_file(halves, directory / "model.safetensors", metadata={"format": "pt"})
    # The library makes files that only their owner can read.
    (directory / "model.safetensors").chmod(0o644)
    vocabulary = len(tensors["model.embed_tokens.weight"])
    _write_json(directory / "config.json", model_settings(shape, vocabulary))
    _write_json(directory / "generation_config.json", _generation_settings())
    for name in TOKENIZER_FILES:
        shutil.copyfile(run_directory / name, directory / name)
    # From the float16 values, so that both forms begin from the same numbers.
    export_ctranslate2(
        {name: tensor.astype(np.float32) for name, tensor in halves.items()},
        shape, run_directory / "tokenizer.json", directory / "ctranslate2",
    )  # fmt: skip
    parameters = sum(tensor.size for tensor in tensors.values())
    write_card(directory / "model_card.json", card_facts(state, parameters, vocabulary))
    return describe_run(state, parameters, vocabulary, run_directory)


def hugging_face_tensors(state: dict[str, torch.Tensor], shape: ModelConfig) -> dict[str, np.ndarray]:
    """The trainer's tensors under the names of LlamaForCausalLM."""
    tensors = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "model.norm.weight": state["norm.weight"],
    }
    for number in range(shape.layers):
        ours, theirs = f"layers.{number}", f"model.layers.{number}"
        for part in "qkv":
            tensors[f"{theirs}.self_attn.{part}_proj.weight"] = state[f"{ours}.{part}"]
        for part in ("gate", "up", "down"):
            tensors[f"{theirs}.mlp.{part}_proj.weight"] = state[f"{ours}.{part}"]
        tensors[f"{theirs}.self_attn.o_proj.weight"] = state[f"{ours}.out"]
        tensors[f"{theirs}.input_layernorm.weight"] = state[f"{ours}.attention_norm.weight"]
        tensors[f"{theirs}.post_attention_layernorm.weight"] = state[f"{ours}.feed_forward_norm.weight"]
    return {name: tensor.contiguous().numpy() for name, tensor in tensors.items()}


def export_ctranslate2(tensors: dict[str, np.ndarray], shape: ModelConfig, tokenizer: Path, directory: Path) -> None:
    """Write the weights as a CTranslate2 decoder, matrices in int8."""
    from ctranslate2.specs import TransformerDecoderModelSpec, common_spec
    from tokenizers import Tokenizer

    spec = TransformerDecoderModelSpec.from_config(
        shape.layers, shape.heads, activation=common_spec.Activation.SWISH, pre_norm=True, ffn_glu=True, rms_norm=True,
        rotary_dim=0, rotary_interleave=False, rotary_base=shape.rope_theta,
        num_heads_kv=shape.heads, head_dim=shape.width // shape.heads,
    )  # fmt: skip
    decoder: Any = spec.decoder
    decoder.embeddings.weight = tensors["model.embed_tokens.weight"]
    decoder.projection.weight = tensors["model.embed_tokens.weight"]
    decoder.layer_norm.gamma = tensors["model.norm.weight"]
    decoder.scale_embeddings = False
    for number, layer in enumerate(decoder.layer):
        at = f"model.layers.{number}"
        layer.self_attention.layer_norm.gamma = tensors[f"{at}.input_layernorm.weight"]
        layer.ffn.layer_norm.gamma = tensors[f"{at}.post_attention_layernorm.weight"]
        layer.self_attention.linear[0].weight = np.concatenate(
            [tensors[f"{at}.self_attn.{part}_proj.weight"] for part in "qkv"]
        )
        layer.self_attention.linear[1].weight = tensors[f"{at}.self_attn.o_proj.weight"]
        layer.ffn.linear_0.weight = tensors[f"{at}.mlp.gate_proj.weight"]
        layer.ffn.linear_0_noact.weight = tensors[f"{at}.mlp.up_proj.weight"]
        layer.ffn.linear_1.weight = tensors[f"{at}.mlp.down_proj.weight"]
    vocabulary = Tokenizer.from_file(str(tokenizer)).get_vocab()
    spec.register_vocabulary(sorted(vocabulary, key=lambda token: vocabulary[token]))
    spec.config.unk_token = spec.config.bos_token = PAD
    spec.config.eos_token = END
    spec.config.layer_norm_epsilon = shape.norm_epsilon
    spec.validate()
    spec.optimize(quantization="int8")
    directory.mkdir(parents=True, exist_ok=True)
    spec.save(str(directory))


def model_settings(shape: ModelConfig, vocabulary: int) -> dict[str, Any]:
    """The `config.json` of Hugging Face."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.width // shape.heads,
        "hidden_act": "silu",
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope_theta,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "pad_token_id": SPECIAL_TOKENS.index(PAD),
        "bos_token_id": None,
        "eos_token_id": SPECIAL_TOKENS.index(END),
        "torch_dtype": "float16",
    }


def _generation_settings() -> dict[str, Any]:
    return {
        "do_sample": True,
        "temperature": 1.0,
        "pad_token_id": SPECIAL_TOKENS.index(PAD),
        "eos_token_id": SPECIAL_TOKENS.index(END),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
