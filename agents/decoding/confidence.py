"""Confidence of a reply while it is written, and the bar below which it is not worth writing on.

DeepConf (Fu et al. 2025, "Deep Think with Confidence", arXiv 2508.15260): a token's confidence is the negative mean of
the logprobs of the k likeliest in its place, a group's the mean over a sliding window, a trace's the lowest of its
groups; the bar is a percentile over the warm-up traces.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from solvent.agents.decoding.options import DecodingOptions
from solvent.models.base import TokenLogprob


@dataclass(frozen=True)
class Confidence:
    """Of a reply or a piece of it.

    Attributes:
        lowest: Of its windows; where none was full, the mean.
        mean: Of its tokens.
        tokens: How many that is.
    """

    lowest: float
    mean: float
    tokens: int


class ConfidenceMeter:
    """Measures as tokens come."""

    def __init__(self, window: int, bar: float | None = None) -> None:
        self._window: deque[float] = deque(maxlen=window)
        self._bar = bar
        self._sum = 0.0
        self._tokens = 0
        self._lowest = math.inf

    def see(self, logprobs: Iterable[TokenLogprob]) -> bool:
        """Take tokens; return whether a full window's mean lies below the bar."""
        for token in logprobs:
            if not token.top:
                continue
            # A logprob of minus infinity is a token that cannot come; it would make every confidence infinite.
            values = [value for _, value in token.top if math.isfinite(value)] or [token.logprob]
            confidence = -math.fsum(values) / len(values)
            self._window.append(confidence)
            self._sum += confidence
            self._tokens += 1
            if len(self._window) == self._window.maxlen:
                mean = math.fsum(self._window) / len(self._window)
                self._lowest = min(self._lowest, mean)
        return self._bar is not None and self._lowest < self._bar

    @property
    def so_far(self) -> Confidence | None:
        """What was measured; None before the first token."""
        if not self._tokens:
            return None
        mean = self._sum / self._tokens
        return Confidence(mean if self._lowest == math.inf else self._lowest, mean, self._tokens)


def together(parts: Sequence[Confidence]) -> Confidence | None:
    """Return the confidence of a reply from that of its pieces; each begins with a new window."""
    if not parts:
        return None
    tokens = sum(part.tokens for part in parts)
    mean = math.fsum(part.mean * part.tokens for part in parts) / tokens
    return Confidence(min(part.lowest for part in parts), mean, tokens)


def bar(lowest: Sequence[float], keep: float) -> float:
    """Return the bar that a share `keep` of the warm-up's replies reaches: their percentile 100 (1 - keep).

    Between two values it is interpolated linearly.

    Args:
        lowest: the lowest confidence of each reply of the warm-up, at least one.
        keep: above 0, at most 1.
    """
    values = sorted(lowest)
    place = (1 - keep) * (len(values) - 1)
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def after_warm_up(options: DecodingOptions, lowest: Sequence[float]) -> DecodingOptions:
    """Return the options with the bar that the warm-up sets, once it is over; a bar that was given stays.

    Args:
        options: of the job.
        lowest: the lowest confidence of the replies that ended uncut, in the order in which they ended.
    """
    if options.confidence_window_tokens is None or options.confidence_cut is not None:
        return options
    if len(lowest) < options.confidence_warm_up:
        return options
    learnt = bar(lowest[: options.confidence_warm_up], options.confidence_keep)
    return options.model_copy(update={"confidence_cut": max(0.0, learnt)})
