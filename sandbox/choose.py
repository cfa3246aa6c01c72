"""Which backend is used here, and what each of them can do on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox.base import Sandbox
from solvent.settings import Settings

Backend = Literal["docker", "local"]

_WEAKER = {
    "memory_tree_limited": "memory is limited per process and watched for the tree, not limited by the kernel",
    "oom_told_apart": "an out-of-memory kill cannot be told from other kills",
    "uid_per_run": "all programs of a session have one uid",
    "inodes_limited": "the number of files is not limited",
}


class Probe(BaseModel):
    """What one backend can do on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Backend
    state: Literal["ok", "degraded", "missing"]
    detail: str
    """What it is, which guarantees do not hold, or why it does not work."""
    remedy: str | None = None


async def open_sandbox(settings: Settings) -> Sandbox:
    """Return the started sandbox that the settings ask for; the caller closes it.

    `auto` takes Docker where an engine answers and the image is there, else bubblewrap. A backend named in the
    settings is used or refused, never replaced; and nothing is ever run without a sandbox.

    Raises:
        SandboxUnavailable: none works here; the remedy says what to install or start.
    """
    names: tuple[Backend, ...] = ("docker", "local") if settings.sandbox == "auto" else (settings.sandbox,)
    refused: list[tuple[str, SandboxUnavailable]] = []
    for name in names:
        sandbox = _make(name, settings)
        try:
            await sandbox.start()
        except SandboxUnavailable as error:
            await sandbox.aclose()
            refused.append((name, error))
        except BaseException:
            await sandbox.aclose()
            raise
        else:
            return sandbox
    raise SandboxUnavailable(
        "no sandbox works here, and code is never run without one: "
        + "; ".join(f"{name}: {error.message}" for name, error in refused),
        remedy="; or ".join(error.remedy for _, error in refused if error.remedy) or None,
    )


async def probe(settings: Settings) -> list[Probe]:
    """Return what each backend can do here, by starting it. Never raises for a backend that does not work."""
    return list(await asyncio.gather(*(_probe(name, settings) for name in ("docker", "local"))))


async def _probe(name: Backend, settings: Settings) -> Probe:
    sandbox = _make(name, settings)
    try:
        await sandbox.start()
        info = sandbox.info
    except SandboxError as error:
        return Probe(name=name, state="missing", detail=error.message, remedy=error.remedy)
    finally:
        await sandbox.aclose()
    weaker = [_WEAKER.get(guarantee, guarantee) for guarantee, holds in info.guarantees.items() if not holds]
    detail = f"{info.isolation}, {sandbox.slots} at once"
    if not weaker:
        return Probe(name=name, state="ok", detail=detail)
    remedy = "use Docker, or run as root" if name == "local" else "use a runtime and kernel with control groups"
    return Probe(name=name, state="degraded", detail=f"{detail}; {'; '.join(weaker)}", remedy=remedy)


def _make(name: Backend, settings: Settings) -> Sandbox:
    """Return a backend, not started."""
    makers: dict[Backend, Callable[[], Sandbox]] = {
        "docker": lambda: _docker(settings),
        "local": lambda: _local(settings),
    }
    return makers[name]()


def _docker(settings: Settings) -> Sandbox:
    from solvent.sandbox.docker import DockerSandbox

    return DockerSandbox(settings.cores, image=settings.sandbox_image, runtime=settings.sandbox_runtime)


def _local(settings: Settings) -> Sandbox:
    from solvent.sandbox.local import LocalSandbox

    return LocalSandbox(settings.cores)
