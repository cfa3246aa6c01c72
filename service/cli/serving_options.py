"""Options that all commands share which serve something over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def listening_options(port: int) -> Callable[[Command], Command]:
    """Return what adds the options of where to listen, and whether to log.

    Args:
        port: where it listens by default.
    """

    def add(command: Command) -> Command:
        for option in reversed(
            [
                click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at."),
                click.option(
                    "--port",
                    type=click.IntRange(0, 65535),
                    default=port,
                    show_default=True,
                    help="0 takes any that is free.",
                ),
                click.option("--access-log", is_flag=True, help="Log each request on standard error."),
            ]
        ):
            command = option(command)
        return command

    return add


drain_option = click.option(
    "--drain-s",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    help="How long open requests may go on after SIGTERM or Ctrl-C.",
)
key_option = click.option(
    "--require-key/--no-key",
    default=None,
    help="Ask for API keys (`solvent keys add`). [default: unless only this machine can reach it]",
)


def require_packages(command: str, *packages: str, extra: str) -> None:
    """Refuse to begin without the packages that a command needs.

    Raises:
        DependencyError: some are not installed.
    """
    from importlib.util import find_spec

    from solvent.errors import DependencyError

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        remedy = f"pip install 'solvent[{extra}]'"
        raise DependencyError(f"`{command}` needs {', '.join(missing)}", remedy=remedy)
