"""Runs the migrations on the connection and in the transaction of the caller (`sql/schema.py`)."""

from __future__ import annotations

from alembic import context

from solvent.workers.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
