"""Policies that lie one in a file of a folder: found by name without an import, with parameters in TOML files."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from solvent.errors import ConfigError

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


class Fidelity(StrEnum):
    """How a policy stands to the paper that it follows."""

    EXACT = "exact"
    APPROXIMATION = "approximation"
    UNTRAINED = "untrained"
    """the method, with a general model where the paper trained a special one"""


class Entry(Protocol):
    """What is registered."""

    @property
    def name(self) -> str:
        """Name of the file, with `-` for `_`."""
        ...

    @property
    def parameters(self) -> type[BaseModel]:
        """Model of its parameters."""
        ...


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """The policies of one kind.

    Args:
        kind: what one of them is called, such as `strategy`.
        plural: of that.
        package: where their files are, such as `solvent.agents.strategies`.
        folder: the same as a path.
        configs: name of the folder of their parameters, in that of the configuration.
        others: files of the folder that are none.
    """

    def __init__(
        self,
        kind: str,
        plural: str,
        *,
        package: str,
        folder: Path,
        configs: str,
        others: frozenset[str] = frozenset({"__init__", "base"}),
    ) -> None:
        self._kind, self._plural = kind, plural
        self._package, self._folder, self._configs, self._others = package, folder, configs, others
        self._entries: dict[str, E] = {}

    def add(self, entry: E) -> None:
        """Register one, as its file is imported."""
        self._entries[entry.name] = entry

    def names(self) -> list[str]:
        """Return the names of all, without importing them."""
        return sorted(
            path.stem.replace("_", "-") for path in self._folder.glob("*.py") if path.stem not in self._others
        )

    def find(self, name: str) -> E:
        """Return the one of this name, importing its file.

        Raises:
            ConfigError: there is none; names those that exist.
        """
        names = self.names()
        if name not in names:
            raise ConfigError(f"unknown {self._kind} {name!r}", remedy=f"{self._plural}: {', '.join(names)}")
        importlib.import_module(f"{self._package}.{name.replace('-', '_')}")
        return self._entries[name]

    def parameters(self, entry: E, overrides: Mapping[str, JsonValue], config_dir: Path | None) -> BaseModel:
        """Return parameters: the class's defaults, then its TOML file, then `overrides`.

        The file is `<name>.toml` under `config_dir`, or else the one that ships with the package. A dot in the name of
        an override leads into a table, as in `decoding.end_bias`.

        Raises:
            ConfigError: a file or value is wrong; names the file and the parameter.
        """
        roots = [CONFIGS] if config_dir is None else [config_dir, CONFIGS]
        paths = [root / self._configs / f"{entry.name}.toml" for root in roots]
        path = next((path for path in paths if path.is_file()), None)
        table: dict[str, Any] = {}
        if path is not None:
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
                raise ConfigError(
                    f"cannot read the parameters of {self._kind} {entry.name} in {path}: {cause}"
                ) from cause
        try:
            return entry.parameters.model_validate(_merged(table, overrides))
        except ValidationError as cause:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'parameters'}: {e['msg']}" for e in cause.errors())
            source = " or ".join([*([str(path)] if path is not None else []), *(["the job"] if overrides else [])])
            raise ConfigError(
                f"{self._kind} {entry.name}, parameters of {source}: {wrong}",
                remedy=f"parameters: {', '.join(entry.parameters.model_fields)}",
            ) from None


def _merged(table: dict[str, Any], overrides: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return the table with the overrides in place, tables within it merged; neither is changed."""
    merged = dict(table)
    for name, value in overrides.items():
        first, dot, rest = name.partition(".")
        inner = {rest: value} if dot else value
        before = merged.get(first)
        if isinstance(inner, dict) and (dot or isinstance(before, dict)):
            merged[first] = _merged(before if isinstance(before, dict) else {}, inner)
        else:
            merged[first] = inner
    return merged
