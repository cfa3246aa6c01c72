"""Which hostile program is for which backend."""

from __future__ import annotations

import os

import pytest

JUDGED = {"checker", "function"}
"""Folders whose programs attack the judge: what it does is the same for every backend, so two of them are enough."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out programs on backends and machines for which their headers are not made."""
    out = [item for item in items if not _applies(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def _applies(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    if not {"stage", "hostile"} <= parameters.keys():
        return True
    hostile, backend = parameters["hostile"], parameters["stage"]
    if backend == "plain-user" and hostile.path.parent.name in JUDGED:
        return False
    machine = os.uname().machine
    return backend in hostile.get("backends", backend) and machine in hostile.get("machine", machine)
