"""`solvent doctor`: every part, its state, and what to do about it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from solvent.service.cli.options import json_option, load_settings

if TYPE_CHECKING:
    from solvent.service.cli.checks import Check
    from solvent.settings import Settings

STYLES = {"ok": "green", "degraded": "yellow", "missing": "red", "optional": "bright_black"}


@click.command()
@click.option("--model", "-m", help="Model profile to look at. [default: starter, or SOLVENT_MODEL]")
@json_option
def doctor(model: str | None, as_json: bool) -> int:
    """Check every part: ok, degraded (works, with what it says), missing (with the remedy), or optional.

    Settings come from the environment: SOLVENT_HOME, SOLVENT_SANDBOX (auto, docker, local), SOLVENT_SANDBOX_IMAGE,
    SOLVENT_MODEL, SOLVENT_CONFIG_DIR, SOLVENT_CORES, SOLVENT_REDIS_URL. Exit code 0 if jobs can run here, else 3.
    """
    settings = load_settings(model=model)
    checks = asyncio.run(_checks(settings))
    runnable = _can_run(checks)
    if as_json:
        rows = [{"part": one.part, "state": one.state, "detail": one.detail, "remedy": one.remedy} for one in checks]
        click.echo(json.dumps({"can_run": runnable, "parts": rows}, ensure_ascii=False, indent=2))
        return 0 if runnable else 3
    width = max(len(one.part) for one in checks)
    for one in checks:
        click.echo(f"{one.part.ljust(width)}  {click.style(one.state.ljust(8), fg=STYLES[one.state])}  {one.detail}")
        if one.remedy and one.state in {"missing", "degraded"}:
            click.echo(f"{' ' * width}            remedy: {one.remedy}")
    click.echo("jobs can run here" if runnable else "jobs cannot run here: see the remedies")
    return 0 if runnable else 3


async def _checks(settings: Settings) -> list[Check]:
    from solvent.errors import ConfigError
    from solvent.models.probe import probe as probe_model
    from solvent.models.registry import load_profile
    from solvent.sandbox.choose import probe as probe_sandboxes
    from solvent.service.cli.checks import Check, check_home, check_memory, check_python, check_redis, check_store

    sandboxes = await probe_sandboxes(settings)
    try:
        looked = await probe_model(load_profile(settings.model, settings))
        model = Check(f"model {settings.model}", looked.status, looked.detail, looked.remedy or "")
    except ConfigError as error:
        model = Check(f"model {settings.model}", "missing", error.message, error.remedy or "")
    return [
        check_python(),
        check_home(settings.home),
        await check_store(settings),
        *(Check(f"sandbox {one.name}", one.state, one.detail, one.remedy or "") for one in sandboxes),
        model,
        await asyncio.to_thread(check_memory, settings.home, settings.chroma_url),
        await asyncio.to_thread(check_redis, settings.redis_url),
    ]


def _can_run(checks: list[Check]) -> bool:
    """Return whether nothing that jobs need is missing; of the sandboxes one is enough."""
    sandboxes = [one for one in checks if one.part.startswith("sandbox ")]
    others = [one for one in checks if one not in sandboxes]
    return any(one.state != "missing" for one in sandboxes) and all(one.state != "missing" for one in others)
