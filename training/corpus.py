"""The training corpus: rows of token ids, drawn deterministically, and their batches."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from solvent.training.config import Config, CorpusConfig
from solvent.training.families import FAMILIES, Sample
from solvent.training.prompting import render_completion, render_prompt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SHARDS = 32


class Row(NamedTuple):
    """Token ids of one problem; `prompt_length` of them are the prompt."""

    ids: list[int]
    prompt_length: int


class Batch(NamedTuple):
    """Padded rows: `ids` (rows, length) int32, and the loss weight of predicting each next token, float32."""

    ids: np.ndarray
    weights: np.ndarray


def draw_training_samples(config: CorpusConfig, count: int, seed: int) -> Iterator[Sample]:
    """Draw problems of the training split with the corpus's mixture of families, depths and open wordings."""
    rng = random.Random(seed)
    families, family_weights = zip(*config.family_weights.items(), strict=True)
    depths = range(1, len(config.depth_weights) + 1)
    for _ in range(count):
        family = FAMILIES[rng.choices(families, family_weights)[0]]
        depth = min(rng.choices(depths, config.depth_weights)[0], family.max_depth)
        open_steps = rng.choices(range(len(config.open_steps_weights)), config.open_steps_weights)[0]
        yield family.draw(rng, depth, min(open_steps, (depth + 1) // 2), "train")


def _draw_texts(work: tuple[CorpusConfig, int, int]) -> list[tuple[str, str]]:
    return [(render_prompt(sample), render_completion(sample)) for sample in draw_training_samples(*work)]


def draw_texts(config: CorpusConfig, rows: int, seed: int) -> list[tuple[str, str]]:
    """Prompts and completions, in processes of their own; independent of how many processes there are."""
    work = [(config, len(range(shard, rows, _SHARDS)), seed * 1000 + shard) for shard in range(_SHARDS)]
    if config.processes == 1:
        return list(chain.from_iterable(map(_draw_texts, work)))
    with ProcessPoolExecutor(config.processes) as pool:
        return list(chain.from_iterable(pool.map(_draw_texts, work)))


def build_rows(config: Config, tokenizer: Tokenizer, cache: Path) -> list[Row]:
    """The tokenised corpus, from `cache` if it is there (it is written otherwise)."""
    if not cache.exists():
        texts = draw_texts(config.corpus, config.corpus.rows, config.seed)
        prompts = tokenizer.encode_batch([f"<|user|>{prompt}<|assistant|>" for prompt, _ in texts])
        answers = tokenizer.encode_batch([f"{completion}<|end|>" for _, completion in texts])
        lengths = np.array([[len(p.ids), len(a.ids)] for p, a in zip(prompts, answers, strict=True)], np.int32)
        ids = np.fromiter(
            chain.from_iterable(chain(p.ids, a.ids) for p, a in zip(prompts, answers, strict=True)), np.int32
        )
        np.savez(cache, lengths=lengths, ids=ids)
    with np.load(cache) as stored:
        lengths, ids = stored["lengths"], stored["ids"]
    ends = np.cumsum(lengths.sum(axis=1))
    rows = [
        Row(ids[end - prompt - answer : end].tolist(), int(prompt))
        for (prompt, answer), end in zip(lengths.tolist(), ends.tolist(), strict=True)
    ]
    return [row for row in rows if len(row.ids) <= config.model.context]


def batches(rows: list[Row], tokens_per_batch: int, prompt_weight: float, seed: int) -> list[Batch]:
    """Group rows of like length into batches of about `tokens_per_batch` padded tokens, in a seeded order."""
    rng = random.Random(seed)
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i].ids), rng.random()))
    groups: list[list[int]] = []
    group: list[int] = []
    for index in order:
        if group and (len(group) + 1) * len(rows[index].ids) > tokens_per_batch:
            groups.append(group)
            group = []
        group.append(index)
    groups.append(group)
    rng.shuffle(groups)
    return [_pad([rows[index] for index in group], prompt_weight) for group in groups]


def _pad(rows: list[Row], prompt_weight: float) -> Batch:
    length = max(len(row.ids) for row in rows)
    ids = np.zeros((len(rows), length), np.int32)
    weights = np.zeros((len(rows), length), np.float32)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = row.ids
        weights[place, : row.prompt_length - 1] = prompt_weight
        weights[place, row.prompt_length - 1 : len(row.ids) - 1] = 1.0
    return Batch(ids, weights)
