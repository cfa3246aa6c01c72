"""Where code runs: the protocol that every sandbox backend keeps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunLimits(_Frozen):
    """Limits of one run, for its whole process tree."""

    cpu_time_s: float = Field(gt=0)
    wall_time_s: float = Field(gt=0)
    memory_mb: int = Field(ge=16)
    output_bytes: int = Field(gt=0)
    """Of standard output; standard error is kept up to the same size, at most 64 KiB of it are returned."""
    processes: int = Field(default=32, ge=1)
    file_size_mb: int = Field(default=64, ge=1)


class RunStatus(StrEnum):
    """How a run ended, before anyone looks at what it printed."""

    OK = "ok"
    """exit code 0 within all limits"""
    EXIT = "exit"
    """non-zero exit code"""
    SIGNAL = "signal"
    """ended by a signal that was not ours"""
    CPU_TIME = "cpu_time"
    WALL_TIME = "wall_time"
    MEMORY = "memory"
    OUTPUT = "output"
    FAULT = "fault"
    """the sandbox failed; says nothing about the program"""


class RunResult(_Frozen):
    """What one run did. Times and memory are those of the whole process tree."""

    status: RunStatus
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_memory_mb: float | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    fault: str | None = None
    """What failed, where the status is `fault`."""


class Program(_Frozen):
    """A program to run: one main source text and further files beside it."""

    language: str
    """Name of a table in languages.toml."""
    source: str
    files: dict[str, str] = Field(default_factory=dict)
    """Further texts by plain file name, placed beside the source."""


class CompileResult(_Frozen):
    """What the compiler said. Interpreted languages are syntax-checked only if their table says so."""

    ok: bool
    log: str = ""
    reason: Literal["ok", "error", "time", "memory", "output"] = "ok"
    cpu_s: float = 0.0


class SandboxInfo(_Frozen):
    """What a backend is and which guarantees hold on this machine."""

    backend: Literal["docker", "local"]
    isolation: str
    """For example `docker`, `docker+runsc`, `bubblewrap-root`, `bubblewrap-user`."""
    guarantees: dict[str, bool]
    """For example network_refused, memory_tree_limited, cpu_tree_counted, oom_told_apart, uid_per_run."""


class SandboxSession(Protocol):
    """One program in one fresh sandbox: compile once, run many times. Not for concurrent use."""

    async def compile(self, program: Program, *, time_s: float, memory_mb: int) -> CompileResult:
        """Put the program into the sandbox and compile it; must come before `run`.

        Raises:
            SandboxError: the sandbox failed.
            ConfigError: the language is not in languages.toml, or not in this backend's image.
        """
        ...

    async def run(
        self,
        *,
        limits: RunLimits,
        stdin: bytes = b"",
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> RunResult:
        """Run the compiled program once, isolated from earlier runs in this session.

        `files` are put into its directory, by plain relative path.

        Nothing that the program does is raised; a failure of the sandbox is a result with status `fault`.
        Cancelling the call kills the program.
        """
        ...


class Sandbox(Protocol):
    """A backend. `open` may be called any number of times at once; at most `slots` sessions run, the others wait."""

    @property
    def info(self) -> SandboxInfo:
        """What the backend is; valid after `start`."""
        ...

    @property
    def slots(self) -> int:
        """Sessions that may run at once (the cores, unless told otherwise)."""
        ...

    async def start(self) -> None:
        """Make ready.

        Raises:
            SandboxUnavailable: it cannot work on this machine; the remedy says what to install or start.
        """
        ...

    def open(self, *, memory_mb: int) -> AbstractAsyncContextManager[SandboxSession]:
        """Return a context with a session; leaving it kills and removes everything that its program left.

        A session begins in a sandbox in which nothing of an earlier one can be found: a new one, or one whose
        emptiness was checked after each run.

        Args:
            memory_mb: most memory that any run or compilation of this session may ask for.

        Raises:
            SandboxError: (on entering) no sandbox could be made.
        """
        ...

    async def aclose(self) -> None:
        """Kill and remove everything that this backend started; safe to call twice."""
        ...
