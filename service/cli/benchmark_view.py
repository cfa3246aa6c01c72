"""The report of a benchmark for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from solvent.service.cli.amounts import count, seconds


def pass_table(report: Mapping[str, Any]) -> Table:
    """Return pass@k for all problems and for each family and tag, with its interval; takes `benchmark.report`."""
    ks = [estimate["k"] for estimate in report["pass_at"]]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("problems")
    table.add_column("", justify="right")
    for k in ks:
        table.add_column(f"pass@{k}", justify="right", no_wrap=True)
    table.add_row("all", str(report["problems"]), *_cells(report["pass_at"], ks), style="bold")
    for tag, group in report["by_tag"].items():
        table.add_row(tag, str(group["problems"]), *_cells(group["pass_at"], ks))
    return table


def _cells(estimates: Sequence[Mapping[str, Any]], ks: Sequence[int]) -> list[str]:
    found = {estimate["k"]: estimate for estimate in estimates}
    return [
        f"{found[k]['value']:.3f} [{found[k]['low']:.2f}, {found[k]['high']:.2f}]" if k in found else "" for k in ks
    ]


def print_benchmark(console: Console, report: Mapping[str, Any], wall_s: float | None = None) -> None:
    """Print the table and what it took."""
    if report["graded"] == 0:
        console.print("nothing could be graded: the problems have no hidden tests and no gold answers", style="yellow")
    console.print(pass_table(report), highlight=False)
    usage = report["usage"]
    words = [
        f"{report['problems']} problems, {report['attempts']} attempts each",
        f"{count(usage['tokens'])} tokens",
        *([f"cost {usage['cost']:.4g}"] if usage["cost"] else []),
        *([seconds(wall_s)] if wall_s is not None else []),
    ]
    if report["incomplete"]:
        words.append(f"{report['incomplete']} attempts incomplete")
    if report["claimed_wrong"]:
        words.append(f"{report['claimed_wrong']} of {report['claimed']} solved by public tests were wrong")
    console.print()
    console.print(" · ".join(words), style="bold", highlight=False)
    console.print("unbiased pass@k (arXiv 2107.03374), 95 % bootstrap over problems", style="dim", highlight=False)
