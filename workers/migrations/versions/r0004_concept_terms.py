"""The counted words of concepts, so that a process that searches need not count them again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add their table. It is filled by searches, and by all writes from now on."""
    op.create_table(
        "concept_terms",
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["concept_id"], ["concept.id"], name=op.f("concept_terms_concept_id_fkey")),
        sa.PrimaryKeyConstraint("concept_id", "version", name=op.f("concept_terms_pkey")),
    )
