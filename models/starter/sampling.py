"""Drawing tokens: each sequence with its own temperature, nucleus and random generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvent.models.starter.weights import Array


@dataclass(frozen=True)
class Rule:
    """How the tokens of one sequence are drawn; temperature 0 takes the likeliest."""

    temperature: float
    top_p: float


def random_source(seed: int | None) -> np.random.Generator:
    """The random generator of one sequence. Without a seed it cannot be repeated."""
    # SeedSequence takes no negative numbers; two's complement keeps different seeds apart.
    return np.random.Generator(np.random.PCG64(None if seed is None else seed % 2**64))


def draw(logits: Array, rules: Sequence[Rule], sources: Sequence[np.random.Generator]) -> NDArray[np.int64]:
    """Draw one token per row; a row's token depends on its own logits, rule and source alone."""
    temperatures = np.array([rule.temperature for rule in rules])
    greedy = temperatures == 0
    scaled = logits.astype(np.float64) / np.where(greedy, 1.0, temperatures)[:, None]
    mass = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    for row, rule in enumerate(rules):
        if rule.top_p < 1 and not greedy[row]:
            _keep_nucleus(mass[row], rule.top_p)
    cumulative = np.cumsum(mass, axis=1)
    points = np.array([0.0 if still else source.random() for still, source in zip(greedy, sources, strict=True)])
    drawn = (cumulative <= (points * cumulative[:, -1])[:, None]).sum(axis=1)
    tokens: NDArray[np.int64] = np.where(greedy, logits.argmax(axis=1), np.minimum(drawn, logits.shape[1] - 1))
    return tokens


def log_probabilities(logits: Array) -> NDArray[np.float64]:
    """Natural log probabilities of one row of logits, before temperature and nucleus."""
    shifted = logits.astype(np.float64) - logits.max()
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return result


def _keep_nucleus(mass: NDArray[np.float64], top_p: float) -> None:
    """Zero all but the likeliest tokens whose share first reaches top_p (Holtzman et al. 2019, arXiv:1904.09751)."""
    order = np.argsort(-mass, kind="stable")
    shares = np.cumsum(mass[order])
    last = int(np.searchsorted(shares, top_p * shares[-1]))
    mass[order[last + 1 :]] = 0
