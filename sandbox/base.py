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
    """And threads, all together."""
    file_size_mb: int = Field(default=64, ge=1)
    stack_mb: int | None = Field(default=None, ge=1)
    """Stack of the first thread; default: memory_mb."""
    open_files: int = Field(default=256, ge=16, le=65536)


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
    COMPILE = "compile"
    """an interpreter refused the source before any of it ran (a language without a compile step); see stderr"""
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
    files: dict[str, bytes] = Field(default_factory=dict)
    """Files that were asked for and that the program left as regular files within the size limit, by name."""
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


class BuiltFile(_Frozen):
    """A file that a run finds in its directory."""

    name: str
    """Plain relative path."""
    mode: int
    sha256: str
    """Of `data`, in hexadecimal; boxes keep contents under it."""
    data: bytes = Field(repr=False)


class Build(_Frozen):
    """A program made ready to run, in any box of the sandbox that built it; plain data, so it can be kept."""

    language: str
    ok: bool
    files: tuple[BuiltFile, ...] = ()
    """What the compiler left, or the sources; empty where it failed."""
    log: str = ""
    reason: Literal["ok", "error", "time", "memory", "output"] = "ok"
    cpu_s: float = 0.0
    """CPU time that was spent now: 0 where the build was found in the cache."""
    cached: bool = False


class SandboxMetrics(_Frozen):
    """Counts since the start of a backend, and its present load."""

    runs: dict[RunStatus, int]
    """Programs that ended, compilers not counted, by status; repeated runs count once, with their last status."""
    cancelled: int
    builds: int
    cache_hits: int
    """Builds that were found in the cache."""
    retried: int
    """Runs and builds that were tried again after a fault of the sandbox."""
    rerun_alone: int
    """Runs just over their time limit that were measured again with nothing else running."""
    boxes: int
    """Alive now."""
    boxes_started: int
    boxes_replaced: int
    """Thrown away because something of a program was left, or because they broke."""
    waiting: int
    """Calls that wait for a slot now."""
    running: int
    """Slots in use now."""


class SandboxInfo(_Frozen):
    """What a backend is and which guarantees hold on this machine."""

    backend: Literal["docker", "local"]
    isolation: str
    """For example `docker`, `docker+runsc`, `bubblewrap-root`, `bubblewrap-user`."""
    guarantees: dict[str, bool]
    """For example network_refused, memory_tree_limited, cpu_tree_counted, oom_told_apart, uid_per_run."""


class RunningProgram(Protocol):
    """A running program whose standard input and output are connected to the caller.

    One task may send while another receives.
    """

    async def send(self, data: bytes) -> None:
        """Write to its standard input; returns when the sandbox has taken it. Does nothing once it has ended."""
        ...

    async def close_stdin(self) -> None:
        """End its standard input."""
        ...

    async def receive(self) -> bytes:
        """Return what it printed next, at least one byte; b"" when its standard output has ended."""
        ...

    async def interrupt(self) -> None:
        """Send SIGINT to the program's first process."""
        ...

    async def kill(self) -> None:
        """End it and everything that it started."""
        ...

    async def result(self) -> RunResult:
        """Wait for its end and return how it came; `stdout` is empty, since it was received.

        A program that was killed by `kill` has status `signal` with signal 9.
        """
        ...


class SandboxSession(Protocol):
    """One program: compile once, run many times. Not for concurrent use."""

    async def compile(self, program: Program, *, time_s: float, memory_mb: int) -> CompileResult:
        """Compile the program; must come before `run`.

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
        """See Sandbox.run."""
        ...


class Sandbox(Protocol):
    """A backend.

    At most `slots` programs (compilers included) run at once; further calls wait, and jobs that wait take turns.
    """

    @property
    def info(self) -> SandboxInfo:
        """What the backend is; valid after `start`."""
        ...

    @property
    def slots(self) -> int:
        """Programs that may run at once (the cores, unless told otherwise)."""
        ...

    def metrics(self) -> SandboxMetrics:
        """Return counts and load."""
        ...

    async def start(self) -> None:
        """Make ready.

        Raises:
            SandboxUnavailable: it cannot work on this machine; the remedy says what to install or start.
        """
        ...

    async def build(self, program: Program, *, time_s: float, memory_mb: int, job: str = "") -> Build:
        """Compile `program`, or find it in the cache. A program that does not compile is a Build that is not ok.

        Args:
            program: sources.
            time_s: CPU seconds for the compiler.
            memory_mb: memory for the compiler.
            job: who asks; calls that wait are served in turn by job.

        Raises:
            SandboxError: the sandbox failed, twice.
            ConfigError: the language is not in languages.toml, or not in this backend's image.
        """
        ...

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
        """Run once, isolated from all other runs.

        Nothing that the program does is raised; a failure of the sandbox is tried again in a fresh box, and then is a
        result with status `fault`. A run that ends a little over its CPU limit is measured again with nothing else
        running. Cancelling the call kills the program.

        Args:
            build: one that is ok.
            limits: of this run.
            stdin: all of its standard input.
            arguments: added to its command.
            files: put into its directory, by plain relative path.
            keep: files to bring back, by plain relative path, with the most bytes of each.
            job: who asks.

        Raises:
            ConfigError: a path of `files` or `keep` is not plain.
        """
        ...

    def connect(
        self,
        build: Build,
        *,
        limits: RunLimits,
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
        keep: Mapping[str, int] | None = None,
        job: str = "",
        slot: bool = True,
    ) -> AbstractAsyncContextManager[RunningProgram]:
        """Return a context in which the program runs, its streams connected; leaving it kills the program.

        Args:
            build: one that is ok.
            limits: as for `run`; `output_bytes` is the most that it may print.
            arguments: added to its command.
            files: put into its directory.
            keep: files to bring back when it ends.
            job: who asks.
            slot: False takes no slot: for a program that waits most of the time (an interactor, an idle tool
                session). What it computes is then to be done inside `slot`.

        Raises:
            SandboxError: (on entering) it could not be started.
        """
        ...

    def slot(self, *, job: str = "") -> AbstractAsyncContextManager[None]:
        """Return a context that holds one of the slots."""
        ...

    def open(self, *, memory_mb: int, job: str = "") -> AbstractAsyncContextManager[SandboxSession]:
        """Return a context with a session: `build` and `run` for one program.

        Args:
            memory_mb: most memory that any run or compilation of this session may ask for.
            job: who asks.
        """
        ...

    async def aclose(self) -> None:
        """Kill and remove everything that this backend started; safe to call twice."""
        ...
