"""Programs made ready to run: compiled once, found again afterwards."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Literal

from solvent.errors import ConfigError, SandboxError
from solvent.sandbox import replies
from solvent.sandbox.base import Build, Program, RunLimits, RunStatus
from solvent.sandbox.cache import BuildCache, built_file
from solvent.sandbox.languages import Language, find_language
from solvent.sandbox.requests import STDERR_BYTES, Request, compiler_request, plain_path

_OUTPUT_BYTES = 1 << 20
_ARTIFACT_MB = 256
_PROCESSES = 64
_VERSION_LIMITS = RunLimits(cpu_time_s=10, wall_time_s=30, memory_mb=512, output_bytes=64 << 10, processes=_PROCESSES)

_REASONS: dict[RunStatus, Literal["time", "memory", "output"]] = {
    RunStatus.CPU_TIME: "time",
    RunStatus.WALL_TIME: "time",
    RunStatus.MEMORY: "memory",
    RunStatus.OUTPUT: "output",
}

RunCompiler = Callable[[Request, str], Awaitable[replies.Result]]
"""Runs a request for a job in some box; raises SandboxError if the sandbox failed twice."""


class Builder:
    """Builds programs with the compilers of a sandbox.

    Args:
        cache: builds of the past.
        run: runs a compiler.
        identity: names the root file system that the compilers are in.
        zygote: boxes fork Python programs from an interpreter, which checks their syntax too.
    """

    def __init__(self, cache: BuildCache, run: RunCompiler, *, identity: str, zygote: bool) -> None:
        self.builds = 0
        self.cache_hits = 0
        self._cache = cache
        self._run = run
        self._identity = identity
        self._zygote = zygote
        self._running: dict[str, asyncio.Task[Build]] = {}
        self._waiters: dict[str, int] = {}
        self._versions: dict[str, str] = {}

    async def build(self, program: Program, *, time_s: float, memory_mb: int, job: str) -> Build:
        """See Sandbox.build."""
        language = find_language(program.language)
        # What a model wrote may hold lone surrogates; the compiler shall complain about them, not we.
        sources = {
            name: text.encode("utf-8", errors="surrogatepass")
            for name, text in {language.source: program.source, **program.files}.items()
        }
        for name in sources:
            plain_path(name)
        if not language.compile or (language.zygote and self._zygote):
            return _as_they_are(language, sources)
        self.builds += 1
        key = self._key(language, sources, await self._version(language, job))
        limited = f"{key} {time_s} {memory_mb}"
        found = await self._cache.get(key) or self._cache.recall(limited)
        if found is not None:
            self.cache_hits += 1
            return found.model_copy(update={"cpu_s": 0.0, "cached": True})
        joined = limited in self._running
        if not joined:
            self._running[limited] = asyncio.get_running_loop().create_task(
                self._compile(language, sources, time_s, memory_mb, job, (key, limited))
            )
        return await self._wait_for(limited, joined)

    async def _wait_for(self, key: str, joined: bool) -> Build:
        """Wait for a compilation that others may wait for too; it is cancelled with the last of them."""
        task = self._running[key]
        self._waiters[key] = self._waiters.get(key, 0) + 1
        try:
            build = await asyncio.shield(task)
        finally:
            self._waiters[key] -= 1
            if not self._waiters[key]:
                del self._waiters[key]
                del self._running[key]
                task.cancel()
        if joined:
            self.cache_hits += 1
            return build.model_copy(update={"cpu_s": 0.0, "cached": True})
        return build

    def _key(self, language: Language, sources: dict[str, bytes], version: str) -> str:
        digest = hashlib.sha256()
        for part in (language.model_dump_json().encode(), self._identity.encode(), version.encode()):
            digest.update(len(part).to_bytes(8, "little") + part)
        for name, data in sorted(sources.items()):
            path = plain_path(name)
            digest.update(b"%d %d " % (len(path), len(data)) + path + data)
        return digest.hexdigest()

    async def _version(self, language: Language, job: str) -> str:
        version = self._versions.get(language.name)
        if version is None:
            reply = await self._run(compiler_request(language, language.version, _VERSION_LIMITS), job)
            _check_there(language, reply)
            version = reply.stdout.decode("utf-8", errors="replace")
            self._versions[language.name] = version
        return version

    async def _compile(
        self,
        language: Language,
        sources: dict[str, bytes],
        time_s: float,
        memory_mb: int,
        job: str,
        keys: tuple[str, str],
    ) -> Build:
        limits = RunLimits(
            cpu_time_s=time_s,
            wall_time_s=2 * time_s + 1,
            memory_mb=memory_mb,
            output_bytes=_OUTPUT_BYTES,
            file_size_mb=_ARTIFACT_MB,
            processes=_PROCESSES,
        )
        command = language.compile_command(sources, memory_mb=memory_mb)
        request = compiler_request(language, command, limits, sources=sources, artifact_bytes=_ARTIFACT_MB << 20)
        reply = await self._run(request, job)
        _check_there(language, reply)
        build = _outcome(language, sources, request, reply)
        # Whether it compiles may depend on the limits, and what it compiles to does not.
        await self._cache.put(keys[0] if build.ok or build.reason == "error" else keys[1], build)
        return build


def _as_they_are(language: Language, sources: dict[str, bytes]) -> Build:
    files = tuple([built_file(name, 0o600, data) for name, data in sources.items()])
    return Build(language=language.name, ok=True, files=files)


def _check_there(language: Language, reply: replies.Result) -> None:
    # A compiler below a folder that only root may enter is no more there than one that is missing.
    if reply.missing or (reply.fault or "").startswith("execute: Permission denied"):
        raise ConfigError(
            f"{language.title} is not installed in this sandbox ({reply.fault})",
            remedy=f"install {' '.join(language.packages)} there",
        )
    if reply.status == RunStatus.FAULT:
        raise SandboxError(f"the compiler could not be started: {reply.fault}")


def _outcome(language: Language, sources: dict[str, bytes], request: Request, reply: replies.Result) -> Build:
    """Return what came of a compilation."""
    status, log, cpu_s = RunStatus(reply.status), _log_text(reply.stdout), reply.cpu_us / 1e6
    reason: Literal["error", "time", "memory", "output"] = "error"
    if status is RunStatus.OK and None not in reply.kept:
        if not language.artifacts:
            built = _as_they_are(language, sources)
            return built.model_copy(update={"log": log, "cpu_s": cpu_s})
        pairs = zip(language.artifacts, reply.kept, strict=True)
        files = tuple([built_file(name, 0o700, data) for name, data in pairs if data is not None])
        return Build(language=language.name, ok=True, files=files, log=log, cpu_s=cpu_s)
    if status is RunStatus.OK:
        missing = [name for name, data in zip(request.keep, reply.kept, strict=True) if data is None]
        log = f"{log}\nthe compiler left no file {', '.join(missing)} (at most {_ARTIFACT_MB} MiB)".strip()
    else:
        reason = _REASONS.get(status, "error")
    return Build(language=language.name, ok=False, log=log, reason=reason, cpu_s=cpu_s)


def _log_text(output: bytes) -> str:
    text = output.decode("utf-8", errors="replace").strip()
    return text if len(text) <= STDERR_BYTES else f"{text[:STDERR_BYTES]}\n[... cut]"
