"""The picture of the loss curves."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from solvent.training.losses import mean

_CURVES = ("loss.csv", "cool-down.csv")
_POINTS = 60
"""Points of a line of the picture of groups: enough to see its course, few enough to tell it from its neighbours."""


def draw_curves(directory: Path, picture: Path, report: Callable[[str], None]) -> None:
    """Draw the loss over the tokens seen, of all rows and of each kind; without matplotlib, say so and draw nothing."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        report("matplotlib is not installed: no picture of the loss curve")
        return
    if not (directory / _CURVES[0]).exists():
        return
    figure = Figure(figsize=(13, 5))
    whole, kinds = figure.subplots(1, 2, sharey=True)
    for name, colour in zip(_CURVES, ("tab:blue", "tab:red"), strict=True):
        if (directory / name).exists():
            rows = _read(directory / name)
            points = [(int(row["tokens"]) / 1e6, float(row["completion_loss"])) for row in rows]
            whole.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, label=name.removesuffix(".csv"))
    for group, points in sorted(_groups(directory).items()):
        kinds.plot(*zip(*points, strict=True), linewidth=0.8, label=group)
    whole.set(xlabel="million tokens", ylabel="loss of completion tokens (nats)", yscale="log")
    kinds.set(xlabel="million tokens")
    whole.legend()
    kinds.legend(fontsize=6, ncols=2, loc="upper right")
    for axes in (whole, kinds):
        axes.grid(True, which="both", alpha=0.3)
    figure.savefig(picture, dpi=110, bbox_inches="tight")


def _groups(directory: Path) -> dict[str, list[tuple[float, float]]]:
    """For each kind of rows, million tokens and loss, neighbouring intervals put together."""
    sums: dict[str, dict[int, dict[str, tuple[float, int]]]] = defaultdict(dict)
    rows = [row for name in _CURVES for row in _read(directory / name.replace(".csv", "-groups.csv"))]
    last = max((int(row["tokens"]) for row in rows), default=1)
    for row in rows:
        at, count = int(row["tokens"]) * _POINTS // (last + 1), int(row["completion_tokens"])
        sums[row["group"]].setdefault(at, {})[row["step"]] = (float(row["completion_loss"]) * count, count)
    scale = last / _POINTS / 1e6
    return {
        group: [((at + 0.5) * scale, mean(parts)) for at, parts in sorted(points.items())]
        for group, points in sums.items()
    }


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
