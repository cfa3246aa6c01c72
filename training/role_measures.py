"""Figures of the roles' evaluation: shares and areas under the curve, with intervals. Pure."""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from solvent.memory.uplift import Rate
from solvent.memory.uplift import wilson as score_interval

_RESAMPLES = 400
_Z = 1.96


class Measure(BaseModel):
    """One figure.

    Attributes:
        value: A share, or an area under the ROC curve.
        low: Lower end of the 95 % interval; `high` is the upper one.
        count: How many items it is the mean of: problems, or programs of the smaller class.
        baseline: What is had without the role, where that can be said; `baseline_name` says what it is.
        gain: By how much the value exceeds the baseline, where both are known of each item: with its 95 % interval,
            which is narrower than the two apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    name: str
    value: float
    low: float
    high: float
    count: int
    baseline: float | None = None
    baseline_name: str = ""
    gain: tuple[float, float, float] | None = None


def share(
    role: str, name: str, values: Sequence[float], baseline: Sequence[float] = (), baseline_name: str = ""
) -> list[Measure]:
    """The mean of the values (0 to 1, one for each problem) with a 95 % interval; nothing of no values.

    Args:
        role: See `Measure`.
        name: See `Measure`.
        values: One for each item.
        baseline: Of the same items without the role.
        baseline_name: What that is.

    Raises:
        ValueError: there are more or fewer values of the baseline.
    """
    if not values:
        return []
    value, low, high = wilson(values) if set(values) <= {0.0, 1.0} else interval(values)
    gain = interval([one - other for one, other in zip(values, baseline, strict=True)]) if baseline else None
    return [
        Measure(
            role=role,
            name=name,
            value=value,
            low=max(0.0, min(low, value)),  # rounded, Wilson's ends may lie beside a mean of 0 or 1
            high=min(1.0, max(high, value)),
            count=len(values),
            baseline=mean(baseline),
            baseline_name=baseline_name,
            gain=gain,
        )
    ]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean with the ends of its 95 % interval, from the normal distribution.

    Raises:
        ZeroDivisionError: there are no values.
    """
    middle = sum(values) / len(values)
    spread = math.sqrt(sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1) / len(values))
    return middle, middle - _Z * spread, middle + _Z * spread


def wilson(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of zeros and ones with the ends of its 95 % interval (Wilson 1927), which is right near 0 and 1 too.

    Raises:
        ZeroDivisionError: there are no values.
    """
    low, high = score_interval(Rate(solved=round(sum(values)), tried=len(values)), _Z)
    return sum(values) / len(values), low, high


def area(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Probability that a right one scores above a wrong one, ties half: the area under the ROC curve.

    Raises:
        ZeroDivisionError: one of them is empty.
    """
    ordered = sorted(wrong)
    above = sum(bisect_left(ordered, score) + bisect_right(ordered, score) for score in right)
    return above / (2 * len(right) * len(wrong))


Scores = tuple[Sequence[float], Sequence[float]]
"""Of the right and of the wrong programs of one problem."""


def area_measure(role: str, name: str, problems: Sequence[Scores]) -> list[Measure]:
    """The area over the programs of all problems; nothing where there are no right or no wrong ones.

    The interval is a bootstrap's over problems, since programs of one problem are alike.
    """
    right, wrong = _together(problems)
    if not right or not wrong:
        return []
    rng = random.Random(0)
    drawn = (_together(rng.choices(problems, k=len(problems))) for _ in range(_RESAMPLES))
    areas = sorted(area(*scores) for scores in drawn if all(scores))
    tail = int(0.025 * len(areas))
    low, high = (areas[tail], areas[-1 - tail]) if areas else (0.0, 1.0)
    return [
        Measure(
            role=role,
            name=name,
            value=area(right, wrong),
            low=low,
            high=high,
            count=min(len(right), len(wrong)),
            baseline=0.5,
            baseline_name="chance",
        )
    ]


def _together(problems: Sequence[Scores]) -> tuple[list[float], list[float]]:
    return [score for right, _ in problems for score in right], [score for _, wrong in problems for score in wrong]


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None
