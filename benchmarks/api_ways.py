"""Our own way: the public API, `Sandbox.build` and `Sandbox.run`."""

from __future__ import annotations

import itertools
import secrets
from typing import Literal

from solvent.benchmarks.ways import SUM_SOURCE, AsyncWay
from solvent.sandbox.base import Build, Program, RunLimits, RunStatus, Sandbox

Backend = Literal["docker", "local"]

LIMITS = RunLimits(cpu_time_s=2, wall_time_s=5, memory_mb=256, output_bytes=1 << 20)
COMPILE_S = 30.0
COMPILE_MB = 1024
NAMES: dict[Backend, str] = {"docker": "Docker", "local": "bubblewrap"}


def make_sandbox(backend: Backend, slots: int) -> Sandbox:
    """Return a backend, not started."""
    if backend == "docker":
        from solvent.sandbox.docker import DockerSandbox

        return DockerSandbox(slots)
    from solvent.sandbox.local import LocalSandbox

    return LocalSandbox(slots)


class Api(AsyncWay):
    """`Sandbox.run` in boxes of the pool: per run its own uid, limits, filter, and nothing left behind.

    Args:
        sandbox: started; its slots are the programs at a time.
        backend: which it is.
        new_sources: whether each program is a text that was not seen before, so that it is built and sent as well.
    """

    queue = True

    def __init__(self, sandbox: Sandbox, backend: Backend, *, new_sources: bool = False) -> None:
        self.key = f"api_{backend}{'_new' if new_sources else ''}"
        self.title = f"Solvent Sandbox.run, {NAMES[backend]}{', each source new' if new_sources else ''}"
        self._sandbox = sandbox
        self._new_sources = new_sources
        self._numbers = itertools.count()
        self._mark = secrets.token_hex(4)
        self._build: Build | None = None

    async def start(self) -> None:
        """See Way."""
        self._build = await self._built(SUM_SOURCE)

    async def run(self, data: bytes) -> bytes:
        """See AsyncWay."""
        if self._new_sources:
            build = await self._built(f"{SUM_SOURCE}  # {self._mark} {next(self._numbers)}")
        else:
            assert self._build is not None
            build = self._build
        result = await self._sandbox.run(build, limits=LIMITS, stdin=data)
        return result.stdout if result.status is RunStatus.OK else str(result).encode()

    async def _built(self, source: str) -> Build:
        program = Program(language="python", source=source)
        return await self._sandbox.build(program, time_s=COMPILE_S, memory_mb=COMPILE_MB)
