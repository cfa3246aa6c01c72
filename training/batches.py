"""Rows of like length, put together into batches."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from solvent.training.shards import Row

_UNIT = 16
"""Inputs are padded to a multiple of this many tokens. Few different sizes spare the matrix library new kernels, and
the heap the fragments that let it grow without end."""


class Batch(NamedTuple):
    """Padded rows `ids` (rows, length) int32, the loss weight of predicting each next token, and each row's group."""

    ids: np.ndarray
    weights: np.ndarray
    groups: tuple[str, ...]


def group_rows(rows: Sequence[Row], tokens_per_batch: int, seed: int | str) -> list[list[int]]:
    """Indices of rows of like length, about `tokens_per_batch` padded tokens together; the groups in a seeded order."""
    rng = random.Random(seed)
    order = sorted(range(len(rows)), key=lambda index: (len(rows[index].ids), rng.random()))
    groups: list[list[int]] = []
    group: list[int] = []
    for index in order:
        if group and (len(group) + 1) * _padded(rows[index]) > tokens_per_batch:
            groups.append(group)
            group = []
        group.append(index)
    if group:
        groups.append(group)
    rng.shuffle(groups)
    return groups


def _padded(row: Row) -> int:
    """The length of the row as input, which lacks the last token."""
    return -(-(len(row.ids) - 1) // _UNIT) * _UNIT


def pad(rows: Sequence[Row], prompt_weight: float) -> Batch:
    """The rows as one batch; completion tokens weigh 1."""
    length = max(_padded(row) for row in rows) + 1
    ids = np.zeros((len(rows), length), np.int32)
    weights = np.zeros((len(rows), length), np.float32)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = row.ids
        weights[place, : row.prompt_length - 1] = prompt_weight
        weights[place, row.prompt_length - 1 : len(row.ids) - 1] = 1.0
    return Batch(ids, weights, tuple(row.group for row in rows))
