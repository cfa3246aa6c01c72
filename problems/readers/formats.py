"""What a format of rows is, and the list of those that the modules of this folder define."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from solvent.problems.problem import Problem
from solvent.problems.readers.place import Place, Row


@dataclass(frozen=True, slots=True)
class RowFormat:
    """A format whose problems are JSON objects, found by their fields.

    A module of this folder that defines `ROW_FORMAT` is found by itself. `order`: lower is asked first.
    `read` returns the problem or raises DataError.
    """

    name: str
    fields: str
    """The fields that it is known by, for messages."""
    matches: Callable[[Row], bool]
    read: Callable[[Row, Place], Problem]
    order: int = 50


@cache
def row_formats() -> tuple[RowFormat, ...]:
    """Return the row formats in the order in which they are asked."""
    package = importlib.import_module(__package__ or "solvent.problems.readers")
    modules: list[ModuleType] = [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ]
    found = [module.ROW_FORMAT for module in modules if hasattr(module, "ROW_FORMAT")]
    return tuple(sorted(found, key=lambda row_format: (row_format.order, row_format.name)))
