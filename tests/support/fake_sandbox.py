"""A sandbox in memory for tests of decisions and faults: a program is a Python function, found by its source text."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from solvent.errors import ConfigError, SandboxError
from solvent.sandbox.base import (
    Build,
    BuiltFile,
    Program,
    RunLimits,
    RunningProgram,
    RunResult,
    RunStatus,
    SandboxInfo,
    SandboxMetrics,
    SandboxSession,
)


@dataclass(frozen=True)
class FakeRun:
    """What a program is started with."""

    program: Program
    limits: RunLimits
    stdin: bytes = b""
    arguments: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    keep: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Streams:
    """Connected standard streams, seen from the program."""

    stdin: asyncio.Queue[bytes]
    stdout: asyncio.Queue[bytes]
    rest: bytes = b""
    ended: bool = False

    async def line(self) -> bytes:
        """Return the next line without its end, or b"" at the end."""
        while b"\n" not in self.rest and not self.ended:
            data = await self.stdin.get()
            self.ended = not data
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def say(self, data: bytes) -> None:
        """Print."""
        self.stdout.put_nowait(data)


Answer = RunResult | bytes | int | Exception | Awaitable[RunResult | bytes]
Talker = Callable[[Streams, FakeRun], Awaitable[RunResult | int]]


def ended(status: RunStatus = RunStatus.OK, **more: object) -> RunResult:
    """Return a result."""
    return RunResult.model_validate({"status": status, "exit_code": 0 if status is RunStatus.OK else None, **more})


def as_result(answer: RunResult | bytes | int) -> RunResult:
    """Return a result from what a program printed, or its exit code."""
    if isinstance(answer, bytes):
        return ended(stdout=answer)
    if isinstance(answer, int):
        return RunResult(status=RunStatus.EXIT if answer else RunStatus.OK, exit_code=answer)
    return answer


class FakeProgram:
    """A running program. What it prints is unbounded, what it is sent as well."""

    def __init__(self, talker: Talker, run: FakeRun) -> None:
        self.streams = Streams(asyncio.Queue(), asyncio.Queue())
        self._task = asyncio.ensure_future(self._run(talker, run))
        self._output_ended = False

    async def _run(self, talker: Talker, run: FakeRun) -> RunResult:
        try:
            return as_result(await talker(self.streams, run))
        except asyncio.CancelledError:
            return RunResult(status=RunStatus.SIGNAL, signal=9)
        finally:
            self.streams.stdout.put_nowait(b"")

    async def send(self, data: bytes) -> None:
        if not self._task.done():
            self.streams.stdin.put_nowait(data)

    async def close_stdin(self) -> None:
        self.streams.stdin.put_nowait(b"")

    async def receive(self) -> bytes:
        if self._output_ended:
            return b""
        data = await self.streams.stdout.get()
        self._output_ended = not data
        return data

    async def interrupt(self) -> None:
        await self.kill()

    async def kill(self) -> None:
        self._task.cancel()

    async def result(self) -> RunResult:
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class FakeSandbox:
    """Runs functions. A program without one in `programs` does not compile.

    Args:
        programs: by source text; called with a FakeRun, the answer is a result, what is printed, an exit code or an
            exception to raise.
        talkers: programs for `connect`, by source text.
        slots: of the sandbox.
        build_error: raised by every build.
        missing: languages that are not installed.
    """

    info = SandboxInfo(backend="local", isolation="in memory", guarantees={})

    def __init__(
        self,
        programs: Mapping[str, Callable[[FakeRun], Answer]] | None = None,
        talkers: Mapping[str, Talker] | None = None,
        slots: int = 2,
        build_error: Exception | None = None,
        missing: frozenset[str] = frozenset(),
    ) -> None:
        self.programs = dict(programs or {})
        self.talkers = dict(talkers or {})
        self.slots = slots
        self.build_error = build_error
        self.missing = missing
        self.builds: list[Program] = []
        self.runs: list[FakeRun] = []
        self.jobs: set[str] = set()
        self.running = 0
        self._by_key: dict[str, Program] = {}

    def metrics(self) -> SandboxMetrics:
        raise NotImplementedError

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    def open(self, *, memory_mb: int, job: str = "") -> AbstractAsyncContextManager[SandboxSession]:
        raise NotImplementedError

    async def build(self, program: Program, *, time_s: float, memory_mb: int, job: str = "") -> Build:
        if self.build_error is not None:
            raise self.build_error
        if program.language in self.missing:
            raise ConfigError(f"{program.language} is not installed in this sandbox")
        self.jobs.add(job)
        self.builds.append(program)
        if program.source not in self.programs and program.source not in self.talkers:
            return Build(language=program.language, ok=False, log="no such program", reason="error", cpu_s=0.25)
        data = program.model_dump_json().encode()
        key = hashlib.sha256(data).hexdigest()
        self._by_key[key] = program
        file = BuiltFile(name="main", mode=0o700, sha256=key, data=data)
        return Build(language=program.language, ok=True, files=(file,), cpu_s=0.25)

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
        self.jobs.add(job)
        program = self._by_key[build.files[0].sha256]
        run = FakeRun(program, limits, stdin, arguments, dict(files or {}), dict(keep or {}))
        self.runs.append(run)
        self.running += 1
        try:
            await asyncio.sleep(0)
            answer = self.programs[program.source](run)
            if isinstance(answer, Awaitable):
                answer = await answer
            if isinstance(answer, Exception):
                raise answer
            return as_result(answer)
        finally:
            self.running -= 1

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
        program = self._by_key[build.files[0].sha256]
        if program.source not in self.talkers:
            raise SandboxError("it could not be started")
        run = FakeRun(program, limits, b"", arguments, dict(files or {}), dict(keep or {}))
        running = FakeProgram(self.talkers[program.source], run)
        try:
            yield running
        finally:
            await running.close()

    @asynccontextmanager
    async def slot(self, *, job: str = "") -> AsyncIterator[None]:
        yield
