"""The estimate of a batch for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from solvent.service.cli.amounts import count, seconds


def print_estimate(console: Console, estimate: Mapping[str, Any]) -> None:
    """Print what a batch would take; takes `estimate.estimate`."""
    words = [f"{estimate['rows']} rows", f"{estimate['jobs']} jobs"]
    if estimate["most_jobs"] > estimate["jobs"]:
        words[-1] += f" at first, {estimate['most_jobs']} at most"
    if estimate["unreadable"]:
        words.append(f"{estimate['unreadable']} unreadable")
    if estimate["duplicates"]:
        words.append(f"{estimate['duplicates']} duplicates")
    console.print(" · ".join(words), style="bold", highlight=False)
    for error in estimate["errors"]:
        console.print(f"  {error['message']}", style="yellow", markup=False, highlight=False)
    bound, expected = estimate["at_most"], estimate["expected"]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", "expected", "80 % range", "at most"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_row("tokens", *_range(expected.get("tokens"), count), _bound(bound["tokens"], count))
    if bound["cost"]:
        table.add_row("cost", *_range(expected.get("cost"), _money), _bound(bound["cost"], _money))
    table.add_row("time", *_range(expected.get("time_s"), seconds), _bound(bound["time_s"], seconds))
    console.print(table, highlight=False)
    console.print(_ground(expected), style="dim", highlight=False)


def _ground(expected: Mapping[str, Any]) -> str:
    if "why" in expected:
        return str(expected["why"])
    job, kind = expected["per_job_tokens"], "and the same options" if expected["same_options"] else "with other options"
    return (
        f"expected from {expected['rests_on']} earlier jobs of this strategy and model {kind}: "
        f"{expected['solved']:.0%} solved, {count(int(job['p50']))} tokens each (p10 {count(int(job['p10']))}, "
        f"p90 {count(int(job['p90']))})"
    )


def _range(range_: Mapping[str, float] | None, show: Any) -> tuple[str, str]:
    if range_ is None:
        return "", ""
    number = (lambda value: show(int(value))) if show is count else show
    return number(range_["mean"]), f"{number(range_['low'])} to {number(range_['high'])}"


def _bound(value: float | None, show: Any) -> str:
    if value is None:
        return "no bound"
    return str(show(int(value)) if show is count else show(value))


def _money(value: float) -> str:
    return f"{value:.4g}"
