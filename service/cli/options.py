"""Options that several commands share, and how they override the settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from pydantic import JsonValue, ValidationError

from solvent.errors import ConfigError
from solvent.service.cli.budget import BUDGET_HELP, BudgetType
from solvent.settings import Settings

if TYPE_CHECKING:
    from solvent.models.base import Role

Command = TypeVar("Command", bound=Callable[..., Any])


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of the environment with the given options over them; None leaves one as it is.

    Raises:
        ConfigError: a SOLVENT_* variable or an option is wrong.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = f"SOLVENT_{str(first['loc'][0]).upper()}" if first["loc"] else "SOLVENT_*"
        raise ConfigError(f"{name}: {first['msg']}", remedy="see `solvent doctor --help` for the settings") from error


def parse_parameters(pairs: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return strategy parameters from `NAME=VALUE` texts; a value is JSON where it parses, else text.

    Raises:
        click.BadParameter: a text without `=`.
    """
    parameters: dict[str, JsonValue] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE")
        try:
            parameters[name] = json.loads(value)
        except ValueError:
            parameters[name] = value
    return parameters


def memory_policy(given: str) -> str:
    """Return a memory policy that there is.

    Raises:
        ConfigError: there is no such policy.
    """
    from solvent.agents.recalled import snapshot_of

    snapshot_of(given)
    return given


def parse_model_for(pairs: tuple[str, ...]) -> dict[str, str] | None:
    """Return the profiles of roles from `ROLE=PROFILE` texts, or None where there is none.

    Raises:
        click.BadParameter: a text of another form.
    """
    for pair in pairs:
        if not all(pair.partition("=")):
            raise click.BadParameter(f"{pair!r} is not ROLE=PROFILE", param_hint="--model-for")
    return dict(pair.partition("=")[::2] for pair in pairs) or None


def roles_of(settings: Settings) -> dict[Role, str]:
    """Return the settings' profiles of roles.

    Raises:
        ConfigError: there is no such role, or it has no profile.
    """
    from solvent.models.base import Role

    known = {role: role for role in get_args(Role)}
    unnamed = sorted(role for role, profile in settings.model_for.items() if not profile)
    if unnamed:
        raise ConfigError(f"{unnamed[0]!r} is not ROLE=PROFILE", remedy="correct SOLVENT_MODEL_FOR")
    unknown = sorted(settings.model_for.keys() - known.keys())
    if unknown:
        raise ConfigError(f"there is no role {unknown[0]!r}", remedy=f"roles of models: {', '.join(known)}")
    return {known[role]: profile for role, profile in settings.model_for.items()}


def solving_options(command: Command) -> Command:
    """Add the options of every command that solves."""
    for option in reversed(
        [
            click.option(
                "--strategy",
                "-s",
                default="solve-detect-verify",
                show_default=True,
                help="How to solve; `solvent strategies list` shows them.",
            ),
            click.option(
                "--model",
                "-m",
                help="Model profile: a name that `solvent models list` shows, or a TOML file. [default: starter]",
            ),
            click.option(
                "--model-for",
                multiple=True,
                metavar="ROLE=PROFILE",
                help="Another model for a role, such as refine=cheap; may be repeated.",
            ),
            click.option("--budget", "-b", type=BudgetType(), help=BUDGET_HELP),
            click.option(
                "--param",
                "-p",
                "params",
                multiple=True,
                metavar="NAME=VALUE",
                help="A parameter of the strategy; may be repeated.",
            ),
            click.option(
                "--seed",
                type=int,
                default=0,
                show_default=True,
                help="Draws of the model; the same seed repeats them where the endpoint honours seeds.",
            ),
            click.option(
                "--memory",
                default="off",
                show_default=True,
                metavar="POLICY",
                help="What concepts the job may see: off, read (what `solvent memory` has), live (the same, and it "
                "writes there what it teaches), or frozen:SNAPSHOT.",
            ),
            click.option(
                "--sandbox", type=click.Choice(["auto", "docker", "local"]), help="Sandbox backend. [default: auto]"
            ),
            click.option(
                "--no-grade",
                is_flag=True,
                help="Do not judge the answer on hidden tests or the gold answer afterwards.",
            ),
        ]
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
