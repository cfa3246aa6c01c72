"""The standings of a contest: who has solved what, when, and who leads. Pure.

`icpc` follows the ICPC World Finals rules: more problems solved first, then less penalty time, which is for each solved
problem the time of its accepted submission and a fixed penalty for every rejected one before it; then the earlier last
accepted submission. Submissions after the freeze are pending on the public board until it is unfrozen. `score` adds
for each problem the best share of tests passed; the earlier last improvement decides ties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from solvent.workers.batch_plan import Contest, team_name
from solvent.workers.contest import Ruling, Submission, by_team, started_at, submissions
from solvent.workers.records import BatchRecord, JobRecord

COUNTED = frozenset({Ruling.ACCEPTED, Ruling.REJECTED, Ruling.PARTIAL})


@dataclass(frozen=True)
class Cell:
    """A team at a problem."""

    solved: bool = False
    first: bool = False
    """The first team that solved it."""
    time_s: float | None = None
    """Of the accepted submission (icpc), or of the last improvement (score)."""
    rejected: int = 0
    """Wrong submissions, before the accepted one where there is one."""
    pending: int = 0
    """Submissions since the freeze, whose rulings are not shown."""
    points: float = 0.0
    running: bool = False


@dataclass(frozen=True)
class Row:
    """A team's row."""

    rank: int
    team: str
    solved: int
    penalty_s: float
    points: float
    cells: Sequence[Cell]
    last_s: float
    """Time of what counted last."""


@dataclass(frozen=True)
class Standings:
    """A contest's board at a moment."""

    contest: Contest
    problems: Sequence[str]
    """`custom_id` of each, in the order of the columns."""
    rows: Sequence[Row]
    now_s: float
    """The contest's clock: 0 to its duration."""
    frozen: bool
    """Rulings since the freeze are held back."""
    over: bool


def label(problem: int) -> str:
    """Return the letter of a problem: A to Z, then AA, AB and so on."""
    text = ""
    number = problem + 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def standings(
    batch: BatchRecord, jobs: Iterable[JobRecord], now: float, *, unfreeze: bool = False, settled: bool = False
) -> Standings:
    """Return the board at a time.

    Args:
        batch: of the contest.
        jobs: all that are stored of it.
        now: Unix time by the store's clock.
        unfreeze: show the rulings since the freeze.
        settled: nothing follows any more, though there may be time left.
    """
    contest, jobs = batch.plan.contest, list(jobs)
    assert contest is not None, "not a contest"
    found = submissions(batch, jobs)
    if settled:
        # Its clock stops with what was last done.
        now = started_at(batch) + max((one.ended_s for one in found if one.ended_s is not None), default=0.0)
    now_s = min(contest.duration_s, max(0.0, now - started_at(batch)))
    freeze_at = contest.duration_s - contest.freeze_s
    frozen = not unfreeze and contest.freeze_s > 0 and now_s >= freeze_at
    hidden_from = freeze_at if frozen else None
    problems = _problems(batch, jobs)
    chains = by_team(one for one in found if one.time_s is None or one.time_s <= now_s)
    cells = {
        (team, index): _cell(contest, chains.get((team, problem), ()), _points(contest, problems[problem]), hidden_from)
        for team in range(batch.plan.teams)
        for index, problem in enumerate(problems)
    }
    teams = range(batch.plan.teams)
    firsts = {index: _first(cells, teams, index) for index in range(len(problems))}
    rows = []
    for team in teams:
        own = [replace(cells[team, index], first=firsts[index] == team) for index in range(len(problems))]
        rows.append(_row(contest, team_name(contest, team), own))
    over = settled or now_s >= contest.duration_s
    return Standings(contest, list(problems.values()), _ranked(contest, rows), now_s, frozen, over)


def _problems(batch: BatchRecord, jobs: Sequence[JobRecord]) -> dict[int, str]:
    found = {batch.plan.place(job.position).problem: job.custom_id for job in jobs if job.spec is not None}
    return dict(sorted(found.items()))


def _points(contest: Contest, problem: str) -> float:
    return contest.points_for.get(problem, contest.points)


def _cell(contest: Contest, chain: Sequence[Submission], points: float, hidden_from: float | None) -> Cell:
    running = any(one.ruling is Ruling.WAITING for one in chain)
    rejected, pending, best, time_s = 0, 0, 0.0, None
    for one in chain:
        if one.ruling not in COUNTED or one.time_s is None:
            continue
        if hidden_from is not None and one.time_s >= hidden_from:
            pending += 1
            continue
        if contest.rules == "score":
            if one.share > best:
                best, time_s = one.share, one.time_s
            rejected += one.ruling is not Ruling.ACCEPTED
        elif one.ruling is Ruling.ACCEPTED:
            return Cell(True, False, one.time_s, rejected, 0, points, running)
        else:
            rejected += 1
    solved = contest.rules == "score" and best >= 1.0
    return Cell(solved, False, time_s, rejected, pending, best * points if contest.rules == "score" else 0.0, running)


def _first(cells: Mapping[tuple[int, int], Cell], teams: range, problem: int) -> int | None:
    times = [(cells[team, problem].time_s or 0.0, team) for team in teams if cells[team, problem].solved]
    return min(times)[1] if times else None


def _row(contest: Contest, team: str, cells: Sequence[Cell]) -> Row:
    solved = [cell for cell in cells if cell.solved]
    times = [cell.time_s for cell in cells if cell.time_s is not None]
    penalty_s = sum((cell.time_s or 0.0) + contest.penalty_s * cell.rejected for cell in solved)
    if contest.rules == "score":
        penalty_s = 0.0
    return Row(0, team, len(solved), penalty_s, sum(cell.points for cell in cells), cells, max(times, default=0.0))


def _ranked(contest: Contest, rows: Sequence[Row]) -> list[Row]:
    def key(row: Row) -> tuple[float, float, float]:
        if contest.rules == "score":
            return (-round(row.points, 6), row.last_s, 0.0)
        return (-row.solved, row.penalty_s, row.last_s)

    ordered = sorted(rows, key=lambda row: (*key(row), row.team))
    ranked: list[Row] = []
    for place, row in enumerate(ordered, start=1):
        rank = ranked[-1].rank if ranked and key(ordered[place - 2]) == key(row) else place
        ranked.append(replace(row, rank=rank))
    return ranked


def standings_json(board: Standings) -> dict[str, Any]:
    """Return a board as JSON values; times in seconds."""
    score = board.contest.rules == "score"
    return {
        "contest": board.contest.name,
        "rules": board.contest.rules,
        "clock_s": round(board.now_s, 3),
        "duration_s": board.contest.duration_s,
        "frozen": board.frozen,
        "over": board.over,
        "problems": [{"label": label(index), "custom_id": name} for index, name in enumerate(board.problems)],
        "teams": [
            {
                "rank": row.rank,
                "team": row.team,
                "solved": row.solved,
                **({"points": round(row.points, 3)} if score else {"penalty_s": round(row.penalty_s, 3)}),
                "problems": [
                    {
                        "label": label(index),
                        "solved": cell.solved,
                        "first": cell.first,
                        "time_s": None if cell.time_s is None else round(cell.time_s, 3),
                        "rejected": cell.rejected,
                        "pending": cell.pending,
                        "running": cell.running,
                        **({"points": round(cell.points, 3)} if score else {}),
                    }
                    for index, cell in enumerate(row.cells)
                ],
            }
            for row in board.rows
        ],
    }
