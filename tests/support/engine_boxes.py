"""What the Docker SDK sends to make a box."""

from __future__ import annotations

import json
from typing import Any

from docker.types import ContainerConfig, HostConfig

from solvent.sandbox.container import container_options
from solvent.sandbox.engine import owner

IMAGE = "sha256:" + "0a" * 32


def box(memory_mb: int = 512, runtime: str | None = None) -> dict[str, Any]:
    """Return a body of the Docker SDK for a box."""
    options = container_options(memory_mb, owner(), runtime)
    host = HostConfig("1.41", **options["host"])
    body: dict[str, Any] = json.loads(
        json.dumps(ContainerConfig("1.41", IMAGE, **options["container"], host_config=host))
    )
    return body
