"""A real `solvent worker` process (or a program that runs one with a fault in it), whose output is read as it comes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

START_S = 120.0
STOP_S = 120.0


class LabWorker:
    """The process.

    Args:
        environment: of the process.
        options: of `solvent worker`, such as "-c", "4".
        program: run instead, with the options after its own arguments: a program of tests that runs a worker.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        options: Sequence[str] = (),
        *,
        program: Sequence[str | Path] | None = None,
    ) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._over = False
        command = ["-m", "solvent.service", "worker"] if program is None else [str(part) for part in program]
        self._process = subprocess.Popen(
            [sys.executable, *command, *options],
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it runs and has said that it takes messages."""
        return "ready" in self.lines and self.is_alive()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def ready(self) -> None:
        """Wait until it takes messages."""
        await self.says(lambda line: line == "ready")

    async def says(self, is_it: Callable[[str], bool], *, within_s: float = START_S) -> str:
        """Wait for a line of its output, also an earlier one."""

        def block() -> str | None:
            with self._changed:
                self._changed.wait_for(lambda: self._over or any(map(is_it, self.lines)), within_s)
                return next(filter(is_it, self.lines), None)

        found = await asyncio.to_thread(block)
        assert found is not None, "the worker did not say it:\n" + "\n".join(self.lines)
        return found

    async def dies(self, *, within_s: float = START_S) -> int:
        """Wait until it is gone by itself; returns the exit code, which for a signal is its negative."""

        def block() -> int:
            return self._process.wait(within_s)

        return await asyncio.to_thread(block)

    def kill(self) -> None:
        """SIGKILL it; returns when it is gone. Does nothing where it is gone already."""
        self._process.kill()
        self._process.wait()
        self._reader.join(STOP_S)

    def terminate(self) -> None:
        """Ask it to stop."""
        self._process.send_signal(signal.SIGTERM)

    async def stop(self) -> int:
        """Ask it to stop, wait for that, and return the exit code."""
        self.terminate()
        return await self.dies(within_s=STOP_S)

    def close(self) -> None:
        """Kill it, if it still runs, and let go of its output."""
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()
