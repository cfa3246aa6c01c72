"""`solvent admin`: the service's own house."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from solvent.service.cli.options import json_option, load_settings

if TYPE_CHECKING:
    from solvent.settings import Settings
    from solvent.workers.upkeep import Swept


@click.group()
def admin() -> None:
    """Look after the service's database and artifacts themselves (SOLVENT_DATABASE_URL, SOLVENT_ARTIFACTS_URL)."""


@admin.command("sweep")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option(
    "--retention-days",
    type=click.FloatRange(min=2),
    help="Delete jobs that ended longer ago. [default: SOLVENT_RETENTION_DAYS, or none]",
)
@click.option(
    "--event-retention-days",
    type=click.FloatRange(min=0),
    help="Cut logs of jobs that ended longer ago to their last event. [default: SOLVENT_EVENT_RETENTION_DAYS, or none]",
)
@json_option
def sweep(dry_run: bool, retention_days: float | None, event_retention_days: float | None, as_json: bool) -> None:
    """Delete what has ended long ago, and what nobody needs any more.

    Workers do this by themselves every SOLVENT_SWEEP_S, safely beside running jobs. Without a retention only
    checkpoints are deleted that a dead worker left.
    """
    from importlib.util import find_spec

    from solvent.errors import DependencyError

    if find_spec("sqlalchemy") is None:
        raise DependencyError("`solvent admin sweep` needs sqlalchemy", remedy="pip install 'solvent[cluster]'")
    settings = load_settings(retention_days=retention_days, event_retention_days=event_retention_days)
    swept = asyncio.run(_sweep(settings, dry_run=dry_run))
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **asdict(swept)}))
        return
    click.echo(words(swept, "would be deleted" if dry_run else "deleted"))


async def _sweep(settings: Settings, *, dry_run: bool) -> Swept:
    from solvent.workers.artifact_places import open_artifacts
    from solvent.workers.database import open_service_database, service_url
    from solvent.workers.opening import open_checkpoints
    from solvent.workers.sql.engine import read_url
    from solvent.workers.upkeep import Sweeper, retention_of

    url = service_url(settings)
    database = await open_service_database(url)
    try:
        is_sqlite = read_url(url).get_backend_name() == "sqlite"
        checkpoints = await open_checkpoints(settings, url, is_sqlite=is_sqlite)
        try:
            sweeper = Sweeper(database.upkeep, database.artifacts, open_artifacts(settings), checkpoints)
            return await sweeper.sweep(retention_of(settings), dry_run=dry_run)
        finally:
            await checkpoints.aclose()
    finally:
        await database.aclose()


def words(swept: Swept, verb: str) -> str:
    """Return what was swept for a person. Pure."""
    parts = [
        f"{swept.jobs} jobs",
        f"{swept.batches} batches",
        f"{swept.events} events of jobs that stay",
        f"checkpoints of {swept.checkpoints} jobs",
        f"{swept.artifacts} artifacts ({swept.artifact_bytes / 1e6:.1f} MB)",
    ]
    return f"{verb}: {', '.join(parts)}"
