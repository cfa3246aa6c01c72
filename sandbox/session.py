"""One program: build it once, run it many times. A thin layer over a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from solvent.errors import SandboxError
from solvent.sandbox.base import Build, CompileResult, Program, RunLimits, RunResult, Sandbox


class ProgramSession:
    """See SandboxSession; a context that yields itself.

    Args:
        sandbox: does the work.
        job: who asks.
    """

    def __init__(self, sandbox: Sandbox, *, job: str) -> None:
        self._sandbox = sandbox
        self._job = job
        self._build: Build | None = None

    async def __aenter__(self) -> Self:
        """Refuse a sandbox that was not started."""
        _ = self._sandbox.info
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget the program."""
        self._build = None

    async def compile(self, program: Program, *, time_s: float, memory_mb: int) -> CompileResult:
        """See SandboxSession.compile."""
        build = await self._sandbox.build(program, time_s=time_s, memory_mb=memory_mb, job=self._job)
        self._build = build
        return CompileResult(ok=build.ok, log=build.log, reason=build.reason, cpu_s=build.cpu_s)

    async def run(
        self,
        *,
        limits: RunLimits,
        stdin: bytes = b"",
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> RunResult:
        """See SandboxSession.run."""
        if self._build is None:
            raise SandboxError("run before compile: there is no program in this session")
        return await self._sandbox.run(
            self._build, limits=limits, stdin=stdin, arguments=arguments, files=files, job=self._job
        )
