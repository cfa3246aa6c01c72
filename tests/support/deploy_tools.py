"""Programs that check and run the deployable stack; scripts/setup_deploy.sh fetches them into .tools/."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TOOLS = REPOSITORY / ".tools"


def require_tool(name: str) -> str:
    """Return the path of a program, or skip."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"{name} is not there (scripts/setup_deploy.sh fetches it)")
    return found


def require_compose() -> list[str]:
    """Return the command of Docker Compose 2, or skip."""
    own = TOOLS / "docker-compose"
    for command in ([str(own)] if own.exists() else [], ["docker", "compose"]):
        if command and shutil.which(command[0]):
            asked = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
            if asked.returncode == 0 and int(asked.stdout.lstrip("v").split(".")[0]) >= 2:
                return command
    pytest.skip("there is no Docker Compose 2 (scripts/setup_deploy.sh fetches it)")


def run(
    command: Sequence[str],
    *,
    timeout_s: float = 120,
    environment: Mapping[str, str] | None = None,
    given: str | None = None,
) -> str:
    """Run a program in the repository and return what it printed; fail with what it said where it fails."""
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
