"""docker-compose.yml as a running stack of its own name, ports and volumes, with images built from this checkout."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

from deploy_tools import REPOSITORY, require_compose, run

from solvent.benchmarks.servers import free_port

BUILD_S = 1200
UP_S = 420
DOWN_S = 240
TAG = os.environ.get("SOLVENT_TEST_STACK_TAG", "test")
"""Of the images; where the variable is set, of images that are there and are not built."""


class Stack:
    """The stack of profile cpu, with docker-compose.local.yml over it. `down` removes all of it but the images.

    Args:
        folder: for secrets.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"solvent-test-{secrets.token_hex(4)}"
        self.api_port, self.prometheus_port = free_port(), free_port()
        socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        self.environment = {
            "SOLVENT_IMAGE_TAG": TAG,
            "SOLVENT_SERVICE_IMAGE": f"solvent-service:{TAG}",
            "SOLVENT_STARTER_IMAGE": f"solvent-starter:{TAG}",
            "SOLVENT_SECRETS": str(folder / "secrets"),
            "SOLVENT_DOCKER_SOCKET": socket,
            "SOLVENT_DOCKER_GID": str(Path(socket).stat().st_gid),
            # Boxes of other tests are on the same engine.
            "SOLVENT_BOXES": "500",
            "SOLVENT_API_PORT": str(self.api_port),
            "SOLVENT_PROMETHEUS_PORT": str(self.prometheus_port),
        }
        self._command = [
            *require_compose(),
            *("--file", "docker-compose.yml", "--file", "docker-compose.local.yml"),
            *("--project-name", self.name, "--profile", "cpu"),
        ]

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.api_port}"

    def build(self) -> None:
        """Make images and secrets; of an image only what has changed is made again."""
        if "SOLVENT_TEST_STACK_TAG" not in os.environ:
            run(["scripts/images.sh", "local"], timeout_s=BUILD_S, environment=self.environment)
        run(["scripts/stack_secrets.sh"], environment={**self.environment, "SOLVENT_DOCKER_SOCKET": "/none"})

    def compose(self, *arguments: str, timeout_s: float = 120) -> str:
        """Run Compose on this stack and return what it printed."""
        return run([*self._command, *arguments], timeout_s=timeout_s, environment=self.environment)

    def up(self) -> None:
        """Start everything and return when all of it is healthy."""
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", str(UP_S - 60), "--no-build", timeout_s=UP_S)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise AssertionError(f"{error}\n{self.logs()}") from error

    def logs(self) -> str:
        """Return the ends of all logs."""
        done = subprocess.run(
            [*self._command, "logs", "--no-color", "--tail", "40"],
            cwd=REPOSITORY,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout[-12_000:]

    def states(self) -> dict[str, dict[str, Any]]:
        """Return the containers as Compose lists them, by service."""
        lines = self.compose("ps", "--all", "--format", "json").splitlines()
        return {one["Service"]: one for one in map(json.loads, lines)}

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it printed."""
        return self.compose("exec", "-T", service, *command)

    def down(self) -> None:
        """Stop everything and remove containers, networks and volumes."""
        self.compose("down", "--volumes", "--timeout", "60", "--remove-orphans", timeout_s=DOWN_S)

    def left(self) -> list[str]:
        """Return the ids of what is left of it in the engine."""
        label = f"label=com.docker.compose.project={self.name}"
        lists = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        return [line for one in lists for line in run(["docker", *one, "--quiet", "--filter", label]).split()]
