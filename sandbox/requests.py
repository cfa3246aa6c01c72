"""What a box is asked for a run, and what its answer means. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from solvent.errors import ConfigError
from solvent.sandbox import replies, wire
from solvent.sandbox.base import Build, BuiltFile, RunLimits, RunResult, RunStatus
from solvent.sandbox.languages import Language, find_language

STDERR_BYTES = 64 << 10
"""Of standard error that a run returns at most."""
_GRACE_S = 45.0
"""Added to the wall-clock limit before a silent box counts as lost."""
_STARVED = 5
"""The supervisor does not count the time in which no core was free, up to so many limits."""
MEASURES_ALONE = 3
"""How often a borderline run is measured again at most: other work only ever adds CPU time, so the first that
fits is believed."""
_EXTENSION, _EXTENSION_US = 1.3, 20_000
"""A run may use so much more than its CPU limit, so that one a little over it can be measured again."""
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108  in the box
_NAME_BYTES = 512

_STATUSES = {status.value: status for status in RunStatus}
# Only a caller that killed it hears of it, and that is how it ended.
_STATUSES["cancelled"] = RunStatus.SIGNAL
_SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Request:
    """One run, ready to be sent to any box."""

    run: wire.Run
    memory_mb: int
    keys: tuple[bytes, ...]
    """Contents that the box had better keep."""
    timeout_s: float
    """A box that is silent for so long is lost."""
    keep: tuple[str, ...] = ()
    machine_limit_mb: int | None = None
    """Limit of a program in a virtual machine: one that fails with more in use has exceeded it."""

    def result(self, reply: replies.Result) -> RunResult:
        """Return what the box's answer means."""
        limits = self.run.limits
        files = {name: data for name, data in zip(self.keep, reply.kept, strict=True) if data is not None}
        cancelled = reply.status == "cancelled"
        status = _STATUSES[reply.status]
        if self.machine_limit_mb is not None and status in (RunStatus.EXIT, RunStatus.SIGNAL) and not cancelled:
            status = RunStatus.MEMORY if reply.peak_bytes > self.machine_limit_mb << 20 else status
        return RunResult(
            status=status,
            exit_code=reply.code,
            signal=_SIGKILL if cancelled else reply.signal,
            cpu_s=reply.cpu_us / 1e6,
            wall_s=reply.wall_us / 1e6,
            peak_memory_mb=round(reply.peak_bytes / (1 << 20), 2) if reply.peak_bytes else None,
            stdout=reply.stdout,
            stderr=reply.stderr,
            stdout_truncated=reply.stdout_size > limits.output_bytes,
            stderr_truncated=reply.stderr_size > limits.stderr_bytes,
            files=files,
            fault=reply.fault or "the sandbox failed" if reply.status == "fault" else None,
        )


def program_request(
    build: Build,
    *,
    limits: RunLimits,
    zygote: bool,
    stdin: bytes = b"",
    arguments: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
    keep: Mapping[str, int] | None = None,
    connected: bool = False,
) -> Request:
    """Return the request to run a built program.

    Args:
        build: one that is ok.
        limits: of this run.
        zygote: the boxes can fork Python programs.
        stdin: all of its input, if it is not connected.
        arguments: added to its command.
        files: put beside it.
        keep: files to bring back, with the most bytes of each.
        connected: its streams are connected; then its CPU limit is exact, since it cannot be measured again.

    Raises:
        ConfigError: a path is not plain, or the program was not built.
    """
    if not build.ok:
        raise ConfigError("a program that does not compile cannot be run", remedy="look at the build's log")
    base = _base_request(build.language, build.files, limits, zygote, connected)
    if not (stdin or arguments or files or keep):
        return base
    run = base.run._replace(
        argv=(*base.run.argv, *map(_argument, arguments)),
        files=(
            *base.run.files,
            *(wire.RunFile(plain_path(name), 0o600, wire.Content(None, data)) for name, data in (files or {}).items()),
        ),
        stdin=stdin,
        keep=tuple([(plain_path(name), most) for name, most in (keep or {}).items()]),
    )
    return Request(run, base.memory_mb, base.keys, base.timeout_s, tuple(keep or ()), base.machine_limit_mb)


