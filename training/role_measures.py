"""Figures of the roles' evaluation: shares and areas under the curve, with intervals. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

_RESAMPLES = 400


class Measure(BaseModel):
    """One figure.

    Attributes:
        value: A share, or an area under the ROC curve.
        low: Lower end of the 95 % interval; `high` is the upper one.
        count: How many items it is the mean of: problems, or programs of the smaller class.
        baseline: What is had without the role, where that can be said; `baseline_name` says what it is.
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


def share(
    role: str, name: str, values: Sequence[float], baseline: float | None = None, baseline_name: str = ""
) -> list[Measure]:
    """The mean of the values (0 to 1, one for each problem) with a normal interval; nothing of no values."""
    if not values:
        return []
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1) / len(values))
    low, high = mean - 1.96 * spread, mean + 1.96 * spread
    return [
        Measure(
            role=role,
            name=name,
            value=mean,
            low=low,
            high=high,
            count=len(values),
            baseline=baseline,
            baseline_name=baseline_name,
        )
    ]


def area(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Probability that a right one scores above a wrong one, ties half: the area under the ROC curve.

    Raises:
        ZeroDivisionError: one of them is empty.
    """
    above = sum((one > other) + 0.5 * (one == other) for one in right for other in wrong)
    return above / (len(right) * len(wrong))


def area_measure(role: str, name: str, right: Sequence[float], wrong: Sequence[float]) -> list[Measure]:
    """The area with a bootstrap interval; nothing where there are no right or no wrong ones."""
    if not right or not wrong:
        return []
    rng = random.Random(0)
    areas = sorted(area(rng.choices(right, k=len(right)), rng.choices(wrong, k=len(wrong))) for _ in range(_RESAMPLES))
    low, high = areas[int(0.025 * _RESAMPLES)], areas[int(0.975 * _RESAMPLES)]
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


def mean(values: Sequence[float]) -> float | None:
    """The mean; None of nothing."""
    return sum(values) / len(values) if values else None
