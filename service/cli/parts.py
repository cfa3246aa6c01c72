"""What is looked up before anything is stored or started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solvent.agents.strategies.base import find_strategy, load_parameters
from solvent.settings import Settings

if TYPE_CHECKING:
    from pydantic import JsonValue


def check_strategy(settings: Settings, name: str, parameters: dict[str, JsonValue]) -> None:
    """Look a strategy and its parameters up.

    Raises:
        ConfigError: there is no such strategy, or a parameter is wrong.
    """
    load_parameters(find_strategy(name), parameters, settings.config_dir)
