"""What commands share that work against a server (`solvent --url URL`, SOLVENT_URL)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from solvent.problems.readers import ReadResult
    from solvent.workers.records import JobRecord

KEY_VARIABLE = "SOLVENT_API_KEY"


def server_url() -> str | None:
    """Return the URL of the server that this command is to use; None for this machine."""
    url = click.get_current_context().find_root().params.get("url")
    return url if isinstance(url, str) and url else None


def refuse_options(**given: object) -> None:
    """Refuse options that mean nothing to a server.

    Raises:
        click.UsageError: one of them was given.
    """
    wrong = [name for name, value in given.items() if value not in {None, False}]
    if wrong:
        option = f"--{wrong[0].replace('_', '-')}"
        raise click.UsageError(f"{option} is for jobs of this machine; leave it out, or leave --url out")


def solving_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that say how to solve; what was not given is left to the server."""
    from solvent.service.cli.options import memory_policy, parse_model_for, parse_parameters

    refuse_options(sandbox=options["sandbox"])
    fields: dict[str, Any] = {
        "strategy": options["strategy"],
        "parameters": parse_parameters(options["params"]),
        "seed": options["seed"],
        "grade": not options["no_grade"],
        "memory": options["memory"] if memory_policy(options["memory"]) != "off" else None,
        "model": options["model"],
        "model_for": parse_model_for(options["model_for"]),
        "budget": options["budget"].model_dump(mode="json", exclude_none=True) if options["budget"] else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def item_of(found: ReadResult) -> dict[str, Any]:
    """Return what is sent for a row that was read here, or could not be."""
    from solvent.errors import DataError

    if not isinstance(found, DataError):
        return found.model_dump(mode="json", exclude_defaults=True, exclude={"source"})
    place = ":".join(str(part) for part in (found.file, found.row) if part is not None)
    message = found.message.removeprefix(f"{place}: ")
    # Only the end of a path is anybody else's business.
    unreadable = {"message": message[:2000]} | ({"custom_id": place.rsplit("/", 1)[-1][:500]} if place else {})
    return {"unreadable": unreadable}


def record_of(row: Mapping[str, Any]) -> JobRecord:
    """Return the job that an answer tells of, as displays take it; from a job's answer or a row of results."""
    from solvent.agents.job import JobResult, JobStatus
    from solvent.workers.records import JobRecord

    job_id = row.get("id") or row["job_id"]
    result = None
    if row.get("stop_reason") is not None:
        names = ("outcome", "stop_reason", "answer", "evidence", "grade", "usage", "wall_s", "error", "memory")
        given = {name: row.get(name) for name in (*names, "attempts", "strategy", "model", "model_for")}
        fields = {name: value for name, value in given.items() if value is not None}
        result = JobResult.model_validate(
            {"job_id": job_id, "problem_id": row.get("problem_id") or "", "status": row["status"], **fields}
        )
    return JobRecord(
        id=job_id,
        batch_id=row.get("batch_id"),
        position=row.get("position", 0),
        custom_id=row["custom_id"],
        status=JobStatus(row["status"]),
        result=result,
        error=row.get("error"),
        created_at=row.get("created_at", ""),
        finished_at=row.get("finished_at"),
    )
