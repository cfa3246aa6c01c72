"""Artifacts by job, rates of submissions, chores, the index for sweeps; the tables of concepts and their utility."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

_COUNTERS = (
    *("retrieved", "chosen", "cited", "helpful", "harmful"),
    *("tried_with", "solved_with", "held_out_tried_with", "held_out_solved_with"),
    *("held_out_tried_without", "held_out_solved_without", "tokens_with", "tokens_without"),
)


def upgrade() -> None:
    """Add them. The tables that are made anew had no code that wrote to them."""
    op.add_column("api_key", sa.Column("per_minute", sa.Integer(), nullable=True))
    op.add_column("api_key", sa.Column("accounted_at", sa.Double(), nullable=True))
    op.add_column("batch", sa.Column("unsettled_since", sa.Double(), nullable=True))
    op.create_index(
        "batch_unsettled_since",
        "batch",
        ["unsettled_since"],
        unique=False,
        postgresql_where=sa.text("unsettled_since IS NOT NULL"),
        sqlite_where=sa.text("unsettled_since IS NOT NULL"),
    )
    op.create_index(
        "job_ended",
        "job",
        ["ended_at", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NOT NULL"),
        sqlite_where=sa.text("ended_at IS NOT NULL"),
    )
    op.drop_table("artifact")
    op.create_table(
        "artifact",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("artifact_pkey")),
    )
    op.create_table(
        "job_artifact",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("artifact_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("job_artifact_job_id_fkey")),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name=op.f("job_artifact_artifact_id_fkey")),
        sa.PrimaryKeyConstraint("job_id", "artifact_id", name=op.f("job_artifact_pkey")),
    )
    op.create_index("job_artifact_artifact_id", "job_artifact", ["artifact_id"], unique=False)
    op.create_table(
        "chore",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("chore_pkey")),
    )
    _concepts()
    _utility()


def _concepts() -> None:
    op.create_table(
        "concept_namespace",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("last_change", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("concept_namespace_pkey")),
    )
    op.create_table(
        "concept",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("indexed_in", sa.Text(), nullable=True),
        sa.Column("indexed_version", sa.Integer(), nullable=True),
        sa.CheckConstraint("status IN ('active', 'archived', 'deleted')", name=op.f("concept_status_check")),
        sa.ForeignKeyConstraint(["namespace"], ["concept_namespace.id"], name=op.f("concept_namespace_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("concept_pkey")),
    )
    op.create_index("concept_namespace_change", "concept", ["namespace", "change"], unique=True)
    op.create_index(
        "concept_name",
        "concept",
        ["namespace", "name"],
        unique=True,
        postgresql_where=sa.text("status <> 'deleted'"),
        sqlite_where=sa.text("status <> 'deleted'"),
    )
    op.create_table(
        "concept_version",
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["concept_id"], ["concept.id"], name=op.f("concept_version_concept_id_fkey")),
        sa.PrimaryKeyConstraint("concept_id", "version", name=op.f("concept_version_pkey")),
    )
    op.create_table(
        "concept_snapshot",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["namespace"], ["concept_namespace.id"], name=op.f("concept_snapshot_namespace_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("concept_snapshot_pkey")),
    )
    op.create_index(
        "concept_snapshot_namespace_created_at", "concept_snapshot", ["namespace", "created_at"], unique=False
    )
    op.create_table(
        "concept_snapshot_member",
        sa.Column("snapshot_id", sa.Text(), nullable=False),
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["concept_snapshot.id"], name=op.f("concept_snapshot_member_snapshot_id_fkey")
        ),
        sa.ForeignKeyConstraint(["concept_id"], ["concept.id"], name=op.f("concept_snapshot_member_concept_id_fkey")),
        sa.PrimaryKeyConstraint("snapshot_id", "concept_id", name=op.f("concept_snapshot_member_pkey")),
    )


def _utility() -> None:
    op.drop_table("concept_utility")
    op.create_table(
        "concept_utility",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in _COUNTERS),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "concept_id", "version", name=op.f("concept_utility_pkey")),
    )
    op.create_table(
        "concept_use",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("cited", sa.Boolean(), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("helpful", sa.Boolean(), nullable=True),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "namespace", "concept_id", name=op.f("concept_use_pkey")),
    )
