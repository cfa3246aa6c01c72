"""The live display of one job on a terminal."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from solvent.agents.events import Event
from solvent.agents.job import Evidence, JobResult, Outcome
from solvent.problems.problem import Verdict
from solvent.service.cli.amounts import count, of_cap, seconds
from solvent.service.cli.view import JobView, TrajectoryView, learned_line

LINES_SHOWN = 8
"""Trajectories shown at once; the newest and the running ones come first."""
TEXT_LINES = 6
REFRESH_PER_S = 12

VERDICT_STYLES = {
    Verdict.AC: "green",
    Verdict.WA: "red",
    Verdict.RE: "magenta",
    Verdict.CE: "yellow",
    Verdict.IE: "bold yellow reverse",
}
OUTCOME_STYLES = {Outcome.SOLVED: "bold green", Outcome.UNSOLVED: "bold red", Outcome.EXHAUSTED: "bold yellow"}


def verdict_text(verdict: Verdict) -> Text:
    """Return the verdict in its colour."""
    return Text(verdict.value, style=VERDICT_STYLES.get(verdict, "cyan"))


class LiveDisplay:
    """Shows a job's events as a live picture on `console`."""

    def __init__(self, console: Console) -> None:
        self._view = JobView()
        self._started = time.monotonic()
        self._live = Live(self, console=console, refresh_per_second=REFRESH_PER_S, transient=True)

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        """Return the picture as of now; called by the refresh thread."""
        return job_panel(self._view, time.monotonic() - self._started)

    def emit(self, event: Event) -> None:
        """Take one event."""
        self._view.apply(event)


def job_panel(view: JobView, elapsed_s: float) -> RenderableType:
    """Return the picture of a running job."""
    head = Text.assemble(
        (view.problem_id or "starting", "bold"),
        ("  ", ""),
        (" · ".join(filter(None, (view.strategy, view.model))), "dim"),
        ("  resumed" if view.resumed else "", "yellow"),
    )
    usage, budget = view.usage, view.budget
    spent = Text.assemble(
        ("tokens ", "dim"),
        of_cap(usage.tokens, budget.tokens),
        _bar(usage.tokens, budget.tokens),
        ("   calls ", "dim"),
        of_cap(usage.model_calls, budget.model_calls),
        ("   sandbox ", "dim"),
        seconds(usage.sandbox_cpu_s),
        ("   time ", "dim"),
        seconds(elapsed_s),
        (f" of {seconds(budget.deadline_s)}" if budget.deadline_s else "", ""),
    )
    lines = list(view.trajectories.values())
    running, ended = [line for line in lines if not line.ended], [line for line in lines if line.ended]
    shown = [*running, *reversed(ended)][:LINES_SHOWN]
    table = Table.grid(padding=(0, 2))
    for line in shown:
        table.add_row(*_cells(line))
    parts: list[RenderableType] = [head, spent, Padding(table, (0, 0, 0, 2))]
    if len(lines) > len(shown):
        parts.append(Text(f"  … and {len(lines) - len(shown)} more", style="dim"))
    writing = next((line for line in reversed(lines) if not line.ended and line.text), None)
    if writing:
        tail = "\n".join(writing.text.splitlines()[-TEXT_LINES:])
        parts.append(Padding(Text(tail, style="dim", overflow="ellipsis", no_wrap=True), (0, 0, 0, 4)))
    return Group(*parts)


def _cells(line: TrajectoryView) -> tuple[RenderableType, ...]:
    phase = line.stop_reason.value if line.stop_reason else line.phase
    repair = f" repair {line.round}" if line.round else ""
    verdicts = Text()
    for verdict in line.verdicts[-24:]:
        verdicts.append_text(verdict_text(verdict)).append(" ")
    final = verdict_text(line.final) if line.final else Text("")
    return (
        Text(line.name, style="dim" if line.ended else "bold"),
        Text(phase + repair, style="dim" if line.ended else "cyan"),
        final,
        verdicts,
        Text(line.summary, style="dim", overflow="ellipsis", no_wrap=True),
    )


def _bar(spent: float, cap: float | None, width: int = 12) -> Text:
    if not cap:
        return Text("")
    filled = min(width, round(width * spent / cap))
    return Text.assemble(
        " ", ("━" * filled, "green" if spent < 0.8 * cap else "yellow"), ("━" * (width - filled), "bright_black")
    )


def evidence_lines(evidence: Evidence) -> list[str]:
    """Return what the selection rests on, a line each; never empty."""
    lines = []
    if evidence.public_tests:
        failed = next((test for test in evidence.public_tests if test.verdict is not Verdict.AC), None)
        if failed is None:
            lines.append(f"public tests {len(evidence.public_tests)} of {len(evidence.public_tests)} AC")
        else:
            lines.append(f"public test {failed.name} {failed.verdict.value}")
    if evidence.votes > 1:
        lines.append(f"agreement {evidence.agreement} of {evidence.votes} answers")
    if evidence.verifier is not None:
        lines.append(f"verifier score {evidence.verifier:.2f}")
    if evidence.repairs:
        lines.append(f"after {evidence.repairs} repairs")
    return lines or ["none"]


def print_result(console: Console, result: JobResult, *, show_answer: bool = True) -> None:
    """Print how a job ended: the answer, its evidence and what it cost."""
    if result.answer and show_answer:
        source, language = result.answer.program or result.answer.text, result.answer.language
        if console.is_terminal:
            from rich.syntax import Syntax

            console.print(Syntax(source.rstrip("\n"), language or "text", background_color="default", word_wrap=True))
        else:
            console.print(source.rstrip("\n"), markup=False, highlight=False, soft_wrap=True)
        if result.answer.program:
            console.print(f"answer: {result.answer.text}", style="bold", markup=False, highlight=False)
        console.print()
    ended = result.outcome.value if result.outcome else result.status.value
    style = OUTCOME_STYLES.get(result.outcome, "bold red") if result.outcome else "bold red"
    console.print(Text.assemble((ended, style), f"  {result.problem_id}  (stopped: {result.stop_reason.value})"))
    if result.answer:
        console.print(f"evidence: {'; '.join(evidence_lines(result.evidence))}", markup=False, highlight=False)
    if result.grade:
        total = f" ({result.grade.passed} of {result.grade.total})" if result.grade.total else ""
        console.print(f"graded after selection: {result.grade.verdict.value}{total}", markup=False, highlight=False)
    if result.learned is not None:
        console.print(learned_line(result.learned), markup=False, highlight=False)
    if result.error:
        console.print(f"error: {result.error.get('message')}", style="red", markup=False, highlight=False)
        if result.error.get("remedy"):
            console.print(f"remedy: {result.error['remedy']}", markup=False, highlight=False)
    usage = result.usage
    console.print(
        f"spent: {count(usage.tokens)} tokens ({count(usage.completion_tokens)} written), {usage.model_calls} calls, "
        f"{usage.trajectories} trajectories, {seconds(usage.sandbox_cpu_s)} sandbox CPU, {seconds(result.wall_s)}",
        style="dim",
        highlight=False,
    )
