"""`solvent memory report`: what the memory was worth, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from solvent.memory.uplift import Rate, Uplift
    from solvent.workers.distillations import Lessons
    from solvent.workers.memory_report import ConceptWorth, MemoryReport

_COLUMNS = ("name", "status", "chosen", "cited", "with", "without", "uplift", "harm")


def show_report(report: MemoryReport) -> None:
    """Print a report."""
    from solvent.service.cli.table import show_rows

    concepts = ", ".join(f"{number} {status}" for status, number in report.concepts.items() if number)
    click.echo(f"concepts: {concepts or 'none'}")
    if report.lessons is not None and (report.lessons.ended or report.lessons.waiting or report.lessons.running):
        click.echo(f"lessons of jobs: {told(report.lessons)}")
    jobs = ", ".join(f"{number} {arm.replace('_', ' ')}" for arm, number in report.jobs.items() if number)
    click.echo(f"jobs with a memory: {sum(report.jobs.values())}{f' ({jobs})' if jobs else ''}")
    if not jobs:
        return
    click.echo(
        f"hit rate (something was chosen): {percent(report.hit_rate)}; answers that cite: {percent(report.cite_rate)}"
    )
    with_it, without = report.uplift.with_it, report.uplift.without
    click.echo(
        f"solved with what was chosen: {said(with_it)}; with the same prompt and an empty memory: {said(without)}"
    )
    click.echo(f"uplift: {interval(report.uplift)}")
    if report.tokens_with is not None and report.tokens_without is not None:
        click.echo(f"tokens of a job: {report.tokens_with:.0f} with, {report.tokens_without:.0f} without")
    if report.curve:
        click.echo(f"solved in the order of jobs: {sparkline([point.moving for point in report.curve])}")
    for title, worth in (("what helped most", report.top), ("what is likely to do harm", report.worst)):
        if worth:
            click.echo(f"\n{title}:")
            show_rows([row_of(one) for one in worth], _COLUMNS, as_json=False, empty="")


def told(lessons: Lessons) -> str:
    """Return what became of lessons, in a line."""
    parts = [f"{number} {status.replace('_', ' ')}" for status, number in lessons.ended.items()]
    took = f"{lessons.tokens:,} tokens"
    if lessons.mean_s is not None:
        took += f", {lessons.mean_s:.1f} s from a job's end"
    said = f"{', '.join(parts)} ({took}; of the last {lessons.jobs} jobs)" if parts else "none ended"
    if lessons.running:
        said += f"; {lessons.running} running"
    if lessons.waiting:
        said += f"; {lessons.waiting} waiting, the oldest for {lessons.oldest_waiting_s or 0:.0f} s"
    return said


def row_of(one: ConceptWorth) -> dict[str, Any]:
    """Return a concept as a row."""
    return {
        "name": one.name,
        "status": one.status.value,
        "chosen": one.chosen,
        "cited": one.cited,
        "with": f"{one.uplift.with_it.solved}/{one.uplift.with_it.tried}",
        "without": f"{one.uplift.without.solved}/{one.uplift.without.tried}",
        "uplift": interval(one.uplift),
        "harm": f"{one.harm:.2f}",
    }


def percent(value: float | None) -> str:
    """Return a share as people read it."""
    return "unknown" if value is None else f"{100 * value:.1f} %"


def said(rate: Rate) -> str:
    """Return a rate with its counts."""
    return f"{percent(rate.value)} ({rate.solved} of {rate.tried})"


def interval(difference: Uplift) -> str:
    """Return a difference in points with its 95 % interval."""
    if difference.value is None or difference.low is None or difference.high is None:
        return "unknown"
    return f"{100 * difference.value:+.1f} points ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"


def sparkline(values: list[float]) -> str:
    """Return shares as a line of blocks, from the first to the last."""
    blocks = "▁▂▃▄▅▆▇█"
    step = max(1, len(values) // 60)
    return "".join(blocks[min(7, int(8 * value))] for value in values[::step])
