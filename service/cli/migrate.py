"""`solvent migrate`: the tables of the service's database."""

from __future__ import annotations

import asyncio

import click

from solvent.service.cli.options import load_settings


@click.command()
def migrate() -> None:
    """Bring the service's database (SOLVENT_DATABASE_URL) to this version's tables, and say which they are.

    Servers and workers do so by themselves when they start; this is for those who want it done before any starts, and
    with the rights of another user of the database. Exit code 3: the database does not answer, or a newer version made
    its tables.
    """
    from importlib.util import find_spec

    from solvent.errors import DependencyError

    missing = [package for package in ("sqlalchemy", "alembic", "psycopg", "aiosqlite") if find_spec(package) is None]
    if missing:
        raise DependencyError(f"`solvent migrate` needs {', '.join(missing)}", remedy="pip install 'solvent[cluster]'")
    from solvent.workers.database import service_url
    from solvent.workers.tables import REVISIONS

    name = asyncio.run(_migrate(service_url(load_settings())))
    click.echo(f"{name} has the tables of schema {REVISIONS[-1]}")


async def _migrate(url: str) -> str:
    from solvent.workers.checkpoints import PostgresCheckpoints
    from solvent.workers.database import open_service_database
    from solvent.workers.opening import libpq_url
    from solvent.workers.sql.engine import read_url

    database = await open_service_database(url)
    await database.aclose()
    if read_url(url).get_backend_name() != "sqlite":
        await (await PostgresCheckpoints.open(libpq_url(url), connections=1)).aclose()
    return database.name
