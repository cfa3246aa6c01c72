"""Whether two final answers of mathematics are the same, decided by cheap exact rules and then by computer algebra.

The algebra (`math-verify` on SymPy) can hang or eat memory on texts that a model wrote, so it runs in one long-lived
child process with a memory limit, is killed at the time limit, and starts again at the next question.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from solvent.errors import DependencyError
from solvent.problems.answers import extract_answer, normalise, quick_verdict, simple_value

START_TIMEOUT_S = 120.0
"""Importing SymPy takes seconds, on a busy machine many; it is not counted as time of a question."""
LONGEST_ANSWER = 20_000

__all__ = ["MathWorker", "Unknown", "equivalent", "extract_answer", "normalise", "simple_value"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither equivalent nor not: the reason says why. It is false, so that a doubt never counts as a right answer."""

    reason: str

    def __bool__(self) -> bool:
        return False


def equivalent(gold: str, answer: str, timeout_s: float = 5.0) -> bool | Unknown:
    r"""Return whether `answer` is mathematically the same as `gold`.

    Both may be bare (`\frac{1}{2}`, `0.5`) or texts that hold the answer in `$...$` or `\boxed{...}`. Not symmetric:
    a gold `x = 5` takes the answer `5`, and numbers are compared to six decimals. Words are compared as text.
    May be called from any thread; questions are answered one at a time. It blocks: call it from a thread in asyncio.

    Raises:
        DependencyError: the child process cannot be started.
    """
    quick = quick_verdict(gold, answer)
    if quick is not None:
        return quick
    if max(len(gold), len(answer)) > LONGEST_ANSWER:
        return Unknown(f"longer than {LONGEST_ANSWER} characters")
    return _shared.equivalent(_for_algebra(gold), _for_algebra(answer), timeout_s)


def _for_algebra(text: str) -> str:
    value = simple_value(normalise(text))
    # The library would read a currency sign as the start of LaTeX, and a unit as a product of letters.
    return text if value is None or value.denominator != 1 else str(value)


class MathWorker:
    """The child process that asks the algebra system. Started at the first question; restarted after a time-out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._buffer = b""

    def equivalent(self, gold: str, answer: str, timeout_s: float) -> bool | Unknown:
        """Ask the child; kill it if it has no answer after `timeout_s` seconds.

        Raises:
            DependencyError: the child cannot be started.
        """
        with self._lock:
            process = self._running()
            request = json.dumps({"gold": gold, "answer": answer, "timeout_s": timeout_s}).encode() + b"\n"
            if not self._write(process, request):
                self._stop()
                return Unknown("the algebra process ended unexpectedly")
            reply = self._read(process, timeout_s)
            if isinstance(reply, Unknown):
                self._stop()
                return reply
        if "unknown" in reply:
            return Unknown(str(reply["unknown"]))
        return bool(reply["equivalent"])

    def close(self) -> None:
        """End the child process. A later question starts a new one."""
        with self._lock:
            self._stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self._stop()
        # -P: modules of the current directory must not be taken for the library's.
        command = [sys.executable, "-P", "-m", "solvent.problems.math_worker"]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
        except OSError as error:
            raise DependencyError(f"cannot start the algebra process: {error}") from error
        self._process, self._owner, self._buffer = process, os.getpid(), b""
        ready = self._read(process, START_TIMEOUT_S)
        if isinstance(ready, Unknown):
            self._stop()
            raise DependencyError(
                f"the algebra process does not start: {ready.reason}",
                remedy="run `python -m solvent.problems.math_worker` to see why; it needs the package math-verify",
            )
        return process

    def _write(self, process: subprocess.Popen[bytes], request: bytes) -> bool:
        assert process.stdin is not None
        unwritten = memoryview(request)
        try:
            while unwritten:  # a pipe may take less than it is given
                unwritten = unwritten[process.stdin.write(unwritten) or 0 :]
        except BrokenPipeError:
            return False
        return True

    def _read(self, process: subprocess.Popen[bytes], timeout_s: float) -> dict[str, object] | Unknown:
        assert process.stdout is not None
        end = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, end - time.monotonic())):
                    return Unknown(f"no decision within {timeout_s:g} s")
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    return Unknown("the algebra process ended unexpectedly")
                self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        reply: dict[str, object] = json.loads(line)
        return reply

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():  # after a fork the child belongs to the parent
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


_shared = MathWorker()
atexit.register(_shared.close)
