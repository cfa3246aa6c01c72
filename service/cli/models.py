"""`solvent models`: which models can be used, what they are, and serving the bundled one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from pydantic import JsonValue

from solvent.service.cli.models_serve import serve_model
from solvent.service.cli.options import json_option, load_settings

if TYPE_CHECKING:
    from solvent.models.profiles import ModelProfile


@click.group()
def models() -> None:
    """List and show model profiles; serve the bundled model."""


models.add_command(serve_model)


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List every profile: those that ship, and those in SOLVENT_CONFIG_DIR/models."""
    from solvent.models.registry import list_profiles
    from solvent.service.cli.table import show_rows

    rows: list[dict[str, JsonValue]] = []
    for entry in list_profiles(load_settings()):
        profile = entry.profile
        rows.append(
            {
                "name": entry.name,
                "backend": profile.backend if profile else None,
                "context": profile.context_tokens if profile else None,
                "endpoint": _where(profile) if profile else None,
                "notes": _first_line(profile.notes) if profile else f"broken: {entry.problem}",
                "path": str(entry.path),
            }
        )
    show_rows(rows, ("name", "backend", "context", "endpoint", "notes"), as_json=as_json, empty="there are no profiles")


@models.command("show")
@click.argument("name")
@json_option
def show_model(name: str, as_json: bool) -> None:
    """Show a profile with all its fields, the command that serves its model, and a bundled model's card."""
    from solvent.models.registry import load_profile
    from solvent.models.serve_command import serve_command

    profile = load_profile(name, load_settings())
    body = profile.model_dump(mode="json")
    card = _card(profile.backend)
    command = serve_command(profile)
    if as_json:
        shown = {"profile": body, "serve_command": command, "card": card}
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for field, value in body.items():
        if field != "serve" and value not in (None, "", {}, []):
            click.echo(f"{field}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    if command:
        click.echo(f"\nserve it with:\n{command}")
    if card:
        click.echo("\ncard:")
        _print_nested(card, indent=2)


@models.command("check")
@click.argument("name")
@json_option
def check_model(name: str, as_json: bool) -> int:
    """Ask every endpoint of a profile whether it can be used; nothing is generated. Exits with 3 if none can."""
    import asyncio

    from solvent.models.probe import probe_endpoints
    from solvent.models.registry import load_profile
    from solvent.service.cli.table import show_rows

    profile = load_profile(name, load_settings())
    found = asyncio.run(probe_endpoints(profile))
    rows: list[dict[str, JsonValue]] = [
        {"endpoint": label, "status": state.status, "detail": state.detail, "remedy": state.remedy}
        for label, state in found
    ]
    show_rows(rows, ("endpoint", "status", "detail", "remedy"), as_json=as_json, empty="there are no endpoints")
    return 0 if any(state.status != "missing" for _, state in found) else 3


def _where(profile: ModelProfile) -> str:
    if profile.endpoints:
        return ", ".join(entry.label for entry in profile.endpoints)
    return profile.base_url or "in process"


def _card(backend: str) -> dict[str, JsonValue] | None:
    if backend != "starter":
        return None
    from importlib.resources import files

    from solvent.errors import StoreError, boundary

    with boundary(StoreError, "read the starter model's card", OSError, ValueError):
        card = json.loads((files("solvent.models") / "starter" / "weights" / "model_card.json").read_text("utf-8"))
    assert isinstance(card, dict)
    return card


def _print_nested(value: JsonValue, indent: int) -> None:
    pad = " " * indent
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                click.echo(f"{pad}{name}:")
                _print_nested(inner, indent + 2)
            else:
                click.echo(f"{pad}{name}: {inner}")
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                click.echo(pad + "- " + ", ".join(f"{name} {inner[name]}" for name in inner))
            else:
                click.echo(f"{pad}- {inner}")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
