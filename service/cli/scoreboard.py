"""The scoreboard of a batch, as a contest shows it, and the batch's live progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from solvent.agents.job import JobResult, JobStatus, Outcome
from solvent.problems.grids import official_score
from solvent.service.cli.amounts import count, seconds
from solvent.service.cli.display import OUTCOME_STYLES, VERDICT_STYLES
from solvent.workers.records import JobRecord


def result_words(job: JobRecord) -> tuple[str, str]:
    """Return the word of the result column and its style."""
    if job.result is None:
        kind = (job.error or {}).get("kind")
        return (f"bad {kind}" if kind == "data" else job.status.value), "yellow"
    if job.result.outcome is None:
        return job.result.status.value, "yellow"
    return job.result.outcome.value, OUTCOME_STYLES[job.result.outcome].removeprefix("bold ")


def reason_words(job: JobRecord) -> str:
    """Return why, in one line: the stop reason, or the named error."""
    if job.error:
        return str(job.error.get("message") or "").splitlines()[0]
    if job.result is None:
        return ""
    return job.result.stop_reason.value


def scoreboard(jobs: Sequence[JobRecord]) -> Table:
    """Return one row per job, in the batch's order."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("problem", overflow="fold", min_width=12)
    table.add_column("result")
    table.add_column("public")
    table.add_column("grade")
    table.add_column("tries", justify="right")
    table.add_column("tokens", justify="right")
    table.add_column("time", justify="right")
    table.add_column("reason")
    for job in jobs:
        word, style = result_words(job)
        result = job.result
        table.add_row(
            str(job.position + 1),
            job.custom_id,
            Text(word, style=style),
            _public(result),
            _grade(result),
            str(result.usage.trajectories) if result else "",
            count(result.usage.tokens) if result else "",
            seconds(result.wall_s) if result else "",
            Text(_short_reason(job), style="dim"),
        )
    return table


def _short_reason(job: JobRecord) -> str:
    if job.error:
        return f"{job.error.get('kind')} error, see below"
    return job.result.stop_reason.value if job.result else ""


def _public(result: JobResult | None) -> Text:
    text = Text()
    for test in result.evidence.public_tests if result else ():
        text.append(test.verdict.value, style=VERDICT_STYLES.get(test.verdict, "cyan")).append(" ")
    text.rstrip()
    return text


def _grade(result: JobResult | None) -> Text:
    if result is None or result.grade is None:
        return Text("")
    grade = result.grade
    total = f" {grade.passed}/{grade.total}" if grade.total > 1 else ""
    return Text(grade.verdict.value + total, style=VERDICT_STYLES.get(grade.verdict, "cyan"))


def totals(jobs: Sequence[JobRecord]) -> dict[str, int | float | dict[str, int] | dict[str, float]]:
    """Return the figures under the scoreboard as JSON values."""
    results = [job.result for job in jobs if job.result]
    grades = Counter(result.grade.verdict.value for result in results if result.grade)
    return {
        "problems": len(jobs),
        "solved": sum(result.outcome is Outcome.SOLVED for result in results),
        "unsolved": sum(result.outcome is Outcome.UNSOLVED for result in results),
        "exhausted": sum(result.outcome is Outcome.EXHAUSTED for result in results),
        "failed": sum(job.status is JobStatus.FAILED for job in jobs),
        "cancelled": sum(job.status is JobStatus.CANCELLED for job in jobs),
        "unfinished": sum(not job.ended and job.status is not JobStatus.CANCELLED for job in jobs),
        "grades": dict(sorted(grades.items())),
        **({"grids": grids} if (grids := grid_scores(jobs)) else {}),
        "tokens": sum(result.usage.tokens for result in results),
        "sandbox_cpu_s": round(sum(result.usage.sandbox_cpu_s for result in results), 3),
    }


def grid_scores(jobs: Sequence[JobRecord]) -> dict[str, float]:
    """Return the scores of the problems of kind `grid` that were graded; empty where there is none.

    `official` is the mean over tasks of the share of test inputs that any of two attempts gets right, `strict` the
    share of tasks of which one program is right on all pairs, of training and test.
    """
    grades = [job.result.grade for job in jobs if job.result and job.result.grade]
    graded = [grade for grade in grades if grade.strict is not None]
    if not graded:
        return {}
    official = official_score(grade.passed / grade.total for grade in graded)
    strict = sum(bool(grade.strict) for grade in graded) / len(graded)
    return {"tasks": len(graded), "official": round(official, 6), "strict": round(strict, 6)}


def print_scoreboard(console: Console, jobs: Sequence[JobRecord], wall_s: float | None = None) -> None:
    """Print the table and the totals."""
    console.print(scoreboard(jobs))
    for job in jobs:
        if job.error:
            remedy = f" ({job.error['remedy']})" if job.error.get("remedy") else ""
            line = f"#{job.position + 1} {job.custom_id}: {reason_words(job)}{remedy}"
            console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
    figures = totals(jobs)
    words = [f"solved {figures['solved']} of {figures['problems']}"]
    words += [
        f"{name} {figures[name]}"
        for name in ("unsolved", "exhausted", "failed", "cancelled", "unfinished")
        if figures[name]
    ]
    grades = figures["grades"]
    if isinstance(grades, dict) and grades:
        words.append("graded " + ", ".join(f"{verdict} {number}" for verdict, number in grades.items()))
    grids = grid_scores(jobs)
    if grids:
        words.append(f"{grids['tasks']} tasks of grids: official {grids['official']:.4f}, strict {grids['strict']:.4f}")
    tokens = figures["tokens"]
    assert isinstance(tokens, int)
    words.append(f"{count(tokens)} tokens")
    if wall_s is not None:
        words.append(seconds(wall_s))
    console.print()
    console.print(" · ".join(words), style="bold", highlight=False)
