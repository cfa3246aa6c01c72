"""`solvent strategies`: how problems can be solved."""

from __future__ import annotations

import json

import click
from pydantic import JsonValue

from solvent.errors import ConfigError
from solvent.service.cli.options import json_option, load_settings


@click.group()
def strategies() -> None:
    """List and show strategies."""


@strategies.command("list")
@json_option
def list_strategies(as_json: bool) -> None:
    """List the strategies, what they follow, and how faithfully."""
    from solvent.agents.strategies.base import strategy_names
    from solvent.service.cli.table import show_rows

    rows = [_row(name) for name in strategy_names()]
    show_rows(rows, ("name", "fidelity", "reference"), as_json=as_json, empty="there are no strategies")


@strategies.command("show")
@click.argument("name")
@json_option
def show_strategy(name: str, as_json: bool) -> None:
    """Show a strategy with its parameters and their values."""
    row = _row(name)
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    for field in ("name", "fidelity", "reference", "note", "about"):
        if row[field]:
            click.echo(f"{field}: {row[field]}")
    click.echo("parameters (set one with --param NAME=VALUE):")
    parameters = row["parameters"]
    assert isinstance(parameters, dict)
    for parameter, value in parameters.items():
        inner = {f"{parameter}.{name}": of for name, of in value.items()} if isinstance(value, dict) else {}
        for name, of in (inner or {parameter: value}).items():
            click.echo(f"  {name} = {json.dumps(of)}")


def _row(name: str) -> dict[str, JsonValue]:
    from inspect import cleandoc

    from solvent.agents.strategies.base import find_strategy, load_parameters

    info = find_strategy(name)
    try:
        parameters = load_parameters(info, {}, load_settings().config_dir).model_dump(mode="json")
    except ConfigError as error:
        parameters = {"error": str(error)}
    return {
        "name": info.name,
        "fidelity": info.fidelity.value,
        "reference": info.reference,
        "note": info.note,
        "about": cleandoc(info.make.__doc__ or ""),
        "parameters": parameters,
    }
