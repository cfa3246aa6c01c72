"""The byte-level BPE tokenizer and its chat format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.training.config import Config
from solvent.training.corpus import draw_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokenizers import Tokenizer

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
THINK, END_OF_THINKING = "<think>", "</think>"
SPECIAL_TOKENS = (PAD, END, SYSTEM, USER, ASSISTANT)
"""Marks of the chat format, which no text can contain. Their ids are their places."""
TEXT_TOKENS = (THINK, END_OF_THINKING)
"""Single tokens that are part of a text: they are read from it and shown in it. Their ids are the last."""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] -}}"
    "{%- if message['role'] == 'assistant' -%}{{- '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)
"""The turn of an assistant stands last but for its end, so that `continue_final_message` can cut there."""

_WORD = r"\n| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
"""Words, single digits and runs of signs, each with the space before it. Digits stay apart, so numbers are readable."""

_DATA = re.compile(r"^(in|out|expected|got): .*$", re.MULTILINE)


def train_tokenizer(config: Config) -> Tokenizer:
    """Learn the merges from prompts and completions of the training split, all families and roles.

    Example data (the first line of each value) are left out on purpose: their words stay in small pieces, in which a
    small model sees characters.
    """
    rows = draw_rows(config.corpus, config.tokenizer.rows, f"tokenizer|{config.seed}")
    texts = ("\n".join((_DATA.sub(r"\1: ", row.prompt), row.completion)) for row in rows)
    return learn(texts, config.tokenizer.vocabulary)


def learn(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Learn the merges from texts."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORD), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(TEXT_TOKENS),
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    pieces = re.compile("|".join(map(re.escape, (*SPECIAL_TOKENS, *TEXT_TOKENS))))
    tokenizer.train_from_iterator((pieces.sub("", text) for text in texts), trainer)
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in TEXT_TOKENS])
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
