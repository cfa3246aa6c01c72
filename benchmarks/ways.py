"""Ways to run one tiny Python program with input and without any box of ours: what the sandbox is compared with."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from solvent.benchmarks.machine import system_python

SUM_SOURCE = "a, b = map(int, input().split()); print(a + b)"
"""The tiny program. Every way runs exactly this text."""
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


class WrongOutputError(RuntimeError):
    """A way did not print the sum: its figures would mean nothing."""


class Way(ABC):
    """One way to run a program. `key` names it in JSON, `title` in the table."""

    key: str
    title: str
    share: float = 1.0
    """Of the programs of a sample, where a whole sample would take too long."""

    async def start(self) -> None:  # noqa: B027  most ways have nothing to make ready
        """Make ready; not measured."""

    async def close(self) -> None:  # noqa: B027  as above
        """Release what `start` made."""

    @abstractmethod
    async def alone(self, inputs: Sequence[tuple[int, int]]) -> list[float]:
        """Run one program after the other; return the seconds of each."""

    @abstractmethod
    async def burst(self, inputs: Sequence[tuple[int, int]], parallel: int) -> float:
        """Run all, `parallel` at a time; return the seconds until the last one has ended."""


class BlockingWay(Way):
    """A way whose client blocks; as many threads as programs at a time."""

    @abstractmethod
    def run(self, data: bytes) -> bytes:
        """Run the program on an input; return what it printed."""

    async def alone(self, inputs: Sequence[tuple[int, int]]) -> list[float]:
        """See Way."""
        return await asyncio.to_thread(lambda: [self._timed(one) for one in inputs])

    async def burst(self, inputs: Sequence[tuple[int, int]], parallel: int) -> float:
        """See Way."""

        def work(part: Sequence[tuple[int, int]]) -> None:
            for one in part:
                self._timed(one)

        def all_parts() -> float:
            with ThreadPoolExecutor(parallel) as pool:
                started = time.perf_counter()
                list(pool.map(work, [inputs[index::parallel] for index in range(parallel)]))
                return time.perf_counter() - started

        return await asyncio.to_thread(all_parts)

    def _timed(self, numbers: tuple[int, int]) -> float:
        started = time.perf_counter()
        printed = self.run(input_of(numbers))
        seconds = time.perf_counter() - started
        check(self, numbers, printed)
        return seconds


class AsyncWay(Way):
    """A way whose client does not block."""

    queue = False
    """Whether all programs are handed over at once, because the other side itself runs no more than it should."""

    @abstractmethod
    async def run(self, data: bytes) -> bytes:
        """Run the program on an input; return what it printed."""

    async def alone(self, inputs: Sequence[tuple[int, int]]) -> list[float]:
        """See Way."""
        return [await self._timed(one) for one in inputs]

    async def burst(self, inputs: Sequence[tuple[int, int]], parallel: int) -> float:
        """See Way."""

        async def work(part: Sequence[tuple[int, int]]) -> None:
            for one in part:
                await self._timed(one)

        workers = len(inputs) if self.queue else parallel
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for index in range(workers):
                group.create_task(work(inputs[index::workers]))
        return time.perf_counter() - started

    async def _timed(self, numbers: tuple[int, int]) -> float:
        started = time.perf_counter()
        printed = await self.run(input_of(numbers))
        seconds = time.perf_counter() - started
        check(self, numbers, printed)
        return seconds


def input_of(numbers: tuple[int, int]) -> bytes:
    """Return the program's input."""
    return b"%d %d\n" % numbers


def check(way: Way, numbers: tuple[int, int], printed: bytes) -> None:
    """Refuse a wrong sum.

    Raises:
        WrongOutputError: `printed` is not the sum of `numbers`.
    """
    if printed.strip() != b"%d" % sum(numbers):
        raise WrongOutputError(f"{way.title}: printed {printed[:200]!r} for {numbers}")


class Bare(BlockingWay):
    """No isolation and no limits: the interpreter as a child process."""

    def __init__(self, *, site: bool) -> None:
        self.key = "bare_site" if site else "bare"
        self.title = f"bare python3{'' if site else ' -S'} -c (no isolation)"
        self._command = [system_python(), *([] if site else ["-S"]), "-c", SUM_SOURCE]

    def run(self, data: bytes) -> bytes:
        """See BlockingWay."""
        return subprocess.run(self._command, input=data, capture_output=True, check=False).stdout


class Bubblewrap(BlockingWay):
    """New namespaces per program, by bubblewrap; no limits and no filter of its own."""

    key = "bubblewrap"
    title = "bubblewrap per program"

    def __init__(self) -> None:
        command = [
            shutil.which("bwrap") or "bwrap",
            "--unshare-all",
            "--die-with-parent",
            "--new-session",
            "--clearenv",
        ]
        command += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108  inside
        for name in _SYSTEM_FOLDERS:
            path = Path("/", name)
            if path.is_symlink():
                command += ["--symlink", str(path.readlink()), str(path)]
            elif path.is_dir():
                command += ["--ro-bind", str(path), str(path)]
        self._command = [*command, "--", "/usr/bin/python3", "-S", "-c", SUM_SOURCE]

    def run(self, data: bytes) -> bytes:
        """See BlockingWay."""
        return subprocess.run(self._command, input=data, capture_output=True, check=False).stdout


class FusionStyle(AsyncWay):
    """The shape of SandboxFusion's default mode, without its HTTP server.

    Per request: a temporary directory, the whole source written into it, a shell with rlimits only, wait, read.
    (github.com/bytedance/SandboxFusion, commit 469de08: sandbox/runners/base.py, isolation "none".)
    """

    key = "fusion"
    title = "SandboxFusion-style: folder, bash, rlimits"
    limits = "ulimit -c 0 -n 256 -t 10"

    async def run(self, data: bytes) -> bytes:
        """See AsyncWay."""
        with tempfile.TemporaryDirectory(prefix="solvent-bench-") as folder:
            write(folder, "main.py", SUM_SOURCE)
            return await shell(f"{self.limits} && {system_python()} {folder}/main.py", data, folder)


def write(folder: str, name: str, text: str) -> None:
    """Write a source text; blocks, as the runner that is imitated does."""
    Path(folder, name).write_text(text, encoding="utf-8")


async def shell(command: str, data: bytes, folder: str) -> bytes:
    """Run a command under bash and return what it printed on standard output."""
    process = await asyncio.create_subprocess_exec(
        "/bin/bash",
        "-c",
        command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
    )
    printed, _ = await process.communicate(data)
    return printed
