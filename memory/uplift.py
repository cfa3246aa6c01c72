"""What a difference of two rates says, with its interval. Pure."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

Z_95 = 1.959964


class Rate(BaseModel):
    """Solved jobs of those that ended solved or unsolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    solved: int = 0
    tried: int = 0

    @property
    def value(self) -> float | None:
        """The rate; None of none."""
        return self.solved / self.tried if self.tried else None


class Uplift(BaseModel):
    """A rate less another, with the ends of its 95 % interval; None where one of them is of no jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    with_it: Rate
    without: Rate
    value: float | None = None
    low: float | None = None
    high: float | None = None


def wilson(rate: Rate, z: float = Z_95) -> tuple[float, float]:
    """Return the ends of a rate's score interval (Wilson, JASA 1927), which is right near 0 and 1 too.

    Raises:
        ZeroDivisionError: of no jobs.
    """
    share = rate.solved / rate.tried
    middle = (share + z * z / (2 * rate.tried)) / (1 + z * z / rate.tried)
    spread = z / (1 + z * z / rate.tried) * math.sqrt(share * (1 - share) / rate.tried + (z / (2 * rate.tried)) ** 2)
    return max(0.0, min(share, middle - spread)), min(1.0, max(share, middle + spread))


def uplift(with_it: Rate, without: Rate) -> Uplift:
    """Return the difference of two independent rates with Newcombe's interval.

    It is built of both rates' score intervals (method 10 of R. G. Newcombe, "Interval estimation for the difference
    between independent proportions", Statistics in Medicine 17, 1998), and holds for few jobs as well.
    """
    if not with_it.tried or not without.tried:
        return Uplift(with_it=with_it, without=without)
    first, second = with_it.solved / with_it.tried, without.solved / without.tried
    (low_1, high_1), (low_2, high_2) = wilson(with_it), wilson(without)
    return Uplift(
        with_it=with_it,
        without=without,
        value=first - second,
        low=first - second - math.hypot(first - low_1, high_2 - second),
        high=first - second + math.hypot(high_1 - first, second - low_2),
    )
