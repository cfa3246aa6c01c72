import subprocess
import sys
from pathlib import Path

import pytest

ROOMS = ["problems", "models", "sandbox", "memory", "agents", "workers", "service", "training", "benchmarks", "configs"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_refuses_a_second_name(repository: Path, room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"import solvent.{room}" in done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_links_are_relative(repository: Path, room: str) -> None:
    assert str((repository / "src" / "solvent" / room).readlink()) == f"../../{room}"
