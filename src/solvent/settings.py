"""Process-wide settings, from the environment (prefix SOLVENT_). Explicit arguments always win over them.

`SOLVENT_NAME_FILE` names a file whose content is the value of `SOLVENT_NAME`, for secrets.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

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
    `service.sqlite` in `home`. `solvent solve` and `solvent batch` on this machine use SQLite only."""
    redis_url: str = "redis://localhost:6379/0"
    """Where cluster mode finds Redis; embedded mode uses none."""
    chroma_url: str | None = None
    """Chroma server of the concept memory, `http://HOST:PORT`; default: Chroma in this process, in `chroma` of `home`,
    for one process at a time."""
    chroma_token_env: str | None = None
    """Name of the environment variable with the server's bearer token."""
    embedder: str = "hashed"
    """What makes the memory's vectors: `hashed` (no weights) or `URL#MODEL` of an endpoint with OpenAI's embeddings."""
    embedder_key_env: str | None = None
    """Name of the environment variable with that endpoint's key."""
    shared_concepts: tuple[str, ...] = ()
    """Namespaces that every project searches beside its own; in the environment separated by commas."""
    memory_hold_out: float | None = Field(default=None, ge=0, le=1)
    """Share of jobs that are shown none of the concepts chosen for them; default: that of `memory/trial.toml` (0.1)."""
    memory_write_share: float = Field(default=0.15, ge=0, le=1)
    """Of a job's cap of tokens, what writing down what it teaches may take (policy `live`)."""
    memory_write_reserve: float = Field(default=0.0, ge=0, lt=1)
    """Of a job's cap of tokens, what its search leaves for that (policy `live`)."""
    memory_pitfalls: bool = False
    """Jobs with the policy `live` that end unsolved write down what to avoid, too."""
    memory_familiar_trajectories: int = Field(default=0, ge=0)
    """Jobs that were shown concepts and were solved within so many trajectories write nothing; 0: every one writes."""
    memory_replays: int = Field(default=0, ge=0)
    """Attempts at a solved problem with the concepts that its solution taught, which are not written where none of them
    passes the public tests; 0: they are not tried. They count for `memory_write_share`."""
    memory_readings: int = Field(default=1, ge=1, le=16)
    """Most readings of a solution, of which the one that makes the solution likeliest is written, and none where no one
    does; 1: the first is written. More than 1 needs an endpoint that tells how likely a text is: the bundled model's or
    a vLLM. The comparison counts for `memory_write_share`."""
    memory_concepts: int = Field(default=10_000, ge=1)
    """Most concepts that jobs may bring a project's memory to; people may add more."""
    memory_when_full: Literal["refuse", "archive"] = "refuse"
    """What happens at that limit: new concepts are refused, or the least useful ones are archived."""
    memory_likeness: float = Field(default=0.25, ge=0, le=1)
    """Likeness of two concepts from which on the model is asked whether they are one under two names."""

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
    worker_metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of a worker's own /live and /metrics; default: none."""
    worker_metrics_host: str = "127.0.0.1"
    """Address of that port."""
    outstanding_jobs: int = Field(default=256, ge=1)
    """Most messages about jobs of batches that are under way at once; the others wait in the database."""
    unseen_s: float = Field(default=60.0, gt=0)
    """For how long the server takes such a message for under way."""

    artifacts_url: str | None = None
    """Bucket of the service's artifacts, `s3://BUCKET/PREFIX` (keys and address from AWS_...); default: the folder
    `artifacts` in `home`."""
    retention_days: float | None = Field(default=None, ge=2)
    """How long jobs of the service are kept after their end; default: for ever."""
    retention_days_for: dict[str, float] = Field(default_factory=dict)
    """The same for single projects, 0 for ever; in the environment as PROJECT=DAYS,PROJECT=DAYS."""
    event_retention_days: float | None = Field(default=None, ge=0)
    """How long the logs of ended jobs are kept whole; afterwards only their last event is. Default: as the jobs."""
    sweep_s: float = Field(default=3600.0, gt=0)
    """How often one of the workers looks for what is to be deleted."""

    @model_validator(mode="before")
    @classmethod
    def _from_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        # A library for this takes as long to import as pydantic itself, on the way to the first token.
        names = {field: PREFIX + field.upper() for field in cls.model_fields}
        found: dict[str, Any] = {field: value for field, name in names.items() if (value := _variable(name))}
        if "model_for" in found:
            found["model_for"] = dict(pair.strip().partition("=")[::2] for pair in found["model_for"].split(","))
        if "shared_concepts" in found:
            found["shared_concepts"] = [name.strip() for name in found["shared_concepts"].split(",") if name.strip()]
        if "retention_days_for" in found:
            pairs = (pair.strip().partition("=") for pair in found["retention_days_for"].split(","))
            found["retention_days_for"] = {project: days for project, _, days in pairs}
        return {**found, **given}

    @field_validator("retention_days_for")
    @classmethod
    def _two_days_or_ever(cls, value: dict[str, float]) -> dict[str, float]:
        # A day's accounts of an API key must still be there while the day lasts.
        if any(days != 0 and not days >= 2 for days in value.values()):
            raise ValueError("retention_days_for: days are 2 or more, or 0 for ever")
        return value

    @model_validator(mode="after")
    def _beats_fit_leases(self) -> Settings:
        if self.beat_s > self.lease_s / 2:
            raise ValueError(f"beat_s ({self.beat_s:g}) must be at most half of lease_s ({self.lease_s:g})")
        return self


def _variable(name: str) -> str | None:
    """Return the value of an environment variable, or of the file that the variable NAME_FILE names.

    Raises:
        ValueError: both are set, or the file cannot be read.
    """
    value, path = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if not path:
        return value
    if value:
        raise ValueError(f"{name} and {name}_FILE are both set")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_FILE: {path} cannot be read ({error})") from error
