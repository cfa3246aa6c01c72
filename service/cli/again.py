"""Going back to problems that an earlier run left unsolved: `solvent batch run --again RESULTS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from solvent.errors import DataError
from solvent.problems.problem import Problem

if TYPE_CHECKING:
    from solvent.memory.concept import Concept
    from solvent.problems.readers import ReadResult
    from solvent.service.cli.memory_source import Source

Shown = frozenset[str]
"""Ids of the concepts that jobs had of a problem."""


def chosen_again(
    items: Iterator[ReadResult], options: Mapping[str, Any], memory: Callable[[], Source]
) -> Iterator[ReadResult]:
    """Leave out what `--again` and `--learned` do not go back to; without them all stays.

    Args:
        items: what a reader gives.
        options: of `submission_options`.
        memory: opens the one that the jobs will have.

    Raises:
        click.UsageError: the options do not go together.
        DataError: the results cannot be read; when all is read: there is nothing to go back to.
    """
    results: Path | None = options["again"]
    if results is None:
        if options["learned"]:
            raise click.UsageError("--learned narrows down what --again RESULTS goes back to: give both")
        return items
    if not options["learned"]:
        left = left_unsolved(results)
        return _those(items, lambda problem: problem.id in left, "none of these problems was left unsolved", results)
    if options["memory"] not in ("read", "live"):
        raise click.UsageError("--learned is about what the memory has now: give --memory read or live")
    has_news = news(left_unsolved(results), [one for one, _ in memory().concepts(namespace=None, archived=False)])
    return _those(items, has_news, "nothing that was left unsolved names a concept that it was not shown", results)


def left_unsolved(results: Path) -> dict[str, Shown]:
    """Return the problems that no row of these results solved, by their ids, with the concepts that they were shown.

    Raises:
        DataError: it cannot be read, or is not a file of results.
    """
    try:
        lines = results.read_text(encoding="utf-8").split("\n")
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


def news(left: Mapping[str, Shown], concepts: Sequence[Concept]) -> Callable[[Problem], bool]:
    """Return what tells whether a problem is left and names an active concept that it was not shown."""
    from solvent.memory.concept import ConceptStatus
    from solvent.memory.names import NameIndex

    names = NameIndex()
    for one in concepts:
        if one.status is ConceptStatus.ACTIVE:
            names.put(one.id, one.content.name)

    def has_news(problem: Problem) -> bool:
        had = left.get(problem.id)
        return had is not None and any(id not in had for id, _ in names.search(problem.statement, len(concepts)))

    return has_news


def _those(
    items: Iterator[ReadResult], wanted: Callable[[Problem], bool], otherwise: str, results: Path
) -> Iterator[ReadResult]:
    is_empty = True
    for item in items:
        if isinstance(item, Problem) and wanted(item):
            is_empty = False
            yield item
    if is_empty:
        raise DataError(otherwise, file=str(results))
