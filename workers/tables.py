"""The service's database: one schema for PostgreSQL and SQLite (docs/decisions/0013-service-store.md).

Times are seconds since 1970 (UTC) by the database's own clock. Contents are JSON texts; a `version` beside one is the
format that it was written in. Rows that are read to decide (`job`) are small: a job's texts lie in `job_content`.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from solvent.agents.job import JobStatus, Outcome
from solvent.usage import Usage
from solvent.workers.records import FORMAT as FORMAT
from solvent.workers.records import Queue as Queue

REVISIONS = ("r0001", "r0002", "r0003", "r0004")
"""Migrations that this version knows, oldest first; the last is its own schema."""

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

_Token = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers only a column whose type is INTEGER."""


class TrajectoryStatus(StrEnum):
    """Life of a stored trajectory."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class DistillationStatus(StrEnum):
    """Life of what a job's solution teaches, until it is in the memory."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class ConceptStatus(StrEnum):
    """Life of a concept of the memory."""

    ACTIVE = "active"
    DEMOTED = "demoted"
    ARCHIVED = "archived"
    DELETED = "deleted"


def _one_of(column: str, values: type[StrEnum], *, or_null: bool = False) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    null = f"{column} IS NULL OR " if or_null else ""
    return CheckConstraint(f"{null}{column} IN ({listed})", name=column)


def usage_columns() -> list[Column[float] | Column[int]]:
    """Return one column for each amount of `Usage`, so that sums are made in the database."""
    return [
        Column(
            name,
            Double() if field.annotation is float else BigInteger(),
            nullable=False,
            server_default="0",
        )
        for name, field in Usage.model_fields.items()
    ]


api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("secret_digest", Text, nullable=False),
    Column("day_budget", Text, nullable=False),
    Column("concurrency", Integer),
    Column("queued", Integer),
    Column("per_minute", Integer),
    # Submissions up to this moment are accounted for (generic cell rate algorithm).
    Column("accounted_at", Double),
    Column("weight", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    UniqueConstraint("secret_digest"),
)

