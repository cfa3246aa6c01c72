"""Which process of pytest-xdist gets which tests: whole files, the longest first, and some files together."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).resolve().parent.parent
LONG = (
    "integration/test_packages.py",
    "e2e/test_hostile.py",
    "e2e/test_soak.py",
    "contract/test_sandbox_languages.py",
    "integration/test_forged_functions.py",
    "e2e/test_command_line.py",
    "contract/test_sandbox.py",
    "contract/test_chat_model.py",
    "contract/test_sandbox_check.py",
)
"""The files that take longest. One that began last would be waited for by all processes but its own."""
TOGETHER = {"tests/e2e/test_soak.py": "tests/e2e/test_hostile.py"}
"""Never beside each other: hostile programs lock files that all boxes share, and the probes look for such locks."""


def longest_first(items: list[pytest.Item]) -> None:
    """Order tests as the files are to begin."""
    places = {TESTS / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


class FileSchedule(LoadFileScheduling):  # type: ignore[misc]  # ships no types
    """`--dist loadfile`, with the files of `TOGETHER` in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)
