"""Brings the database to this version's schema when it is opened, whoever else opens it at the same time."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from solvent.errors import StoreError
from solvent.workers.sql.engine import Database
from solvent.workers.tables import REVISIONS

MIGRATIONS = Path(__file__).parent.parent / "migrations"
_LOCK = 7_305_112_019
"""Number of the advisory lock: any, but for ever the same."""


async def migrate(database: Database) -> None:
    """Make or upgrade the tables; one at a time, whole or not at all.

    Raises:
        StoreError: a newer version made the tables, or the database does not answer or refuses.
    """

    async def upgrade(connection: AsyncConnection) -> None:
        if not database.is_sqlite:
            # Others wait here, and a large table takes as long as it takes.
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
            await connection.execute(text("SET LOCAL lock_timeout = 0"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        if _is_current(await connection.run_sync(_revision), database):
            return
        await connection.run_sync(_upgrade)

    async def revision(connection: AsyncConnection) -> str | None:
        return await connection.run_sync(_revision)

    what = "bring the database's tables to this version"
    if _is_current(await database.change_schema(what, revision), database):
        return
    await database.change_schema(what, upgrade)


def _is_current(revision: str | None, database: Database) -> bool:
    if revision is not None and revision not in REVISIONS:
        raise StoreError(
            f"{database.name} has the tables of a newer version (schema {revision}, this version knows up to "
            f"{REVISIONS[-1]})",
            remedy="upgrade solvent here, or point SOLVENT_DATABASE_URL at another database",
        )
    return revision == REVISIONS[-1]


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    # Half a second of import, wanted once in a database's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
