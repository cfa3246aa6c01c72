"""Run all probes, look at the languages, and time some programs."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from solvent.errors import ConfigError, SandboxError
from solvent.sandbox.base import Program, RunStatus, Sandbox, SandboxInfo
from solvent.sandbox.check import afterwards, isolation, limits
from solvent.sandbox.check.hello import HELLO
from solvent.sandbox.check.probe import Broken, Finding, Probe, Runs, ending, limits_with, try_out
from solvent.sandbox.languages import Language, languages

PROBES: tuple[Probe, ...] = (*isolation.PROBES, *limits.PROBES, *afterwards.PROBES)

_PROGRAMS = 100
_HELLO_MB, _HELLO_CPU_S, _HELLO_PROCESSES = 512, 20.0, 64
_VERSIONS = """
import json, subprocess, sys
for name, command in json.load(sys.stdin).items():
    nothing, pipe, same = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT
    try: done = subprocess.run(command, stdin=nothing, stdout=pipe, stderr=same, timeout=10)
    except (OSError, subprocess.TimeoutExpired): continue
    line = done.stdout.decode(errors="replace").strip().split("\\n")[0][:120]
    if done.returncode == 0: print(json.dumps([name, line]), flush=True)
"""


@dataclass(frozen=True)
class LanguageFinding:
    """A language of languages.toml in this sandbox. `works` is None where it is not installed."""

    language: Language
    version: str | None
    works: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Speed:
    """What tiny Python programs take here, through the public API."""

    per_s: float
    alone_ms: float
    at_once: int


@dataclass(frozen=True)
class Contract:
    """Everything that was found out about one backend."""

    info: SandboxInfo
    findings: tuple[Finding, ...]
    languages: tuple[LanguageFinding, ...]
    speed: Speed | None

    @property
    def holds(self) -> bool:
        """Whether every promise holds and every installed language works."""
        probes_hold = all(finding.state == "holds" for finding in self.findings)
        return probes_hold and all(found.works is not False for found in self.languages)


@dataclass(frozen=True)
class Progress:
    """Called as the check goes on."""

    begin: Callable[[str], None]
    finding: Callable[[Finding], None]
    language: Callable[[LanguageFinding], None]


async def check_sandbox(sandbox: Sandbox, progress: Progress) -> Contract:
    """Try every promise of a started sandbox. What a probe finds never ends the check.

    Args:
        sandbox: started.
        progress: told before and after each part.
    """
    runs = Runs(sandbox)
    findings = []
    for probe in PROBES:
        progress.begin(probe.promise)
        started = time.perf_counter()
        state, detail = await try_out(probe, runs)
        finding = Finding(probe, state, detail, time.perf_counter() - started)
        findings.append(finding)
        progress.finding(finding)
    found = await check_languages(sandbox, progress)
    progress.begin("speed")
    return Contract(sandbox.info, tuple(findings), tuple(found), await _speed(runs))


async def check_languages(sandbox: Sandbox, progress: Progress) -> list[LanguageFinding]:
    """Build and run a first program in every language that is installed in a started sandbox."""
    progress.begin("versions of the languages")
    versions = await _versions(Runs(sandbox))
    found = []
    for language in languages().values():
        progress.begin(language.title)
        version = versions.get(language.name)
        if version is None:
            finding = LanguageFinding(language, None, None, f"not installed ({' '.join(language.packages)})")
        else:
            finding = await _hello(sandbox, language, version)
        found.append(finding)
        progress.language(finding)
    return found


async def _versions(runs: Runs) -> dict[str, str]:
    """Return the first line that each language's version command prints in the box; missing ones are left out."""
    commands = {language.name: language.version for language in languages().values()}
    try:
        result = await runs.run(
            _VERSIONS,
            stdin=json.dumps(commands).encode(),
            memory_mb=_HELLO_MB,
            processes=_HELLO_PROCESSES,
            cpu_time_s=_HELLO_CPU_S,
            wall_time_s=3 * _HELLO_CPU_S,
        )
    except (Broken, SandboxError):
        return {}
    return dict(json.loads(line) for line in result.stdout.decode().splitlines())


async def _hello(sandbox: Sandbox, language: Language, version: str) -> LanguageFinding:
    source = HELLO.get(language.name)
    if source is None:
        return LanguageFinding(language, version, None, "installed; no program to try it with")
    program = Program(language=language.name, source=source)
    started = time.perf_counter()
    try:
        build = await sandbox.build(program, time_s=60, memory_mb=1024, job="check")
        if not build.ok:
            return LanguageFinding(language, version, False, f"does not compile: {build.log.strip()[:200]}")
        built_s = time.perf_counter() - started
        run_limits = limits_with(memory_mb=_HELLO_MB, cpu_time_s=_HELLO_CPU_S, processes=_HELLO_PROCESSES)
        result = await sandbox.run(build, limits=run_limits, stdin=b"20 22\n", job="check")
    except (ConfigError, SandboxError) as error:
        return LanguageFinding(language, version, False, error.message)
    if result.status is not RunStatus.OK or result.stdout.split() != [b"hello", b"42"]:
        return LanguageFinding(language, version, False, f"{ending(result)}, printed {result.stdout[:80]!r}")
    built = f"built in {built_s:.2f} s, " if language.compile and not build.cached else ""
    return LanguageFinding(language, version, True, f"{built}ran in {result.wall_s * 1e3:.0f} ms")


async def _speed(runs: Runs) -> Speed | None:
    try:
        build = await runs.build("a, b = map(int, input().split()); print(a + b)")
        alone = []
        for _ in range(20):
            started = time.perf_counter()
            await runs.sandbox.run(build, limits=limits_with(), stdin=b"1 2\n", job="check")
            alone.append(time.perf_counter() - started)
        started = time.perf_counter()
        calls = (runs.sandbox.run(build, limits=limits_with(), stdin=b"1 2\n", job="check") for _ in range(_PROGRAMS))
        await asyncio.gather(*calls)
        seconds = time.perf_counter() - started
    except SandboxError:
        return None
    return Speed(_PROGRAMS / seconds, statistics.median(alone) * 1e3, runs.sandbox.slots)
