"""The learning rate: linear warm-up, constant, and a cool-down that can begin at any checkpoint."""

from __future__ import annotations

import math


def warm_up(step: int, steps: int) -> float:
    """The share of the peak rate at a step (from 0) of the warm-up, and 1 after it."""
    return min(1.0, (step + 1) / steps)


def cool_down(progress: float) -> float:
    """The share of the peak rate at a progress of 0 to 1: 1 - sqrt, after Hägele et al. 2024 (arXiv:2405.18392)."""
    return 1.0 - math.sqrt(min(1.0, max(0.0, progress)))
