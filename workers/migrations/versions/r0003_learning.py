"""What jobs taught: distillations, writes that are made once, jobs with a memory; concepts may be demoted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

_STATUS = "status IN ('active', 'demoted', 'archived', 'deleted')"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "distillation",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'ended')", name=op.f("distillation_status_check")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("distillation_job_id_fkey")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("distillation_pkey")),
    )
    op.create_index(
        "distillation_open",
        "distillation",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "concept_write",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["namespace"], ["concept_namespace.id"], name=op.f("concept_write_namespace_fkey")),
        sa.PrimaryKeyConstraint("namespace", "key", name=op.f("concept_write_pkey")),
    )
    op.create_table(
        "memory_job",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("retrieved", sa.Integer(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("cited", sa.Integer(), nullable=False),
        sa.Column("solved", sa.Boolean(), nullable=True),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("memory_job_pkey")),
    )
    op.create_index(
        "memory_job_namespace_created_at", "memory_job", ["namespace", "created_at", "job_id"], unique=False
    )
    if op.get_bind().dialect.name == "sqlite":
        _concepts_anew()
    else:
        op.drop_constraint(op.f("concept_status_check"), "concept", type_="check")
        op.create_check_constraint(op.f("concept_status_check"), "concept", _STATUS)


def _concepts_anew() -> None:
    """Make the table of concepts again with its rows: SQLite cannot change a constraint."""
    # Versions and snapshots refer to it, and do so again before the transaction ends.
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TEMPORARY TABLE concept_kept AS SELECT * FROM concept")
    op.drop_table("concept")
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
        sa.CheckConstraint(_STATUS, name=op.f("concept_status_check")),
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
    op.execute("INSERT INTO concept SELECT * FROM concept_kept")
    op.execute("DROP TABLE concept_kept")
