"""Going back to problems that an earlier run left unsolved: `solvent batch run --again RESULTS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import DataError

if TYPE_CHECKING:
    from solvent.memory.concept import Concept
    from solvent.problems.readers import ReadResult

Shown = frozenset[str]
"""Ids of the concepts that jobs had of a problem."""


def chosen_again(
    items: Iterator[ReadResult], options: Mapping[str, Any], concepts: Callable[[], Sequence[Concept]]
) -> Iterator[ReadResult]:
    """Leave out what `--again` and `--learned` do not go back to; without them all stays.

    Args:
        items: what a reader gives.
        options: of `submission_options`.
        concepts: reads what the memory has now.

    Raises:
        click.UsageError: the options do not go together.
        DataError: the results cannot be read; when all is read: there is nothing to go back to.
    """
    results: Path | None = options["again"]
    if not options["learned"]:
        return items if results is None else _unsolved(items, results, left_unsolved(results))
    if results is None:
        raise click.UsageError("--learned narrows down what --again RESULTS goes back to: give both")
    if options["memory"] not in ("read", "live"):
        raise click.UsageError("--learned is about what the memory has now: give --memory read or live")
    return _with_news(items, results, left_unsolved(results), concepts())


def left_unsolved(results: Path) -> dict[str, Shown]:
    """Return the problems that no row of these results solved, by their ids, with the concepts that they were shown.

    Raises:
        DataError: it cannot be read, or is not a file of results.
    """
    try:
        lines = results.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"these results cannot be read: {error}", file=str(results)) from error
    shown: dict[str, Shown] = {}
    solved: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            problem, outcome = row["problem_id"], row["outcome"]
            memory = row.get("memory") or {}
            had = frozenset(one.rpartition(":")[0] for one in memory.get("chosen", ()) if not memory.get("held_out"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                "this is no row of results",
                file=str(results),
                row=number,
                remedy="give the file that `solvent batch run` or `solvent batch export` wrote",
            ) from error
        if problem is None:
            continue
        if outcome == "solved":
            solved.add(problem)
        shown[problem] = shown.get(problem, frozenset()) | had
    return {problem: had for problem, had in shown.items() if problem not in solved}


def _unsolved(items: Iterator[ReadResult], results: Path, left: Mapping[str, Shown]) -> Iterator[ReadResult]:
    yield from _or_say(
        (item for item in items if _id(item) in left), "none of these problems was left unsolved", results
    )


def _with_news(
    items: Iterator[ReadResult], results: Path, left: Mapping[str, Shown], concepts: Sequence[Concept]
) -> Iterator[ReadResult]:
    from solvent.memory.concept import ConceptStatus
    from solvent.memory.names import NameIndex
    from solvent.problems.problem import Problem

    names = NameIndex()
    active = [one for one in concepts if one.status is ConceptStatus.ACTIVE]
    for one in active:
        names.put(one.id, one.content.name)

    def has_news(item: ReadResult) -> bool:
        had = left.get(_id(item) or "")
        if had is None or not isinstance(item, Problem):
            return False
        return any(id not in had for id, _ in names.search(item.statement, len(active)))

    yield from _or_say(
        filter(has_news, items), "nothing that was left unsolved names a concept that it was not shown", results
    )


def _or_say(items: Iterator[ReadResult], otherwise: str, results: Path) -> Iterator[ReadResult]:
    is_empty = True
    for item in items:
        is_empty = False
        yield item
    if is_empty:
        raise DataError(otherwise, file=str(results))


def _id(item: ReadResult) -> str | None:
    """Return a problem's id; None for a row that could not be read."""
    return getattr(item, "id", None)