@lru_cache(maxsize=32)
def _base_request(name: str, files: tuple[BuiltFile, ...], limits: RunLimits, zygote: bool, connected: bool) -> Request:
    """Return the request to run a built program without input, arguments and further files.

    A program is run on many tests with the same limits, so this is remembered.
    """
    language = find_language(name)
    flags = wire.STREAM if connected else 0
    if zygote and language.zygote:
        flags |= wire.ZYGOTE
        argv: tuple[bytes, ...] = (language.source.encode(),)
    else:
        argv = tuple([word.encode() for word in language.run_command(memory_mb=limits.memory_mb)])
    listed = tuple(
        [
            wire.RunFile(plain_path(file.name), file.mode, wire.Content(bytes.fromhex(file.sha256), file.data))
            for file in files
        ]
    )
    return Request(
        run=wire.Run(
            flags=flags,
            limits=wire_limits(limits, language=language, extended=not connected),
            argv=argv,
            environment=_environment(language.name, limits.memory_mb),
            files=listed,
            stdin=b"",
            keep=(),
        ),
        memory_mb=language.total_memory_mb(limits.memory_mb),
        keys=tuple([file.content.key or b"" for file in listed]),
        timeout_s=_STARVED * limits.wall_time_s + _GRACE_S,
        machine_limit_mb=limits.memory_mb if language.memory_extra_mb else None,
    )


def compiler_request(
    language: Language,
    command: Sequence[str],
    limits: RunLimits,
    *,
    sources: Mapping[str, bytes] | None = None,
    artifact_bytes: int = 0,
) -> Request:
    """Return the request to run a compiler, its standard error in its output.

    Args:
        language: whose compiler it is.
        command: what to run.
        limits: of the compiler.
        sources: files in its directory.
        artifact_bytes: most of each of the language's artifacts that are brought back; 0: none is.

    Raises:
        ConfigError: the name of a source is not plain.
    """
    keep = language.artifacts if artifact_bytes else ()
    return Request(
        run=wire.Run(
            flags=wire.MERGE,
            limits=wire_limits(limits),
            argv=tuple([word.encode() for word in command]),
            environment=_environment(language.name, limits.memory_mb),
            files=tuple(
                [
                    wire.RunFile(plain_path(name), 0o600, wire.Content(None, data))
                    for name, data in (sources or {}).items()
                ]
            ),
            stdin=b"",
            keep=tuple([(plain_path(name), artifact_bytes) for name in keep]),
        ),
        memory_mb=limits.memory_mb,
        keys=(),
        timeout_s=_STARVED * limits.wall_time_s + _GRACE_S,
        keep=keep,
    )


def wire_limits(limits: RunLimits, *, language: Language | None = None, extended: bool = False) -> wire.Limits:
    """Return limits as the supervisor takes them.

    Args:
        limits: as asked for.
        language: whose run time needs processes and memory of its own.
        extended: let it run a little beyond its CPU limit, so that `is_borderline` can be told.
    """
    memory_mb = language.total_memory_mb(limits.memory_mb) if language else limits.memory_mb
    processes = language.processes if language else 1
    cpu_us = round(limits.cpu_time_s * 1e6)
    return wire.Limits(
        cpu_us=int(cpu_us * _EXTENSION) + _EXTENSION_US if extended else cpu_us,
        wall_us=round(limits.wall_time_s * 1e6),
        memory_bytes=memory_mb << 20,
        output_bytes=limits.output_bytes,
        stderr_bytes=STDERR_BYTES,
        file_bytes=limits.file_size_mb << 20,
        stack_bytes=(limits.stack_mb or limits.memory_mb) << 20,
        processes=max(limits.processes, processes),
        open_files=limits.open_files,
    )


def is_borderline(limit_s: float, result: RunResult) -> bool:
    """Tell whether a run came to its own end a little over its CPU limit: it is to be measured again, alone."""
    return result.cpu_s > limit_s and result.status in (RunStatus.OK, RunStatus.EXIT, RunStatus.SIGNAL)


def decide(limit_s: float, result: RunResult) -> RunResult:
    """Return the last word on a run: over its CPU limit it counts as stopped for it."""
    if is_borderline(limit_s, result):
        return result.model_copy(update={"status": RunStatus.CPU_TIME, "exit_code": None, "signal": None})
    return result


def fault(what: str) -> RunResult:
    """Return the result of a run for which the sandbox failed."""
    return RunResult(status=RunStatus.FAULT, fault=what)


@lru_cache(maxsize=4096)
def plain_path(name: str) -> bytes:
    """Return a relative path of plain names as bytes.

    Raises:
        ConfigError: it is none.
    """
    data = name.encode("utf-8", "surrogatepass")
    parts = data.split(b"/")
    if len(data) > _NAME_BYTES or b"\0" in data or any(part in (b"", b".", b"..") for part in parts):
        raise ConfigError(f"not a plain relative path: {name!r}", remedy="use names without '..', below the directory")
    return data


def _argument(argument: str) -> bytes:
    if "\0" in argument:
        raise ConfigError(f"an argument of a program cannot hold a zero character: {argument!r}")
    return argument.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=256)
def _environment(language: str, memory_mb: int) -> tuple[bytes, ...]:
    variables = {**_ENVIRONMENT, **find_language(language).environment_for(memory_mb=memory_mb)}
    return tuple([f"{name}={value}".encode() for name, value in variables.items()])
