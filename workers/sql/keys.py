"""API keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.errors import Conflict, NotFound
from solvent.usage import Budget
from solvent.workers.service_records import ApiKey
from solvent.workers.sql.rows import database_time
from solvent.workers.tables import api_key


async def add(connection: AsyncConnection, key: ApiKey, secret_digest: str) -> None:
    """See `ServiceStore.add_key`."""
    values = {
        **key.model_dump(exclude={"day_budget", "created_at"}),
        "day_budget": key.day_budget.model_dump_json(),
        "created_at": database_time(),
        "secret_digest": secret_digest,
    }
    try:
        await connection.execute(insert(api_key).values(values))
    except IntegrityError as error:
        raise Conflict(f"there is an API key of the id {key.id!r}, or with the same secret") from error


async def of_digest(connection: AsyncConnection, secret_digest: str) -> ApiKey | None:
    """See `ServiceStore.key_of`."""
    query = select(api_key).where(api_key.c.secret_digest == secret_digest, api_key.c.revoked_at.is_(None))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _key(row)


async def of_id(connection: AsyncConnection, key_id: str, *, lock: bool = False) -> ApiKey:
    """Return a key; with `lock`, whoever counts its jobs does so one at a time. Raises `NotFound`."""
    query = select(api_key).where(api_key.c.id == key_id)
    row = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).mappings().first()
    if row is None:
        raise NotFound(f"there is no API key {key_id!r}", remedy="`solvent keys list` shows them")
    return _key(row)


async def every(connection: AsyncConnection) -> Sequence[ApiKey]:
    """See `ServiceStore.keys`."""
    query = select(api_key).order_by(api_key.c.created_at.desc(), api_key.c.id.desc())
    return [_key(row) for row in (await connection.execute(query)).mappings()]


async def revoke(connection: AsyncConnection, key_id: str) -> None:
    """See `ServiceStore.revoke_key`."""
    await of_id(connection, key_id, lock=True)
    await connection.execute(
        update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None)).values(revoked_at=database_time())
    )


def _key(row: RowMapping) -> ApiKey:
    values = {name: row[name] for name in ApiKey.model_fields if name != "day_budget"}
    return ApiKey(**values, day_budget=Budget.model_validate_json(row["day_budget"]))