batch = Table(
    "batch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("api_key.id")),
    Column("project", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("submitted_at", Double, nullable=False),
    Column("begun_at", Double),
    Column("deadline_s", Double),
    Column("deadline_at", Double),
    # Its row's lock gives the numbers: whoever sees number n sees all before it.
    Column("last_end_number", BigInteger, nullable=False, server_default="0"),
    # Set while the batch's plan may still add jobs or raise budgets.
    Column("unsettled_since", Double),
    Index(
        "batch_unsettled_since",
        "unsettled_since",
        postgresql_where=text("unsettled_since IS NOT NULL"),
        sqlite_where=text("unsettled_since IS NOT NULL"),
    ),
    Index("batch_project_submitted_at_id", "project", "submitted_at", "id"),
    Index("batch_submitted_at_id", "submitted_at", "id"),
    Index("batch_deadline_at", "deadline_at"),
)

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("batch_id", Text, ForeignKey("batch.id")),
    Column("position", Integer, nullable=False),
    Column("custom_id", Text, nullable=False),
    Column("key_id", Text, ForeignKey("api_key.id")),
    Column("project", Text, nullable=False),
    Column("queue", Text, nullable=False),
    # The negative of the priority, so that one ascending index gives the order.
    Column("rank", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("submitted_at", Double, nullable=False),
    Column("begun_at", Double),
    Column("ended_at", Double),
    Column("end_number", BigInteger),
    Column("deadline_s", Double),
    Column("deadline_at", Double),
    # Set while a begun job has something to do.
    Column("awake_since", Double),
    # When a message about it was last sent, as far as is known.
    Column("sent_at", Double),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_holder", Text),
    Column("last_error", Text),
    Column("last_event", BigInteger, nullable=False, server_default="0"),
    *usage_columns(),
    _one_of("status", JobStatus),
    _one_of("outcome", Outcome, or_null=True),
    _one_of("queue", Queue),
    Index("job_batch_id_position", "batch_id", "position", unique=True),
    Index("job_batch_id_end_number", "batch_id", "end_number"),
    Index("job_project_submitted_at_id", "project", "submitted_at", "id"),
    Index("job_submitted_at_id", "submitted_at", "id"),
    Index(
        "job_waiting",
        *("queue", "key_id", "rank", "submitted_at", "id", "sent_at"),
        postgresql_where=text("begun_at IS NULL AND ended_at IS NULL"),
        sqlite_where=text("begun_at IS NULL AND ended_at IS NULL"),
    ),
    Index(
        "job_waiting_in_batch",
        "batch_id",
        postgresql_where=text("begun_at IS NULL AND ended_at IS NULL"),
        sqlite_where=text("begun_at IS NULL AND ended_at IS NULL"),
    ),
    Index(
        "job_sent",
        *("queue", "sent_at", "key_id"),
        postgresql_where=text("begun_at IS NULL AND ended_at IS NULL AND sent_at IS NOT NULL"),
        sqlite_where=text("begun_at IS NULL AND ended_at IS NULL AND sent_at IS NOT NULL"),
    ),
    Index(
        "job_begun",
        *("key_id", "awake_since"),
        postgresql_where=text("begun_at IS NOT NULL AND ended_at IS NULL"),
        sqlite_where=text("begun_at IS NOT NULL AND ended_at IS NULL"),
    ),
    Index(
        "job_open",
        *("queue", "status", "submitted_at"),
        postgresql_where=text("ended_at IS NULL"),
        sqlite_where=text("ended_at IS NULL"),
    ),
    Index(
        "job_ended",
        *("ended_at", "id"),
        postgresql_where=text("ended_at IS NOT NULL"),
        sqlite_where=text("ended_at IS NOT NULL"),
    ),
)

job_content = Table(
    "job_content",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("spec", Text),
    Column("result", Text),
    Column("error", Text),
)

trajectory = Table(
    "trajectory",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("plan", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("cancel_requested", Boolean(create_constraint=False), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("end_number", Integer),
    Column("told", Boolean(create_constraint=False), nullable=False),
    Column("sent_at", Double),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_holder", Text),
    Column("last_error", Text),
    PrimaryKeyConstraint("job_id", "name"),
    _one_of("status", TrajectoryStatus),
    Index(
        "trajectory_open",
        *("status", "sent_at"),
        postgresql_where=text("ended_at IS NULL"),
        sqlite_where=text("ended_at IS NULL"),
    ),
)

lease = Table(
    "lease",
    metadata,
    # Numbers are never used twice, so one is the fencing token: of two claims of a thing the later has the greater.
    Column("token", _Token, primary_key=True, autoincrement=True),
    Column("job_id", Text, ForeignKey("job.id"), nullable=False),
    # Empty for the lease of the job itself.
    Column("trajectory", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("claimed_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    UniqueConstraint("job_id", "trajectory"),
    Index("lease_expires_at", "expires_at"),
    sqlite_autoincrement=True,
)

event = Table(
    "event",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("time", Double, nullable=False),
    PrimaryKeyConstraint("job_id", "sequence"),
)

idempotency = Table(
    "idempotency",
    metadata,
    # Empty where no key submitted.
    Column("key_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("job_ids", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("key_id", "name"),
    Index("idempotency_created_at", "created_at"),
)

artifact = Table(
    "artifact",
    metadata,
    # SHA-256 of its bytes, which lie in the artifact store.
    Column("id", Text, primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

job_artifact = Table(
    "job_artifact",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), nullable=False),
    Column("artifact_id", Text, ForeignKey("artifact.id"), nullable=False),
    PrimaryKeyConstraint("job_id", "artifact_id"),
    Index("job_artifact_artifact_id", "artifact_id"),
)

chore = Table(
    "chore",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("begun_at", Double, nullable=False),
)

concept_namespace = Table(
    "concept_namespace",
    metadata,
    Column("id", Text, primary_key=True),
    Column("read_only", Boolean(create_constraint=False), nullable=False),
    Column("last_change", BigInteger, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
)

concept = Table(
    "concept",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, ForeignKey("concept_namespace.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("format", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    # Collection of the vector store that has this version of it.
    Column("indexed_in", Text),
    Column("indexed_version", Integer),
    _one_of("status", ConceptStatus),
    Index("concept_namespace_change", "namespace", "change", unique=True),
    Index(
        "concept_name",
        *("namespace", "name"),
        unique=True,
        postgresql_where=text("status <> 'deleted'"),
        sqlite_where=text("status <> 'deleted'"),
    ),
)

concept_version = Table(
    "concept_version",
    metadata,
    Column("concept_id", Text, ForeignKey("concept.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("format", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("concept_id", "version"),
)

concept_terms = Table(
    "concept_terms",
    metadata,
    Column("concept_id", Text, ForeignKey("concept.id"), nullable=False),
    Column("version", Integer, nullable=False),
    # Those of another format, and those that are not there, are made again from the version's text.
    Column("format", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("terms", LargeBinary, nullable=False),
    PrimaryKeyConstraint("concept_id", "version"),
)

concept_write = Table(
    "concept_write",
    metadata,
    Column("namespace", Text, ForeignKey("concept_namespace.id"), nullable=False),
    # Of a write that is to be made once, such as that of a job.
    Column("key", Text, nullable=False),
    # What was written: JSON, a list of [CONCEPT, VERSION].
    Column("versions", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("namespace", "key"),
)

concept_snapshot = Table(
    "concept_snapshot",
    metadata,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, ForeignKey("concept_namespace.id"), nullable=False),
    Column("members", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("concept_snapshot_namespace_created_at", "namespace", "created_at"),
)

concept_snapshot_member = Table(
    "concept_snapshot_member",
    metadata,
    Column("snapshot_id", Text, ForeignKey("concept_snapshot.id"), nullable=False),
    Column("concept_id", Text, ForeignKey("concept.id"), nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("snapshot_id", "concept_id"),
)

UTILITY_COUNTERS = (
    *("retrieved", "chosen", "cited", "helpful", "harmful"),
    *("tried_with", "solved_with", "held_out_tried_with", "held_out_solved_with"),
    *("held_out_tried_without", "held_out_solved_without", "tokens_with", "tokens_without"),
)

concept_utility = Table(
    "concept_utility",
    metadata,
    Column("namespace", Text, nullable=False),
    Column("concept_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in UTILITY_COUNTERS),
    Column("updated_at", Double, nullable=False),
    PrimaryKeyConstraint("namespace", "concept_id", "version"),
)

concept_use = Table(
    "concept_use",
    metadata,
    Column("job_id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("concept_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("chosen", Boolean(create_constraint=False), nullable=False),
    Column("cited", Boolean(create_constraint=False), nullable=False),
    Column("held_out", Boolean(create_constraint=False), nullable=False),
    # NULL: the job's end says nothing of it.
    Column("solved", Boolean(create_constraint=False)),
    Column("helpful", Boolean(create_constraint=False)),
    Column("tokens", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    PrimaryKeyConstraint("job_id", "namespace", "concept_id"),
)

memory_job = Table(
    "memory_job",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    # What it was given of the memory: `shown`, `none`, `held_out` or `away`.
    Column("arm", Text, nullable=False),
    Column("retrieved", Integer, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("cited", Integer, nullable=False),
    # NULL: the job's end says nothing of it.
    Column("solved", Boolean(create_constraint=False)),
    Column("tokens", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("memory_job_namespace_created_at", "namespace", "created_at", "job_id"),
)

distillation = Table(
    "distillation",
    metadata,
    Column("job_id", Text, ForeignKey("job.id"), primary_key=True),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Grows with every claim: what an earlier holder writes is refused.
    Column("token", BigInteger, nullable=False, server_default="0"),
    Column("holder", Text),
    Column("expires_at", Double),
    Column("sent_at", Double),
    Column("last_error", Text),
    Column("created_at", Double, nullable=False),
    Column("ended_at", Double),
    _one_of("status", DistillationStatus),
    Index(
        "distillation_open",
        "created_at",
        postgresql_where=text("ended_at IS NULL"),
        sqlite_where=text("ended_at IS NULL"),
    ),
)

ledger_scope = Table(
    "ledger_scope",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent", Text, ForeignKey("ledger_scope.id")),
    Column("budget", Text, nullable=False),
    Column("daily", Boolean(create_constraint=False), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("result", Text),
    Index("ledger_scope_parent", "parent"),
)

ledger_call = Table(
    "ledger_call",
    metadata,
    Column("scope", Text, nullable=False),
    Column("call", Text, nullable=False),
    # UTC day that it is charged to, as YYYY-MM-DD.
    Column("day", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("reserved", Text, nullable=False),
    Column("done", Boolean(create_constraint=False), nullable=False),
    Column("overrun", Boolean(create_constraint=False), nullable=False),
    Column("artifact", Text),
    Column("note", Text, nullable=False),
    # What was used, in whole units: billionths of seconds and of cost, so that sums are exact.
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in Usage.model_fields),
    PrimaryKeyConstraint("scope", "call"),
)
