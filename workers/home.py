"""The database of this machine's own jobs: `service.sqlite` in `home`, the same that `solvent serve all` works on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.settings import Settings

if TYPE_CHECKING:
    from solvent.workers.database import ServiceDatabase

FILE = "service.sqlite"
OLD_FILE = "jobs.sqlite"
"""Where versions before this kept the jobs of `solvent solve` and `solvent batch run`."""
CONNECTIONS = 4


def home_database(settings: Settings) -> Path:
    """Return the file: that of the settings' URL where it is SQLite's, else the one in `home`.

    Jobs that this process runs itself never lie in PostgreSQL, whose workers have another ledger and other folders.
    """
    url = settings.database_url.get_secret_value() if settings.database_url is not None else ""
    scheme, _, path = url.partition(":///")
    if scheme.partition("+")[0] == "sqlite" and path:
        return Path(path.partition("?")[0])
    return settings.home / FILE


def old_database(settings: Settings) -> Path | None:
    """Return the file of jobs of an earlier version, where there is one."""
    path = settings.home / OLD_FILE
    return path if path.exists() else None


async def open_home(settings: Settings) -> ServiceDatabase:
    """Open the database, bring its tables to this version, and carry over what an earlier version kept elsewhere.

    Raises:
        StoreError: a file cannot be opened, is no database, or was written by a newer version.
    """
    from solvent.workers.database import open_service_database

    path = home_database(settings)
    database = await open_service_database(f"sqlite:///{path}", pool_size=CONNECTIONS)
    try:
        await asyncio.to_thread(carry_over_old, settings, path)
    except BaseException:
        await database.aclose()
        raise
    return database


def carry_over_old(settings: Settings, path: Path) -> None:
    """Carry over what an earlier version kept in a file of its own, if it did, into a database that has its tables.

    Raises:
        StoreError: a file cannot be read or written.
    """
    old = old_database(settings)
    if old is not None and path == home_database(settings):
        from solvent.workers.carry_over import carry_over

        carry_over(old, path)
