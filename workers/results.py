"""Results as JSONL rows that other tools read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pydantic import JsonValue

from solvent import __version__
from solvent.errors import StoreError, boundary
from solvent.usage import Usage
from solvent.workers.records import JobRecord


def result_rows(job: JobRecord) -> list[dict[str, JsonValue]]:
    """Return the rows that a job answers: those equal to the first one, if any, and that one as the last.

    An equal row has the first one's `custom_id` as `shared_with`, and spent nothing. A reader that has the last row of
    a job has all of them.
    """
    own = result_row(job)
    shared: dict[str, JsonValue] = {"shared_with": job.custom_id}
    if job.result is not None:
        shared |= {"usage": Usage().model_dump(mode="json"), "wall_s": 0.0}
    return [
        {**own, **row.model_dump(mode="json"), **shared} for row in (job.spec.also if job.spec is not None else ())
    ] + [own]


def result_row(job: JobRecord) -> dict[str, JsonValue]:
    """Return one job as a row: `custom_id` first, then how it ended; fields that do not apply are null."""
    result = job.result
    dumped = result.model_dump(mode="json") if result else {}
    spec = job.spec
    return {
        "custom_id": job.custom_id,
        "job_id": job.id,
        "batch_id": job.batch_id,
        "position": job.position,
        "problem_id": spec.problem.id if spec else None,
        "status": job.status.value,
        **{
            name: dumped.get(name)
            for name in ("outcome", "stop_reason", "answer", "evidence", "grade", "usage", "wall_s")
        },
        "error": dict(job.error) if job.error else None,
        "strategy": spec.strategy if spec else None,
        "model": spec.model if spec else None,
        "model_for": {str(role): name for role, name in spec.model_for.items()} if spec else {},
        "seed": spec.seed if spec else None,
        **({"memory": dumped["memory"]} if dumped.get("memory") else {}),
        **({"learned": dumped["learned"]} if dumped.get("learned") else {}),
        **({"attempts": dumped["attempts"]} if dumped.get("attempts") else {}),
        "attempt": spec.attempt if spec else 1,
        "team": spec.team if spec else None,
        "shared_with": None,
        "solvent_version": __version__,
    }


def result_lines(job: JobRecord) -> list[str]:
    """Return the rows that a job answers as JSON lines."""
    return [json.dumps(row, ensure_ascii=False) + "\n" for row in result_rows(job)]


def write_results(path: Path, jobs: Iterable[JobRecord]) -> None:
    """Write all rows to `path` in the batch's order; the file appears whole or stays as it was.

    Raises:
        StoreError: the folder or file cannot be written.
    """
    with boundary(StoreError, f"write the results to {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(line for job in jobs for line in result_lines(job))
            umask = os.umask(0)
            os.umask(umask)
            Path(temporary).chmod(0o666 & ~umask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def append_result(path: Path, job: JobRecord) -> None:
    """Append a job's rows to `path` at once, so that an interruption leaves what was finished.

    Raises:
        StoreError: the folder or file cannot be written.
    """
    with boundary(StoreError, f"append a result to {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.writelines(result_lines(job))
