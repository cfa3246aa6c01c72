"""The programs that a problem brings beside its solutions: checkers and interactors. Each is built once per judging."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from solvent.errors import SandboxError
from solvent.problems.problem import Limits, Solution
from solvent.sandbox.base import Build, Program, RunLimits, Sandbox
from solvent.sandbox.judgement import run_limits
from solvent.sandbox.languages import find_language

LIMITS = Limits(cpu_time_s=60, wall_time_s=121, memory_mb=1024, output_mb=8, compile_time_s=60, compile_memory_mb=1024)
"""As in Kattis' problemtools; for problems that state none."""


def encode(text: str) -> bytes:
    """Return test data as bytes: bytes that are no UTF-8 stand in the text as lone surrogates (surrogateescape)."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class SettersPrograms:
    """The programs that a problem brings, each built once.

    Args:
        sandbox: a started sandbox.
        limits: of compiling and of each run.
        job: who asks.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits | None, job: str) -> None:
        self.sandbox = sandbox
        self.limits = limits or LIMITS
        self.job = job
        self.cpu_s = 0.0
        """CPU seconds of compiling."""
        self._builds: dict[tuple[object, ...], Build] = {}
        self._lock = asyncio.Lock()

    @property
    def run_limits(self) -> RunLimits:
        """Of each run."""
        return run_limits(self.limits)

    async def build(self, program: Program, what: str) -> Build:
        """Return the built program.

        Raises:
            SandboxError: it does not compile, or the sandbox failed.
            ConfigError: its language is not there.
        """
        key = (program.language, program.source, tuple(program.files.items()))
        async with self._lock:
            build = self._builds.get(key)
            if build is None:
                limits = self.limits
                build = await self.sandbox.build(
                    program, time_s=limits.compile_time_s, memory_mb=limits.compile_memory_mb, job=self.job
                )
                self.cpu_s += build.cpu_s
                self._builds[key] = build
        if not build.ok:
            raise SandboxError(f"the problem's {what} does not compile: {build.log[:2000]}")
        return build


def program_of(solution: Solution, files: Mapping[str, str]) -> Program:
    """Return a program that comes with a problem, with the files beside it."""
    beside = {**solution.files, **files}
    if solution.files and solution.file_name and not find_language(solution.language).artifacts:
        # Its modules may import it by this name; it is also the main program, under the language's own.
        beside.setdefault(solution.file_name, solution.source)
    return Program(language=solution.language, source=solution.source, files=beside)


def called(call: tuple[str, ...], own: tuple[str, str, str], arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments of a program with testlib: those of the package's own form, or the usual ones.

    Args:
        call: the package's form, with {input}, {output} and {answer}; empty: the usual one.
        own: names of the three files.
        arguments: further ones.
    """
    names = dict(zip(("{input}", "{output}", "{answer}"), own, strict=True))
    words = []
    for word in call or ("{input}", "{output}", "{answer}"):
        filled = word
        for mark, name in names.items():
            filled = filled.replace(mark, name)
        words.append(filled)
    return (*words, *arguments)
