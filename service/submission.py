"""A batch of grids as a submission in the official form of the Abstraction and Reasoning Corpus. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from solvent.problems.grids import as_grid, submission_entry


def submission_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, list[list[int]]]]]:
    """Return `{task: [{attempt_1, attempt_2}, ...]}` from rows of results, by the tasks' ids in the batch's order.

    Rows of other kinds, and of jobs that never began, are left out. A second attempt that is missing repeats the
    first; where there is none, a placeholder stands. Of several rows of one task the first counts.
    """
    tasks: dict[str, list[dict[str, list[list[int]]]]] = {}
    for row in rows:
        attempts = row.get("attempts")
        if not attempts or row.get("problem_id") is None:
            continue
        tried = [(as_grid(one.get("attempt_1")), as_grid(one.get("attempt_2"))) for one in attempts]
        tasks.setdefault(str(row["problem_id"]), submission_entry(tried, len(tried)))
    return tasks
