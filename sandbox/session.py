"""One program in one box: the session that every backend with our supervisor hands out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from solvent.errors import ConfigError, SandboxError
from solvent.sandbox.base import CompileResult, Program, RunLimits, RunResult, RunStatus
from solvent.sandbox.box import Box
from solvent.sandbox.languages import Language, find_language

_log = logging.getLogger(__name__)

STDERR_BYTES = 64 << 10
_GRACE_S = 45.0
"""Added to the wall-clock limit before a silent box counts as lost."""
_STARVED = 5
"""The supervisor does not count the time in which no core was free, up to so many limits."""
_COMPILE_OUTPUT_BYTES = 1 << 20
_COMPILE_FILE_MB = 256
_COMPILE_PROCESSES = 64
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108  in the box

_REASONS: dict[str, Literal["time", "memory", "output"]] = {
    RunStatus.CPU_TIME: "time",
    RunStatus.WALL_TIME: "time",
    RunStatus.MEMORY: "memory",
    RunStatus.OUTPUT: "output",
}


class ProgramSession:
    """Compile once, run many times.

    A box in which a run left anything behind is replaced before the next run, and the program compiled again there.

    Args:
        open_box: makes a fresh box; called at the first use and after each loss.
    """

    def __init__(self, open_box: Callable[[], Awaitable[Box]]) -> None:
        self._open_box = open_box
        self._box: Box | None = None
        self._language: Language | None = None
        self._program: Program | None = None
        self._compile_limits: tuple[float, int] = (30.0, 1024)
        self._files: list[dict[str, Any]] = []
        """Files of a run, by their keys in the box."""

    async def compile(self, program: Program, *, time_s: float, memory_mb: int) -> CompileResult:
        """See SandboxSession.compile."""
        language = find_language(program.language)
        self._program, self._language, self._compile_limits = program, language, (time_s, memory_mb)
        return await self._place(await self._fresh_box())

    async def run(
        self,
        *,
        limits: RunLimits,
        stdin: bytes = b"",
        arguments: tuple[str, ...] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> RunResult:
        """See SandboxSession.run."""
        if self._language is None or self._program is None:
            raise SandboxError("run before compile: there is no program in this session")
        try:
            box = await self._fresh_box()
            if not self._files:
                again = await self._place(box)
                if not again.ok:
                    return _fault(f"the program does not compile in a replaced box: {again.log[:500]}")
            extra = dict(files or {})
            listing = [*self._files, *({"name": name, "mode": 0o600, "blob": i + 1} for i, name in enumerate(extra))]
            header = _run_header(
                argv=[*self._language.run, *arguments],
                environment=self._language.environment,
                files=listing,
                limits=limits,
                processes=max(limits.processes, self._language.processes),
            )
            frame = await box.request(header, [stdin, *extra.values()], _STARVED * limits.wall_time_s + _GRACE_S)
        except SandboxError as error:
            return _fault(error.message)
        for problem in frame.header["problems"]:
            _log.warning("the box is replaced: %s", problem)
        return _result(frame.header, frame.blobs, limits.output_bytes)

    async def _fresh_box(self) -> Box:
        if self._box is not None and not self._box.usable:
            await self._box.close()
            self._box = None
        if self._box is None:
            self._files = []
            self._box = await self._open_box()
        return self._box

    async def _place(self, box: Box) -> CompileResult:
        """Put the program into the box and compile it."""
        language, program = self._language, self._program
        if language is None or program is None:
            raise SandboxError("there is no program to place")
        sources = {language.source: program.source, **program.files}
        files = []
        for name, text in sources.items():
            key = f"source:{name}"
            # What a model wrote may hold lone surrogates; the compiler shall complain about them, not we.
            data = text.encode("utf-8", errors="surrogatepass")
            await box.request({"op": "put", "key": key}, [data], _GRACE_S)
            files.append({"name": name, "mode": 0o600, "key": key})
        if not language.compile:
            self._files = files
            return CompileResult(ok=True)
        time_s, memory_mb = self._compile_limits
        header = _run_header(
            argv=list(language.compile_command(tuple(sources))),
            environment=language.environment,
            files=files,
            limits=RunLimits(
                cpu_time_s=time_s,
                wall_time_s=2 * time_s + 1,
                memory_mb=memory_mb,
                output_bytes=_COMPILE_OUTPUT_BYTES,
                file_size_mb=_COMPILE_FILE_MB,
            ),
            processes=_COMPILE_PROCESSES,
            keep=[
                {"name": name, "key": f"artifact:{name}", "max_bytes": _COMPILE_FILE_MB << 20}
                for name in language.artifacts
            ],
            merge=True,
        )
        frame = await box.request(header, [b""], _STARVED * (2 * time_s + 1) + _GRACE_S)
        answer = frame.header
        if answer["status"] == RunStatus.FAULT:
            if answer.get("missing"):
                raise ConfigError(
                    f"{language.title} is not installed in this sandbox ({answer['fault']})",
                    remedy=f"install {' '.join(language.packages)} there",
                )
            raise SandboxError(f"the compiler could not be started: {answer['fault']}")
        log = _compile_log(frame.blobs[0])
        if answer["status"] != RunStatus.OK:
            return CompileResult(
                ok=False, log=log, reason=_REASONS.get(answer["status"], "error"), cpu_s=answer["cpu_s"]
            )
        if not all(answer["kept"]):
            missing = [name for name, kept in zip(language.artifacts, answer["kept"], strict=True) if not kept]
            log = f"{log}\nthe compiler left no file {', '.join(missing)} (at most {_COMPILE_FILE_MB} MiB)"
            return CompileResult(ok=False, log=log.strip(), reason="error", cpu_s=answer["cpu_s"])
        artifacts = [{"name": name, "mode": 0o700, "key": f"artifact:{name}"} for name in language.artifacts]
        self._files = artifacts or files
        return CompileResult(ok=True, log=log, cpu_s=answer["cpu_s"])


def _run_header(
    *,
    argv: list[str],
    environment: dict[str, str],
    files: list[dict[str, Any]],
    limits: RunLimits,
    processes: int,
    keep: list[dict[str, Any]] | None = None,
    merge: bool = False,
) -> dict[str, Any]:
    return {
        "op": "run",
        "argv": argv,
        "environment": {**_ENVIRONMENT, **environment},
        "files": files,
        "stdin": 0,
        "limits": {
            "cpu_s": limits.cpu_time_s,
            "wall_s": limits.wall_time_s,
            "memory_bytes": limits.memory_mb << 20,
            "output_bytes": limits.output_bytes,
            "processes": processes,
            "file_bytes": limits.file_size_mb << 20,
        },
        "keep": keep or [],
        "merge": merge,
        "stderr_bytes": STDERR_BYTES,
    }


def _result(answer: dict[str, Any], blobs: list[bytes], output_bytes: int) -> RunResult:
    peak = answer["peak_memory_bytes"]
    return RunResult(
        status=RunStatus(answer["status"]),
        exit_code=answer["exit_code"],
        signal=answer["signal"],
        cpu_s=answer["cpu_s"],
        wall_s=answer["wall_s"],
        peak_memory_mb=None if peak is None else round(peak / (1 << 20), 2),
        stdout=blobs[0],
        stderr=blobs[1],
        stdout_truncated=answer["stdout_size"] > output_bytes,
        stderr_truncated=answer["stderr_size"] > STDERR_BYTES,
        fault=answer["fault"],
    )


def _compile_log(output: bytes) -> str:
    text = output.decode("utf-8", errors="replace").strip()
    return text if len(text) <= STDERR_BYTES else f"{text[:STDERR_BYTES]}\n[... cut]"


def _fault(what: str) -> RunResult:
    return RunResult(status=RunStatus.FAULT, fault=what)
