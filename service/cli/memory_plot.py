"""Draws a memory's report: the learning curve, growth, and what concepts are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.errors import ConfigError, StoreError, boundary

if TYPE_CHECKING:
    from solvent.workers.memory_report import MemoryReport

SUFFIXES = (".png", ".svg", ".pdf")


def draw(report: MemoryReport, file: Path) -> None:
    """Write the picture; its form is that of the file's suffix.

    Raises:
        ConfigError: matplotlib is not installed, or it is none of the forms.
        StoreError: the file cannot be written.
    """
    if file.suffix not in SUFFIXES:
        raise ConfigError(f"{file} is no {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError(
            "pictures need matplotlib, which this installation has not",
            remedy="pip install 'solvent[plots]', or leave --plot out",
        ) from error
    figure = Figure(figsize=(15, 4.5), layout="constrained")
    curve, growth, worth = figure.subplots(1, 3)
    _curve(curve, report)
    _growth(growth, report)
    _worth(worth, report)
    with boundary(StoreError, f"write {file}", OSError):
        figure.savefig(file, dpi=120)


def _curve(axes: Any, report: MemoryReport) -> None:
    jobs = [point.jobs for point in report.curve]
    axes.plot(jobs, [point.moving for point in report.curve], color="tab:gray", linewidth=0.8, label="last 25 jobs")
    for name, label, colour in (
        ("shown", "with what was chosen, so far", "tab:blue"),
        ("held_out", "same prompt, empty memory, so far", "tab:red"),
    ):
        points = [(one.jobs, getattr(one, name)) for one in report.curve if getattr(one, name) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, label=label)
    axes.set(title="solved by public evidence", xlabel="jobs, in their order", ylabel="share", ylim=(0, 1))
    axes.grid(True, alpha=0.3)
    if report.curve:
        axes.legend(fontsize=8)


def _growth(axes: Any, report: MemoryReport) -> None:
    start = report.growth[0].time if report.growth else 0.0
    hours = [(point.time - start) / 3600 for point in report.growth]
    axes.step(hours, [point.concepts for point in report.growth], where="post", color="tab:green")
    axes.set(title="concepts", xlabel="hours since the first", ylabel="that searches find")
    axes.grid(True, alpha=0.3)


def _worth(axes: Any, report: MemoryReport) -> None:
    worst = [one for one in report.worst if one not in report.top]
    known = [one for one in (*report.top, *reversed(worst)) if one.uplift.value is not None]
    for place, one in enumerate(reversed(known)):
        value, low, high = one.uplift.value, one.uplift.low, one.uplift.high
        colour = "tab:red" if one.harm > 0.5 else "tab:blue"
        axes.plot([low, high], [place, place], color=colour, linewidth=1.5)
        axes.plot([value], [place], "o", color=colour, markersize=4)
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set(title="uplift of single concepts, with 95 % intervals", xlabel="difference of rates", xlim=(-1, 1))
    axes.set_yticks(range(len(known)), [one.name[:30] for one in reversed(known)], fontsize=7)
    axes.grid(True, axis="x", alpha=0.3)
