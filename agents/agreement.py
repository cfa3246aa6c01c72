"""When a vote is decided. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb


def majority_confidence(first: int, second: int) -> float:
    """Return P(p > 1/2) for the leader against the runner-up under a uniform prior: 1 - I_1/2(first + 1, second + 1).

    The Beta stopping rule of Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860). For whole numbers the
    regularised incomplete beta function is a binomial tail, so the value is exact up to rounding.

    Args:
        first: votes of the most frequent answer.
        second: votes of the next.
    """
    n = first + second + 1
    return float(sum(comb(n, k) for k in range(second + 1, n + 1)) / 2**n)


def agreed(votes: Sequence[int], *, confidence: float, min_votes: int) -> bool:
    """Return whether one answer leads so clearly that further votes would hardly change it.

    Args:
        votes: number of votes of each answer.
        confidence: what `majority_confidence` of the leader must reach.
        min_votes: fewest votes in all before anything counts as agreed.
    """
    if sum(votes) < min_votes or not votes:
        return False
    leader, runner_up = sorted([*votes, 0], reverse=True)[:2]
    return majority_confidence(leader, runner_up) >= confidence
