"""A probe: one promise of the sandbox, and the code that tries to break it through the public API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from solvent.errors import SandboxError
from solvent.sandbox.base import Build, Program, RunLimits, RunResult, RunStatus, Sandbox

MB = 1 << 20
Group = Literal["isolation", "limits", "afterwards", "control"]

_LIMITS = RunLimits(cpu_time_s=2, wall_time_s=8, memory_mb=128, output_bytes=MB)
_COMPILE_S, _COMPILE_MB = 30.0, 1024


class Broken(Exception):  # noqa: N818  it is a finding, not an error of ours
    """The promise does not hold; the text says what was seen."""


@dataclass(frozen=True)
class Probe:
    """One promise. `run` returns what was seen, in a few words, or raises Broken."""

    name: str
    group: Group
    promise: str
    run: Callable[[Runs], Awaitable[str]]
    guarantee: str | None = None
    """The name in SandboxInfo.guarantees that says whether this backend promises it here; None: always."""
    remedy: str = ""


class Runs:
    """What a probe does with a sandbox: builds and runs of small programs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def build(self, source: str, language: str = "python", *, time_s: float = _COMPILE_S) -> Build:
        """Build a program; see Sandbox.build."""
        program = Program(language=language, source=source)
        return await self.sandbox.build(program, time_s=time_s, memory_mb=_COMPILE_MB, job="check")

    async def run(self, source: str, language: str = "python", *, stdin: bytes = b"", **limits: Any) -> RunResult:
        """Build and run a program; `limits` are fields of RunLimits.

        Raises:
            Broken: it does not compile, or the sandbox itself failed.
        """
        build = await self.build(source, language)
        if not build.ok:
            raise Broken(f"a probe's program does not compile: {build.log[:200]}")
        result = await self.sandbox.run(build, limits=limits_with(**limits), stdin=stdin, job="check")
        if result.status is RunStatus.FAULT:
            raise Broken(f"the sandbox itself failed: {result.fault}")
        return result

    async def printed(self, source: str, *, stdin: bytes = b"", **limits: Any) -> str:
        """Run a Python program that must end well; return what it printed, stripped.

        Raises:
            Broken: it ended otherwise.
        """
        result = await self.run(source, stdin=stdin, **limits)
        if result.status is not RunStatus.OK:
            raise Broken(f"the probe's program ended with {ending(result)}")
        return result.stdout.decode(errors="replace").strip()

    async def number(self, source: str, **limits: Any) -> int:
        """Run a Python program that prints a number; return it.

        Raises:
            Broken: it ended otherwise, or printed something else.
        """
        printed = await self.printed(source, **limits)
        if not printed.isdecimal():
            raise Broken(f"the probe's program printed {printed[:200]!r} instead of a number")
        return int(printed)

    async def nothing_printed(self, source: str, *, stdin: bytes = b"", **limits: Any) -> None:
        """Run a Python program that prints whatever it could do and should not have.

        Raises:
            Broken: it printed something.
        """
        found = await self.printed(source, stdin=stdin, **limits)
        if found:
            raise Broken(found[:300].replace("\n", "; "))

    async def ends_with(self, source: str, status: RunStatus, **limits: Any) -> RunResult:
        """Run a Python program that must end with `status`.

        Raises:
            Broken: it ended otherwise.
        """
        result = await self.run(source, **limits)
        if result.status is not status:
            raise Broken(f"expected {status.value}, got {ending(result)}")
        return result

    async def still_serves(self) -> None:
        """Run a harmless program.

        Raises:
            Broken: it does not run as it should.
        """
        printed = await self.printed("print(6 * 7)")
        if printed != "42":
            raise Broken(f"the next program printed {printed!r} instead of '42'")


def limits_with(**limits: Any) -> RunLimits:
    """Return the usual limits of a probe with some of them changed."""
    return _LIMITS.model_copy(update=limits)


def ending(result: RunResult) -> str:
    """Return how a run ended, in a few words."""
    parts = [result.status.value]
    if result.exit_code is not None and result.status is RunStatus.EXIT:
        parts.append(f"code {result.exit_code}")
    if result.signal is not None:
        parts.append(f"signal {result.signal}")
    said = result.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return " ".join(parts) + (f" ({said[:200]})" if said else "")


@dataclass(frozen=True)
class Finding:
    """What a probe found.

    `weaker`: it does not hold, and the backend says so in its guarantees. `broken`: it does not hold although promised.
    """

    probe: Probe
    state: Literal["holds", "weaker", "broken"]
    detail: str
    seconds: float


async def try_out(probe: Probe, runs: Runs) -> tuple[Literal["holds", "weaker", "broken"], str]:
    """Run one probe; return its state and what was seen."""
    promised = probe.guarantee is None or runs.sandbox.info.guarantees.get(probe.guarantee, False)
    try:
        detail = await probe.run(runs)
    except Broken as finding:
        return ("broken" if promised else "weaker"), str(finding)
    except SandboxError as error:
        return "broken", f"the sandbox itself failed: {error.message}"
    return ("holds" if promised else "weaker"), detail
