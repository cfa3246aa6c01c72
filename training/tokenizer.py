"""The byte-level BPE tokenizer and its chat format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.training.config import Config
from solvent.training.corpus import draw_training_samples
from solvent.training.prompting import render_completion

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS = (PAD, END, SYSTEM, USER, ASSISTANT, "<|think|>", "<|/think|>", "<|spare_1|>", "<|spare_2|>")
"""Their ids are their places. The last four are reserved for later versions, so that ids need not move."""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] -}}"
    "{%- if message['role'] == 'assistant' -%}{{- '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)

_WORD = r"\n| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
"""Words, single digits and runs of signs, each with the space before it. Digits stay apart, so numbers are readable."""


def train_tokenizer(config: Config) -> Tokenizer:
    """Learn the merges from statements and programs of the training split.

    Example data are left out on purpose: their words stay in small pieces, in which a small model sees characters.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.tokenizer.vocabulary,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    samples = draw_training_samples(config.corpus, config.tokenizer.rows, config.seed)
    texts = (f"{sample.statement}\nin: \nout: \n{render_completion(sample)}" for sample in samples)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, directory: Path, context: int) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` (with the chat template) and `special_tokens_map.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "pad_token": PAD,
        "eos_token": END,
        "additional_special_tokens": [token for token in SPECIAL_TOKENS if token not in (PAD, END)],
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    special = {key: settings[key] for key in ("pad_token", "eos_token", "additional_special_tokens")}
    (directory / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
