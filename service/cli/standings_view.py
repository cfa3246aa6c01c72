"""The board of a contest for people: on a terminal a table, kept up to date; in a pipe plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from solvent.service.cli.amounts import count


def clock(seconds: float) -> str:
    """Return a time as boards show it: 7:05, or 1:02:03."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def board_table(board: Mapping[str, Any]) -> RenderableType:
    """Return the board with its head and the names of the problems; takes `standings_json`."""
    score = board["rules"] == "score"
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("#", justify="right")
    table.add_column("team", no_wrap=True)
    table.add_column("points" if score else "solved", justify="right")
    if not score:
        table.add_column("penalty", justify="right")
    for problem in board["problems"]:
        table.add_column(problem["label"], justify="center", no_wrap=True)
    for row in board["teams"]:
        amounts = [_number(row["points"])] if score else [str(row["solved"]), clock(row["penalty_s"])]
        cells = [cell_text(cell, score=score) for cell in row["problems"]]
        table.add_row(str(row["rank"]), row["team"], *amounts, *cells)
    names = [f"{problem['label']} {problem['custom_id']}" for problem in board["problems"]]
    return Group(head_text(board), Text(), table, Text(), Text(" · ".join(names), style="dim"))


def head_text(board: Mapping[str, Any]) -> Text:
    """Return the line above the board."""
    time = f"{clock(board['clock_s'])} of {clock(board['duration_s'])}"
    text = Text.assemble((board["contest"], "bold"), "  ", (time, "dim"))
    if board["over"]:
        text.append("  over", style="bold")
    if board["frozen"]:
        text.append("  frozen: ? are submissions whose rulings are held back", style="cyan")
    return text


def cell_text(cell: Mapping[str, Any], *, score: bool) -> Text:
    """Return a cell: `+1 0:12` solved after one wrong submission, `-2` two wrong ones, `?1` pending, `...` running."""
    pending = f" ?{cell['pending']}" if cell["pending"] else ""
    if score:
        if cell["time_s"] is None:
            return Text((f"-{cell['rejected']}" if cell["rejected"] else "") + pending, style="red")
        style = "bold green" if cell["first"] else "green" if cell["solved"] else "yellow"
        return Text(_number(cell["points"]), style=style).append(pending, style="cyan")
    wrong = str(cell["rejected"]) if cell["rejected"] else ""
    if cell["solved"]:
        return Text(f"+{wrong} {clock(cell['time_s'])}", style="bold green" if cell["first"] else "green")
    text = Text(f"-{wrong}" if wrong else "", style="red")
    text.append(pending if wrong else pending.strip(), style="cyan")
    return Text("...", style="dim") if cell["running"] and not text.plain else text


def _number(points: float) -> str:
    return f"{points:.1f}".removesuffix(".0")


def print_board(console: Console, board: Mapping[str, Any]) -> None:
    """Print the board."""
    console.print(board_table(board), highlight=False)


def submission_line(row: Mapping[str, Any]) -> str:
    """Return one line for an attempt that ended; takes a row of results of a contest."""
    usage = row.get("usage") or {}
    tokens = usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
    verdict = (row.get("grade") or {}).get("verdict") or "not handed in"
    return f"{row.get('team')}: {row['custom_id']} attempt {row.get('attempt')}: {verdict}, {count(tokens)} tokens"
