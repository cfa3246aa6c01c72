"""Whose control groups there are, while others make and remove some."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from solvent.sandbox import cgroups


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    return tmp_path


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)


def test_groups_of_boxes_have_the_pids_of_their_services(root: Path) -> None:
    make(root, "memory/solvent/71-0", "pids/solvent/71-1", "memory/solvent/710-1", "memory/71-2", "solvent/71-3")
    make(root, "solvent/init")
    (root / "solvent" / "cgroup.procs").touch()
    assert sorted((owner, str(path.relative_to(root))) for owner, path in cgroups.everyones()) == [
        (71, "memory/solvent/71-0"),
        (71, "pids/solvent/71-1"),
        (71, "solvent/71-3"),
        (710, "memory/solvent/710-1"),
    ]


def test_a_group_that_is_removed_during_the_look_stops_nothing(root: Path) -> None:
    make(root, "solvent/71-0", "solvent/71-1", "memory/solvent/71-2")
    looking = cgroups.everyones()
    next(looking)
    for path in (root / "solvent").iterdir():
        path.rmdir()
    (root / "solvent").rmdir()
    (root / "memory" / "solvent" / "71-2").rmdir()
    (root / "memory" / "solvent").rmdir()
    assert [owner for owner, _ in looking] == [71]


def test_only_groups_of_services_that_are_no_more_are_removed(root: Path) -> None:
    make(root, "solvent/999999999-0", f"solvent/{os.getpid()}-0")
    cgroups.remove_orphans()
    assert [owner for owner, _ in cgroups.everyones()] == [os.getpid()]
