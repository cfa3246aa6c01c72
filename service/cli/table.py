"""Lists: a table on a terminal, aligned plain columns in a pipe, JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from pydantic import JsonValue


def show_rows(rows: Sequence[dict[str, JsonValue]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows by columns. As JSON all fields of all rows are printed, as one array.

    Args:
        rows: JSON values by field name.
        columns: the fields that a person sees, in order.
        as_json: print JSON instead.
        empty: what to say when there are no rows.
    """
    if as_json:
        click.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
        return
    if not rows:
        click.echo(empty)
        return
    cells = [["" if row.get(name) is None else str(row[name]) for name in columns] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in columns:
            table.add_column(name, overflow="fold")
        for line in cells:
            table.add_row(*line)
        Console(highlight=False).print(table)
        return
    widths = [max(len(name), *(len(line[index]) for line in cells)) for index, name in enumerate(columns)]
    for line in [list(columns), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
