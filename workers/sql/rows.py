"""Values to rows and back, and the database's clock."""

from __future__ import annotations

import json
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Double, RowMapping, Select, select
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from solvent.agents.checkpoints import NewerFormatError
from solvent.agents.events import SCHEMA_VERSION, Event, OpaqueEvent, read_event
from solvent.agents.job import JobResult, JobSpec, JobStatus
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.tolerant import read_tolerantly
from solvent.agents.trajectory_state import Plan
from solvent.usage import Usage
from solvent.workers.records import PLAN_FORMAT, BatchRecord, JobRecord, iso
from solvent.workers.service_records import StoredEvent, TrajectoryRecord
from solvent.workers.tables import FORMAT, job, job_content, trajectory

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class database_time(FunctionElement[float]):  # noqa: N801  # stands among SQL's functions
    """Seconds since 1970 by the database's clock, at this statement (not at the transaction's begin)."""

    type = Double()
    inherit_cache = True
    name = "database_time"


@compiles(database_time, "postgresql")
def _postgresql_time(element: database_time, compiler: Any, **options: Any) -> str:
    # In a sub-select it is asked once for a statement, and an index can be searched for it.
    return "(SELECT extract(epoch FROM clock_timestamp())::double precision)"


@compiles(database_time, "sqlite")
def _sqlite_time(element: database_time, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


async def now(connection: AsyncConnection) -> float:
    """Return the database's time."""
    return float((await connection.execute(select(database_time()))).scalar_one())


def is_postgres(connection: AsyncConnection) -> bool:
    """Return whether this is PostgreSQL."""
    dialect: Dialect = connection.dialect
    return dialect.name == "postgresql"


def same_key(column: ColumnElement[str | None], key_id: str | None) -> ColumnElement[bool]:
    """Return a condition that an index is used for, also where there is no key."""
    return column.is_(None) if key_id is None else column == key_id


def usage_values(usage: Usage) -> dict[str, float]:
    """Return usage as values of its columns."""
    return usage.model_dump()


def readable(version: int, what: str, newest: int = FORMAT) -> None:
    """Refuse content in a format that this version does not know.

    Raises:
        NewerFormatError: it was written by a newer version, and is to be left to it.
    """
    if version > newest:
        raise NewerFormatError(
            f"{what} is stored in format {version}, this version reads up to {newest}", remedy="upgrade solvent"
        )


def select_jobs() -> Select[Any]:
    """Return the query of whole jobs; `job_record` reads its rows."""
    content = [job_content.c.version, job_content.c.spec, job_content.c.result, job_content.c.error]
    return select(*job.c, *content).join(job_content, job_content.c.job_id == job.c.id)


def job_record(row: RowMapping) -> JobRecord:
    """Return a job from a row of `select_jobs`."""
    readable(row["version"], f"job {row['id']!r}")
    ended_at = row["ended_at"]
    return JobRecord(
        id=row["id"],
        batch_id=row["batch_id"],
        position=row["position"],
        custom_id=row["custom_id"],
        key_id=row["key_id"],
        project=row["project"],
        queue=row["queue"],
        end_number=row["end_number"],
        status=JobStatus(row["status"]),
        spec=JobSpec.model_validate_json(row["spec"]) if row["spec"] else None,
        # One that goes on with more budget has an earlier result, which is not its own any more.
        result=read_tolerantly(JobResult, json.loads(row["result"]))
        if row["result"] and ended_at is not None
        else None,
        error=json.loads(row["error"]) if row["error"] else None,
        created_at=iso(row["submitted_at"]),
        finished_at=None if ended_at is None else iso(ended_at),
    )


def batch_record(row: RowMapping) -> BatchRecord:
    """Return a batch from a row of its table."""
    readable(row["version"], f"batch {row['id']!r}", PLAN_FORMAT)
    record = BatchRecord.model_validate_json(row["body"])
    begun_at = None if row["begun_at"] is None else iso(row["begun_at"])
    return record.model_copy(update={"created_at": iso(row["submitted_at"]), "begun_at": begun_at})


def trajectory_record(row: RowMapping) -> TrajectoryRecord:
    """Return a trajectory from a row of its table, joined with its job's status as `job_status`."""
    readable(row["version"], f"trajectory {row['job_id']}/{row['name']}")
    return TrajectoryRecord(
        job_id=row["job_id"],
        name=row["name"],
        plan=cast("Plan", json.loads(row["plan"])),
        outcome=TrajectoryOutcome.model_validate_json(row["outcome"]) if row["outcome"] else None,
        cancel_requested=bool(row["cancel_requested"]) or row["job_status"] == JobStatus.CANCELLING,
        attempt=row["attempts"],
    )


def select_trajectories() -> Select[Any]:
    """Return the query of trajectories; `trajectory_record` reads its rows."""
    return select(trajectory, job.c.status.label("job_status")).join(job, job.c.id == trajectory.c.job_id)


def stored_event(row: RowMapping) -> StoredEvent:
    """Return an event from a row of its table, also of a version or a type that is not known here."""
    body, version = row["body"], row["version"]
    try:
        if version > SCHEMA_VERSION:
            event: Event = OpaqueEvent.model_validate_json(body)
        else:
            event = EVENT.validate_json(body)
    except ValidationError:
        event = read_event(json.loads(body))
    return StoredEvent(row["job_id"], row["sequence"], event, row["time"], body, version)
