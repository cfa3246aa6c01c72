"""The tables of jobs, batches, trajectories, leases, events, keys and the ledger's journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.Text(), nullable=False),
        sa.Column("day_budget", sa.Text(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=True),
        sa.Column("queued", sa.Integer(), nullable=True),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("revoked_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("api_key_pkey")),
        sa.UniqueConstraint("secret_digest", name=op.f("api_key_secret_digest_key")),
    )
    op.create_table(
        "artifact",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("artifact_pkey")),
    )
    op.create_table(
        "concept_utility",
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("recalled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("solved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("concept_id", "project", name=op.f("concept_utility_pkey")),
    )
    op.create_table(
        "idempotency",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("job_ids", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "name", name=op.f("idempotency_pkey")),
    )
    op.create_index("idempotency_created_at", "idempotency", ["created_at"], unique=False)
    op.create_table(
        "ledger_call",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("reserved", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("overrun", sa.Boolean(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("model_calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("trajectories", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sandbox_runs", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sandbox_cpu_s", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("scope", "call", name=op.f("ledger_call_pkey")),
    )
    op.create_table(
        "ledger_scope",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("daily", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["parent"], ["ledger_scope.id"], name=op.f("ledger_scope_parent_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_scope_pkey")),
    )
    op.create_index("ledger_scope_parent", "ledger_scope", ["parent"], unique=False)
    op.create_table(
        "batch",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("submitted_at", sa.Double(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=True),
        sa.Column("deadline_s", sa.Double(), nullable=True),
        sa.Column("deadline_at", sa.Double(), nullable=True),
        sa.Column("last_end_number", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("batch_key_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("batch_pkey")),
    )
    op.create_index("batch_deadline_at", "batch", ["deadline_at"], unique=False)
    op.create_index("batch_project_submitted_at_id", "batch", ["project", "submitted_at", "id"], unique=False)
    op.create_index("batch_submitted_at_id", "batch", ["submitted_at", "id"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("custom_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.Double(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("end_number", sa.BigInteger(), nullable=True),
        sa.Column("deadline_s", sa.Double(), nullable=True),
        sa.Column("deadline_at", sa.Double(), nullable=True),
        sa.Column("awake_since", sa.Double(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_holder", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_event", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("model_calls", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("trajectories", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sandbox_runs", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sandbox_cpu_s", sa.Double(), server_default="0", nullable=False),
        sa.Column("cost", sa.Double(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('solved', 'unsolved', 'exhausted')", name=op.f("job_outcome_check")
        ),
        sa.CheckConstraint("queue IN ('interactive', 'batch')", name=op.f("job_queue_check")),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'waiting', 'cancelling', 'completed', 'failed', 'cancelled', 'expired')",
            name=op.f("job_status_check"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("job_batch_id_fkey")),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("job_key_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("job_pkey")),
    )
    op.create_index("job_batch_id_end_number", "job", ["batch_id", "end_number"], unique=False)
    op.create_index("job_batch_id_position", "job", ["batch_id", "position"], unique=True)
    op.create_index(
        "job_begun",
        "job",
        ["key_id", "awake_since"],
        unique=False,
        postgresql_where=sa.text("begun_at IS NOT NULL AND ended_at IS NULL"),
        sqlite_where=sa.text("begun_at IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "job_open",
        "job",
        ["queue", "status", "submitted_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("job_project_submitted_at_id", "job", ["project", "submitted_at", "id"], unique=False)
    op.create_index(
        "job_sent",
        "job",
        ["queue", "sent_at", "key_id"],
        unique=False,
        postgresql_where=sa.text("begun_at IS NULL AND ended_at IS NULL AND sent_at IS NOT NULL"),
        sqlite_where=sa.text("begun_at IS NULL AND ended_at IS NULL AND sent_at IS NOT NULL"),
    )
    op.create_index("job_submitted_at_id", "job", ["submitted_at", "id"], unique=False)
    op.create_index(
        "job_waiting",
        "job",
        ["queue", "key_id", "rank", "submitted_at", "id", "sent_at"],
        unique=False,
        postgresql_where=sa.text("begun_at IS NULL AND ended_at IS NULL"),
        sqlite_where=sa.text("begun_at IS NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "job_waiting_in_batch",
        "job",
        ["batch_id"],
        unique=False,
        postgresql_where=sa.text("begun_at IS NULL AND ended_at IS NULL"),
        sqlite_where=sa.text("begun_at IS NULL AND ended_at IS NULL"),
    )
    op.create_table(
        "event",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("event_job_id_fkey")),
        sa.PrimaryKeyConstraint("job_id", "sequence", name=op.f("event_pkey")),
    )
    op.create_table(
        "job_content",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("job_content_job_id_fkey")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("job_content_pkey")),
    )
    op.create_table(
        "lease",
        sa.Column("token", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("trajectory", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("lease_job_id_fkey")),
        sa.PrimaryKeyConstraint("token", name=op.f("lease_pkey")),
        sa.UniqueConstraint("job_id", "trajectory", name=op.f("lease_job_id_trajectory_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("lease_expires_at", "lease", ["expires_at"], unique=False)
    op.create_table(
        "trajectory",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("end_number", sa.Integer(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_holder", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'ended')", name=op.f("trajectory_status_check")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("trajectory_job_id_fkey")),
        sa.PrimaryKeyConstraint("job_id", "name", name=op.f("trajectory_pkey")),
    )
    op.create_index(
        "trajectory_open",
        "trajectory",
        ["status", "sent_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
