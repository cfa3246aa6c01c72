"""The unbiased estimate of pass@k (Chen et al. 2021, arXiv:2107.03374, equation 1)."""

from __future__ import annotations

from math import comb


def pass_at_k(samples: int, right: int, k: int) -> float:
    """The chance that at least one of k samples is right, when `right` of `samples` drawn ones were.

    Raises:
        ValueError: not 0 <= right <= samples, or not 1 <= k <= samples.
    """
    if not 0 <= right <= samples or not 1 <= k <= samples:
        raise ValueError(f"pass@{k} of {right} right samples among {samples} is not defined")
    return 1 - comb(samples - right, k) / comb(samples, k)
