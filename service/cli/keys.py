"""`solvent keys`: who may use the HTTP interface."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from solvent.service.cli.budget import BudgetType
from solvent.service.cli.options import json_option, load_settings
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.workers.service_store import ServiceStore

Value = TypeVar("Value")


@click.group()
def keys() -> None:
    """Add, list and revoke API keys, in the service's database itself (SOLVENT_DATABASE_URL)."""


@keys.command("add")
@click.argument("name")
@click.option("--project", default="default", show_default=True, help="Whose jobs it sees; keys may share one.")
@click.option("--day-budget", type=BudgetType(), help="Hard caps of all its jobs of a day (UTC), such as tokens=5m.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Most of its jobs that run at once.")
@click.option("--queued", type=click.IntRange(min=1), help="Most of its jobs that may wait.")
@click.option("--per-minute", type=click.IntRange(min=1), help="Most requests with jobs that it may send in a minute.")
@click.option(
    "--weight", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Its share."
)
@json_option
def add(
    name: str,
    project: str,
    day_budget: Budget | None,
    concurrency: int | None,
    queued: int | None,
    per_minute: int | None,
    weight: float,
    as_json: bool,
) -> None:
    """Make a key for NAME (a person or a program) and print its secret, which is kept nowhere else."""
    from solvent.service.keys import digest_of, new_secret
    from solvent.workers.ids import new_id
    from solvent.workers.service_records import ApiKey

    key = ApiKey(
        id=new_id("key"),
        name=name,
        project=project,
        day_budget=day_budget or Budget(),
        concurrency=concurrency,
        queued=queued,
        per_minute=per_minute,
        weight=weight,
    )
    secret = new_secret()
    _with_store(lambda store: store.add_key(key, digest_of(secret)))
    if as_json:
        click.echo(json.dumps({"id": key.id, "name": name, "project": project, "secret": secret}))
        return
    click.echo(f"{key.id} for {name}: keep the secret now, it cannot be shown again", err=True)
    click.echo(secret)


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys, newest first."""
    from solvent.service.cli.table import show_rows

    found = _with_store(lambda store: store.keys())
    rows = [
        {
            **key.model_dump(mode="json", exclude={"day_budget", "created_at", "revoked_at"}),
            "day_budget": key.day_budget.model_dump(mode="json", exclude_none=True),
            "created": _moment(key.created_at),
            "revoked": _moment(key.revoked_at) if key.revoked_at is not None else None,
        }
        for key in found
    ]
    columns = ("id", "name", "project", "concurrency", "queued", "per_minute", "weight", "created", "revoked")
    show_rows(rows, columns, as_json=as_json, empty="there are no keys; make one with `solvent keys add NAME`")


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke a key at once. What it submitted goes on."""
    _with_store(lambda store: store.revoke_key(key_id))
    click.echo(f"revoked {key_id}")


def _with_store(work: Callable[[ServiceStore], Awaitable[Value]]) -> Value:
    from solvent.workers.database import open_service_store, service_url

    async def run() -> Value:
        store = await open_service_store(service_url(load_settings()))
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(run())


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
