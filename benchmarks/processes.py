"""Processes that a benchmark starts, and what they use: processor time and memory, as Linux counts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from solvent.errors import DependencyError

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int) -> list[str]:
    # The name, in parentheses, may have spaces.
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


def cpu_s(pid: int) -> float:
    """Return the processor time (user and system) of a process, without its children."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_cpu_s(pid: int) -> float:
    """Return the processor time of a process and of all children that it has or had, such as a PostgreSQL's."""
    fields = _stat(pid)
    total = sum(int(field) for field in fields[11:15]) / _TICKS
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (thread / "children").read_text(encoding="ascii").split()
            total += sum(map(family_cpu_s, map(int, children)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10^6 bytes)."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6


def pin(pid: int, cores: Iterable[int]) -> None:
    """Let a process and all its children run on these cores only."""
    cores = set(cores)
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (thread / "children").read_text(encoding="ascii").split()
            os.sched_setaffinity(int(thread.name), cores)
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in children:
            try:
                pin(int(child), cores)
            except FileNotFoundError:
                continue


class Process:
    """A process that says on standard output when it is ready.

    Args:
        command: what is run.
        ready: regular expression of the line; its group, if it has one, is kept as `said`.
        environment: its environment.
        log: file for its standard error and further output.
    """

    def __init__(self, command: Sequence[str], ready: str, environment: Mapping[str, str], log: Path) -> None:
        self._log = log.open("a")
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=dict(environment)
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(ready, line)
            if found:
                self.said = found[found.lastindex or 0]
                return
        self.stop()
        raise DependencyError(f"{' '.join(command[:6])} did not start: {log.read_text()[-1000:]}")

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.stop()

    def stop(self) -> None:
        """Ask it to end, and at last make it; safe to call twice."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._process.stdout.close()
        self._log.close()


@contextmanager
def started(command: Sequence[str], ready: str, environment: Mapping[str, str], log: Path) -> Iterator[Process]:
    """Start a process, and stop it at the end."""
    process = Process(command, ready, environment, log)
    try:
        yield process
    finally:
        process.stop()


def solvent(*arguments: str) -> list[str]:
    """Return the command of `solvent` in this environment."""
    return [sys.executable, "-c", "from solvent.service.cli.main import main; main()", *arguments]
