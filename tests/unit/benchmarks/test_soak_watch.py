"""What the soak looks at, while others make and remove the same things."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from solvent.benchmarks import soak_watch


def test_only_the_groups_of_the_process_are_counted(tmp_path: Path) -> None:
    for name in ("memory/solvent/71-0", "pids/solvent/71-1", "memory/solvent/710-1", "memory/71-2", "solvent/71-3"):
        (tmp_path / name).mkdir(parents=True)
    found = soak_watch.group_folders(tmp_path, 71)
    assert sorted(str(path.relative_to(tmp_path)) for path in found) == [
        "memory/solvent/71-0",
        "pids/solvent/71-1",
        "solvent/71-3",
    ]


def test_a_group_that_is_removed_during_the_look_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("solvent/71-0", "solvent/72-0", "solvent/72-1"):
        (tmp_path / name).mkdir(parents=True)
    scan = os.scandir

    def remove_first(path: str) -> object:
        if Path(path).name.startswith("72-") and Path(path).exists():
            Path(path).rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", remove_first)
    assert soak_watch.group_folders(tmp_path, 71) == [tmp_path / "solvent" / "71-0"]
    assert not (tmp_path / "solvent" / "72-0").exists()
