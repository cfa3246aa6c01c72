"""Drawing tokens: each sequence with its own rule and random generator, all sequences at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvent.models.starter.weights import Array


@dataclass(frozen=True)
class Rule:
    """How the tokens of one sequence are drawn; temperature 0 takes the likeliest.

    In this order, as vLLM does: `bias`, temperature, `min_p`, `top_k`, `top_p`.

    Attributes:
        top_p: Share of what `top_k` leaves that the likeliest tokens must reach (Holtzman et al. 2019,
            arXiv:1904.09751); 1 keeps all.
        top_k: How many of the likeliest tokens are kept; 0 keeps all.
        min_p: Least probability of a kept token, as a share of the likeliest one's (Nguyen et al. 2024,
            arXiv:2407.01082); 0 keeps all.
        bias: What is added to the logits: token ids, none twice, and values.
    """

    temperature: float
    top_p: float
    top_k: int = 0
    min_p: float = 0.0
    bias: tuple[tuple[int, ...], tuple[float, ...]] | None = None

    @property
    def truncates(self) -> bool:
        """Whether some tokens cannot be drawn whatever the random number is."""
        return self.temperature > 0 and (self.top_p < 1 or self.top_k > 0 or self.min_p > 0)


def random_source(seed: int | None) -> np.random.Generator:
    """The random generator of one sequence. Without a seed it cannot be repeated."""
    # SeedSequence takes no negative numbers; two's complement keeps different seeds apart.
    return np.random.Generator(np.random.PCG64(None if seed is None else seed % 2**64))


def draw(
    logits: Array,
    rules: Sequence[Rule],
    sources: Sequence[np.random.Generator],
    barred: Sequence[Sequence[int]] | None = None,
) -> NDArray[np.int64]:
    """Draw one token per row; a row's token depends on its own logits, rule and source alone.

    Args:
        logits: (rows, vocabulary); left as they are.
        rules: One per row.
        sources: One per row.
        barred: For each row the tokens that must not be drawn now; never all of them.
    """
    shaped = _shape(logits.astype(np.float64), rules, barred)
    temperatures = np.array([rule.temperature for rule in rules])
    greedy = temperatures == 0
    scaled = shaped / np.where(greedy, 1.0, temperatures)[:, None]
    mass = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    cut = [row for row, rule in enumerate(rules) if rule.truncates]
    if cut:
        mass[cut] = _truncated(mass[cut], [rules[row] for row in cut])
    cumulative = np.cumsum(mass, axis=1)
    points = np.array([0.0 if still else source.random() for still, source in zip(greedy, sources, strict=True)])
    drawn = (cumulative <= (points * cumulative[:, -1])[:, None]).sum(axis=1)
    tokens: NDArray[np.int64] = np.where(greedy, shaped.argmax(axis=1), np.minimum(drawn, logits.shape[1] - 1))
    return tokens


def log_probabilities(logits: Array) -> NDArray[np.float64]:
    """Natural log probabilities along the last axis of logits, before anything that a rule does."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def _shape(
    logits: NDArray[np.float64], rules: Sequence[Rule], barred: Sequence[Sequence[int]] | None
) -> NDArray[np.float64]:
    biased = [(row, rule.bias) for row, rule in enumerate(rules) if rule.bias is not None]
    if biased:
        rows = np.repeat([row for row, _ in biased], [len(bias[0]) for _, bias in biased])
        logits[rows, np.concatenate([bias[0] for _, bias in biased]).astype(np.int64)] += np.concatenate(
            [bias[1] for _, bias in biased]
        )
    if barred is not None and any(barred):
        rows = np.repeat(np.arange(len(barred)), [len(tokens) for tokens in barred])
        logits[rows, np.array([token for tokens in barred for token in tokens], np.int64)] = -np.inf
    return logits


def _truncated(mass: NDArray[np.float64], rules: Sequence[Rule]) -> NDArray[np.float64]:
    """`mass` (rows, vocabulary) with zeros where a rule keeps no token; the likeliest is always kept."""
    size = mass.shape[1]
    order = np.argsort(-mass, axis=1, kind="stable")
    sorted_mass = np.take_along_axis(mass, order, axis=1)
    ranks = np.arange(size)
    most = np.array([rule.top_k or size for rule in rules])[:, None]
    least = np.array([rule.min_p for rule in rules])[:, None] * sorted_mass[:, :1]
    sorted_mass *= (ranks < most) & (sorted_mass >= least)
    shares = np.cumsum(sorted_mass, axis=1)
    wanted = np.array([rule.top_p for rule in rules])[:, None] * shares[:, -1:]
    # Kept is the token with which the share is reached, and those before it.
    sorted_mass *= ranks <= (shares < wanted).sum(axis=1, keepdims=True)
    result = np.empty_like(mass)
    np.put_along_axis(result, order, sorted_mass, axis=1)
    return result
