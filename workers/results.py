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
from solvent.workers.records import JobRecord


def result_row(job: JobRecord) -> dict[str, JsonValue]:
    """Return one job as a row: `custom_id` first, then how it ended; fields that do not apply are null."""
    result = job.result
    dumped = result.model_dump(mode="json") if result else {}
    spec = job.spec
    return {
        "custom_id": job.custom_id,
        "job_id": job.id,
        "batch_id": job.batch_id,
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
        "solvent_version": __version__,
    }


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
                for job in jobs:
                    file.write(json.dumps(result_row(job), ensure_ascii=False) + "\n")
            umask = os.umask(0)
            os.umask(umask)
            Path(temporary).chmod(0o666 & ~umask)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def append_result(path: Path, job: JobRecord) -> None:
    """Append one row to `path` at once, so that an interruption leaves what was finished.

    Raises:
        StoreError: the folder or file cannot be written.
    """
    with boundary(StoreError, f"append a result to {path}", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result_row(job), ensure_ascii=False) + "\n")
