"""The scopes of the ledger above a job: its API key's, whose caps hold for each day, and its batch's."""

from __future__ import annotations

from solvent.agents.budget import Ledger
from solvent.workers.records import JobRecord
from solvent.workers.service_store import ServiceStore


def key_scope(key_id: str) -> str:
    """Return the name of an API key's scope. Pure."""
    return f"key:{key_id}"


def parent_of(record: JobRecord) -> str | None:
    """Return the name of the scope right above a job's, or None. Pure."""
    if record.batch_id is not None:
        return record.batch_id
    return None if record.key_id is None else key_scope(record.key_id)


async def open_parents(store: ServiceStore, ledger: Ledger, record: JobRecord) -> None:
    """Open the scopes whose caps hold for a job beside its own.

    Raises:
        StoreError: the database or the ledger does not answer.
    """
    above: str | None = None
    if record.key_id is not None:
        above = key_scope(record.key_id)
        key = await store.key(record.key_id)
        await ledger.open(above, key.day_budget, daily=True)
    if record.batch_id is not None:
        batch = await store.batch(record.batch_id)
        await ledger.open(batch.id, batch.budget, parent=above)
