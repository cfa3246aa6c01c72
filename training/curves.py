"""The loss curves: files that grow while training runs, and their picture."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Sums = dict[str, tuple[float, int]]
"""Sum of the losses (nats) of completion tokens and their number, by group of rows."""

_CURVES = ("loss.csv", "cool-down.csv")
_PROGRAM = "program-"
_DASHES = ("-", "--", ":", "-.")
"""Matplotlib has ten colours; these tell more lines apart."""
_POINTS = 60
"""Points of a line of the picture of groups: enough to see its course, few enough to tell it from its neighbours."""


def merge(parts: list[Sums]) -> Sums:
    """Sums of several processes together."""
    merged: Sums = {}
    for part in parts:
        for group, (loss, count) in part.items():
            before, counted = merged.get(group, (0.0, 0))
            merged[group] = before + loss, counted + count
    return dict(sorted(merged.items()))


def mean(sums: Mapping[str, tuple[float, int]]) -> float:
    """Mean loss of a completion token, of all groups."""
    return sum(loss for loss, _ in sums.values()) / max(1, sum(count for _, count in sums.values()))


class Curve:
    """The loss curve as two CSV files: one line a log interval, and one line a group of it.

    Args:
        path: The first file; the second has `-groups` before the suffix.
        step: The step that training goes on from: later lines, of a run that was cut off, are dropped.
        after_tokens: Where this curve begins: lines up to there, of an earlier cool-down, are dropped too.
    """

    COLUMNS = ("step", "tokens", "learning_rate", "completion_loss", "gradient_norm", "seconds")
    GROUP_COLUMNS = ("step", "tokens", "group", "completion_loss", "completion_tokens")

    def __init__(self, path: Path, step: int, after_tokens: int = 0) -> None:
        self._path, self._groups = path, path.with_stem(f"{path.stem}-groups")
        for file, columns in ((self._path, self.COLUMNS), (self._groups, self.GROUP_COLUMNS)):
            rows: list[list[str]] = []
            if file.exists():
                with file.open(newline="") as old:
                    lines = [row for row in list(csv.reader(old))[1:] if row]
                rows = [row for row in lines if int(row[0]) <= step and int(row[1]) > after_tokens]
            with file.open("w", newline="") as fresh:
                csv.writer(fresh).writerows([columns, *rows])

    def add(self, step: int, tokens: int, rate: float, norm: float, seconds: float, sums: Sums) -> None:
        """Append one interval."""
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow(
                [step, tokens, f"{rate:.6f}", f"{mean(sums):.5f}", f"{norm:.4f}", f"{seconds:.1f}"]
            )
        with self._groups.open("a", newline="") as file:
            for group, (loss, count) in sums.items():
                csv.writer(file).writerow([step, tokens, group, f"{loss / max(1, count):.5f}", count])


def draw_curves(directory: Path, picture: Path, report: Callable[[str], None]) -> None:
    """Draw the loss over the tokens seen, of all rows and of each kind; without matplotlib, say so and draw nothing."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        report("matplotlib is not installed: no picture of the loss curve")
        return
    if not (directory / _CURVES[0]).exists():
        return
    figure = Figure(figsize=(16, 5))
    whole, programs, roles = figure.subplots(1, 3, sharey=True)
    for name, colour in zip(_CURVES, ("tab:blue", "tab:red"), strict=True):
        if (directory / name).exists():
            rows = _read(directory / name)
            points = [(int(row["tokens"]) / 1e6, float(row["completion_loss"])) for row in rows]
            whole.plot(*zip(*points, strict=True), color=colour, linewidth=0.8, label=name.removesuffix(".csv"))
    for number, (group, points) in enumerate(sorted(_groups(directory).items())):
        axes = programs if group.startswith(_PROGRAM) else roles
        style = _DASHES[number // 10 % len(_DASHES)]
        axes.plot(*zip(*points, strict=True), style, linewidth=0.8, label=group.removeprefix(_PROGRAM))
    whole.set(title="all rows", xlabel="million tokens", ylabel="loss of completion tokens (nats)", yscale="log")
    programs.set(title="programs, by family", xlabel="million tokens")
    roles.set(title="plans first, and roles", xlabel="million tokens")
    for axes in (whole, programs, roles):
        axes.grid(True, which="both", alpha=0.3)
    whole.legend()
    programs.legend(fontsize=6)
    roles.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.01, 1))
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
