"""Opens the service's database: PostgreSQL, or an SQLite file in `home` where no URL is set (docs/service-store.md)."""

from __future__ import annotations

from dataclasses import dataclass

from solvent.settings import Settings
from solvent.workers.artifact_register import ArtifactRegister
from solvent.workers.distillations import Distillations
from solvent.workers.ledger_journal import LedgerJournal
from solvent.workers.service_store import ServiceStore
from solvent.workers.sql.artifact_rows import SqlArtifactRegister
from solvent.workers.sql.distillations import SqlDistillations
from solvent.workers.sql.engine import Database
from solvent.workers.sql.journal import SqlLedgerJournal
from solvent.workers.sql.schema import migrate
from solvent.workers.sql.store import SqlServiceStore
from solvent.workers.sql.sweeping import SqlUpkeep
from solvent.workers.sql.utility import SqlUtilityStore
from solvent.workers.upkeep import Upkeep
from solvent.workers.utility import UtilityStore

FILE = "service.sqlite"


@dataclass(frozen=True)
class ServiceDatabase:
    """What the service keeps: all parts share the connections of one database."""

    store: ServiceStore
    journal: LedgerJournal
    artifacts: ArtifactRegister
    utility: UtilityStore
    upkeep: Upkeep
    distillations: Distillations
    name: str
    """What it is and where, without secrets."""

    async def aclose(self) -> None:
        """Close all connections; safe to call twice."""
        await self.store.aclose()


def service_url(settings: Settings) -> str:
    """Return the URL of the settings' database; it may hold a password."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return f"sqlite:///{settings.home / FILE}"


async def open_service_database(url: str, *, pool_size: int = 10) -> ServiceDatabase:
    """Open a database and bring its tables to this version.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT/NAME` or `sqlite:////PATH`.
        pool_size: most connections kept open; as many again may be opened for a while.

    Raises:
        ConfigError: the URL is wrong.
        StoreError: it does not answer or refuses, or a newer version made its tables.
    """
    database = Database(url, pool_size=pool_size)
    try:
        await migrate(database)
    except BaseException:
        await database.aclose()
        raise
    return ServiceDatabase(
        store=SqlServiceStore(database),
        journal=SqlLedgerJournal(database),
        artifacts=SqlArtifactRegister(database),
        utility=SqlUtilityStore(database),
        upkeep=SqlUpkeep(database),
        distillations=SqlDistillations(database),
        name=database.name,
    )


async def open_service_store(url: str) -> ServiceStore:
    """Open only the store; otherwise as `open_service_database`."""
    return (await open_service_database(url)).store
