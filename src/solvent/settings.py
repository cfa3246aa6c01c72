"""Process-wide settings, from the environment (prefix SOLVENT_). Explicit arguments always win over them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

PREFIX = "SOLVENT_"


class Settings(BaseModel):
    """Where things lie and which parts to use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".local" / "share" / "solvent")
    """Directory of the job store, checkpoints, artifacts and the compile cache."""
    sandbox: Literal["auto", "docker", "local"] = "auto"
    """Sandbox backend; `auto` takes Docker where an engine answers and the image is there, else bubblewrap."""
    sandbox_image: str = "solvent-sandbox:1"
    sandbox_runtime: str | None = None
    """OCI runtime of the Docker backend, for example `runsc` (gVisor); default: the engine's own."""
    sandbox_cache: Path | None = None
    """Folder of compiled programs; default: `sandbox/builds` in `home`."""
    sandbox_cache_mb: int = Field(default=1024, ge=1)
    """Most that it may hold; what was not used for longest goes first."""
    sandbox_engine_wait_s: float = Field(default=30.0, ge=0)
    """How long a run waits for a Docker engine that went away, before it counts as a fault of the sandbox."""
    model: str = "starter"
    """Name of a model profile in configs/models or path of one."""
    model_for: dict[str, str] = Field(default_factory=dict)
    """Profiles of the roles that another model plays; in the environment as ROLE=PROFILE,ROLE=PROFILE."""
    config_dir: Path | None = None
    """Directory searched for profiles, strategies and prompts before those that ship with the package."""
    cores: int | None = Field(default=None, ge=1)
    """Programs run at once; default: the cores this process may use."""
    database_url: SecretStr | None = None
    """The service's database, `postgresql://USER:PASSWORD@HOST:PORT/NAME` or `sqlite:////PATH`; default: the file
    `service.sqlite` in `home`. `solvent solve` and `solvent batch run` use none."""
    redis_url: str = "redis://localhost:6379/0"
    """Where cluster mode finds Redis; embedded mode uses none."""

    lease_s: float = Field(default=30.0, gt=0)
    """How long a worker holds a job or a trajectory without a sign of life; a dead one's work is found after it."""
    beat_s: float = Field(default=10.0, gt=0)
    """How often a worker gives a sign of life; at most half of `lease_s`."""
    reap_s: float = Field(default=15.0, gt=0)
    """How often a worker looks for work that nobody holds."""
    worker_trajectories: int = Field(default=64, ge=1)
    """Most jobs and trajectories that one worker process works on at once."""
    worker_attempts: int = Field(default=5, ge=1)
    """How often a job or a trajectory may take its worker down before it ends as failed."""
    worker_drain_s: float = Field(default=300.0, ge=0)
    """How long a worker that is to stop lets the steps go on that it is in; then they are cut and handed back."""

    @model_validator(mode="before")
    @classmethod
    def _from_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        # A library for this takes as long to import as pydantic itself, on the way to the first token.
        names = {field: PREFIX + field.upper() for field in cls.model_fields}
        found: dict[str, Any] = {field: os.environ[name] for field, name in names.items() if os.environ.get(name)}
        if "model_for" in found:
            found["model_for"] = dict(pair.strip().partition("=")[::2] for pair in found["model_for"].split(","))
        return {**found, **given}

    @model_validator(mode="after")
    def _beats_fit_leases(self) -> Settings:
        if self.beat_s > self.lease_s / 2:
            raise ValueError(f"beat_s ({self.beat_s:g}) must be at most half of lease_s ({self.lease_s:g})")
        return self
