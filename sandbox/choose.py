"""Which backend is used here, and what each of them can do on this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from solvent.errors import SandboxError, SandboxUnavailable
from solvent.sandbox.base import (
    Build,
    Program,
    RunLimits,
    RunningProgram,
    RunResult,
    Sandbox,
    SandboxInfo,
    SandboxMetrics,
    SandboxSession,
)
from solvent.sandbox.layout import usable_cores
from solvent.settings import Settings

Backend = Literal["docker", "local"]

_WEAKER = {
    "memory_tree_limited": "memory is limited per process and watched for the tree, not limited by the kernel",
    "oom_told_apart": "an out-of-memory kill cannot be told from other kills",
    "uid_per_run": "all programs have one uid",
    "inodes_limited": "the number of files is not limited",
}


class LazySandbox:
    """The sandbox that the settings ask for, started in the background by `begin` or at the first `open`.

    Args:
        settings: see `open_sandbox`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starting: asyncio.Task[Sandbox] | None = None

    @property
    def info(self) -> SandboxInfo:
        """See Sandbox.info."""
        if self._starting is None or not self._starting.done():
            raise SandboxError("the sandbox has not been started")
        return self._starting.result().info

    @property
    def slots(self) -> int:
        """See Sandbox.slots."""
        return self._settings.cores or usable_cores()

    def metrics(self) -> SandboxMetrics:
        """See Sandbox.metrics.

        Raises:
            SandboxError: it has not been started.
        """
        _ = self.info
        assert self._starting is not None
        return self._starting.result().metrics()

    def begin(self) -> None:
        """Start in the background; a failure is raised by the first use."""
        if self._starting is None:
            self._starting = asyncio.create_task(open_sandbox(self._settings))

    async def start(self) -> None:
        """See Sandbox.start."""
        await self._started()

    async def build(self, program: Program, *, time_s: float, memory_mb: int, job: str = "") -> Build:
        """See Sandbox.build; raises SandboxUnavailable where no sandbox works."""
        return await (await self._started()).build(program, time_s=time_s, memory_mb=memory_mb, job=job)

    async def run(
        self,
        build: Build,
        *,
        limits: RunLimits,
        stdin: bytes = b"",
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        keep: Mapping[str, int] | None = None,
        job: str = "",
    ) -> RunResult:
        """See Sandbox.run; raises SandboxUnavailable where no sandbox works."""
        sandbox = await self._started()
        return await sandbox.run(
            build, limits=limits, stdin=stdin, arguments=arguments, files=files, keep=keep, job=job
        )

    @asynccontextmanager
    async def connect(
        self,
        build: Build,
        *,
        limits: RunLimits,
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        keep: Mapping[str, int] | None = None,
        job: str = "",
        slot: bool = True,
    ) -> AsyncIterator[RunningProgram]:
        """See Sandbox.connect; raises SandboxUnavailable where no sandbox works."""
        sandbox = await self._started()
        async with sandbox.connect(
            build, limits=limits, arguments=arguments, files=files, keep=keep, job=job, slot=slot
        ) as program:
            yield program

    @asynccontextmanager
    async def slot(self, *, job: str = "") -> AsyncIterator[None]:
        """See Sandbox.slot; raises SandboxUnavailable where no sandbox works."""
        async with (await self._started()).slot(job=job):
            yield

    @asynccontextmanager
    async def open(self, *, memory_mb: int, job: str = "") -> AsyncIterator[SandboxSession]:
        """See Sandbox.open.

        Raises:
            SandboxUnavailable: no sandbox works here.
        """
        async with (await self._started()).open(memory_mb=memory_mb, job=job) as session:
            yield session

    async def aclose(self) -> None:
        """See Sandbox.aclose."""
        if self._starting is None:
            return
        self._starting.cancel()
        [sandbox] = await asyncio.gather(self._starting, return_exceptions=True)
        if not isinstance(sandbox, BaseException):
            await sandbox.aclose()

    async def _started(self) -> Sandbox:
        self.begin()
        assert self._starting is not None
        # The start is everybody's: one who is cancelled while waiting must not cancel it.
        return await asyncio.shield(self._starting)


def refuse_if_hopeless(settings: Settings) -> None:
    """Look, without starting anything, whether a sandbox may work here.

    Raises:
        SandboxUnavailable: there is neither an engine's socket nor bubblewrap, of those that the settings allow.
    """
    docker = settings.sandbox != "local" and ("DOCKER_HOST" in os.environ or Path("/var/run/docker.sock").exists())
    local = settings.sandbox != "docker" and shutil.which("bwrap") is not None
    if not docker and not local:
        raise SandboxUnavailable(
            f"no sandbox works here (asked for: {settings.sandbox}), and code is never run without one",
            remedy="start a Docker engine, or install bubblewrap (`solvent doctor` tells more)",
        )


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

    return DockerSandbox(
        settings.cores, image=settings.sandbox_image, runtime=settings.sandbox_runtime, **_options(settings)
    )


def _local(settings: Settings) -> Sandbox:
    from solvent.sandbox.local import LocalSandbox

    return LocalSandbox(settings.cores, runner=settings.home / "sandbox", **_options(settings))


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "cache": settings.sandbox_cache or settings.home / "sandbox" / "builds",
        "cache_bytes": settings.sandbox_cache_mb << 20,
        "engine_wait_s": settings.sandbox_engine_wait_s,
    }
