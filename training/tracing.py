"""What a Python program does on one input: its output, its last error line, and the values of its lines.

Standard library only: the sandbox runs this file as the harness of programs that a model wrote, each run in a process
of its own; for mutants of our own programs the same functions are called in the training process. As the harness it
reads JSON from standard input, [[source, entry point, input], ...], and prints one JSON object for each run (null where
a program did not end well with its process). It knows no expected output. A program can forge its own trace and nothing
else.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import resource
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import CodeType, FrameType
from typing import Any

TRACE_LINES = 12
"""Most lines of a trace; of a longer one the first eleven and the last are kept."""
VALUE_CHARACTERS = 60
"""A longer value is cut."""
_FILE = "program.py"
_CPU_S, _WALL_S, _OUTPUT_BYTES = 1, 3.0, 1 << 16
_RANGE_LIMIT = 1_000_000
_OUTPUT_LIMIT = 1 << 16


@dataclass(frozen=True)
class Observation:
    """One run.

    Attributes:
        output: What the program printed, or the repr of what the function returned; None where it failed.
        error: The last line of the traceback where it failed.
        trace: The values after each executed line, at most `TRACE_LINES`; the error is the last one where it failed.
            Empty where no trace was asked for.
    """

    output: str | None
    error: str = ""
    trace: tuple[str, ...] = ()


class _TooLongError(BaseException):
    """The time is up. Not an `Exception`, so that a program does not catch it by the way."""


class Runnable:
    """A program, or a module that defines a function, compiled once.

    Args:
        source: A program that reads its input from standard input, or a module that defines the entry point.
        entry_point: Name of the function that is called; "" for a program.
    """

    def __init__(self, source: str, entry_point: str = "") -> None:
        self._entry_point = entry_point
        self._broken = ""
        try:
            self._tree = ast.parse(source, _FILE)
            self._code = compile(self._tree, _FILE, "exec")
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            self._broken = _last_line(error)

    @property
    def broken(self) -> str:
        """Why it cannot be run at all; empty if it can."""
        return self._broken

    def observe(self, text: str, *, trace: bool = False, limit_s: float | None = None) -> Observation:
        """Run it on one input.

        Args:
            text: The input: lines, or the arguments of a call ("[1, 2], 3").
            trace: Whether to note the values of its lines.
            limit_s: Most seconds of wall time.

        Raises:
            RuntimeError: there is a limit and this is not the main thread, in which alone it can be kept.
        """
        if limit_s is not None and threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a program's time can be limited in the main thread only")
        if self._broken:
            return Observation(None, self._broken, (self._broken,) if trace else ())
        printed = _Printed()
        tracer = _Tracer(self._tree, self._entry_point, printed) if trace else None
        given, shown_on = sys.stdin, sys.stdout
        sys.stdin, sys.stdout = io.StringIO("" if self._entry_point else text + "\n"), printed
        try:
            with _limited(limit_s), _traced(tracer):
                output = _carry_out(self._code, self._entry_point, text, printed)
        except (Exception, SystemExit, _TooLongError) as error:  # noqa: BLE001 - whatever it raises is its result
            line = "the time is up" if isinstance(error, _TooLongError) else _last_line(error)
            return Observation(None, line, tracer.finish(line) if tracer else ())
        finally:
            sys.stdin, sys.stdout = given, shown_on
        return Observation(output, "", tracer.finish() if tracer else ())


def _carry_out(code: CodeType, entry_point: str, text: str, printed: io.StringIO) -> str:
    space: dict[str, Any] = {"__name__": "solution" if entry_point else "__main__", "range": _bounded_range}
    try:
        exec(code, space)  # noqa: S102 - our own programs, or a model's within the sandbox
    except SystemExit as end:
        if entry_point or end.code not in (None, 0):
            raise
    if not entry_point:
        return printed.getvalue()
    arguments = ast.literal_eval(f"({text},)")
    return repr(space[entry_point](*arguments))


def _bounded_range(*bounds: int) -> range:
    """A range whose length no mutant can blow up: nothing in Python ends a `sum` over a huge one."""
    numbers = range(*bounds)
    if len(numbers) > _RANGE_LIMIT:
        raise ValueError("the range is too long")
    return numbers


class _Printed(io.StringIO):
    """Standard output that ends a program which prints too much."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > _OUTPUT_LIMIT:
            raise _TooLongError
        return super().write(text)


@contextlib.contextmanager
def _limited(limit_s: float | None) -> Iterator[None]:
    if limit_s is None:
        yield
        return

    def ring(*_: object) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _traced(tracer: _Tracer | None) -> Iterator[None]:
    before = sys.gettrace()
    if tracer is not None:
        sys.settrace(tracer.called)
    try:
        yield
    finally:
        if tracer is not None:
            sys.settrace(before)


def _last_line(error: BaseException) -> str:
    return " ".join(traceback.format_exception_only(type(error), error)[-1].split())


class _Tracer:
    """Notes what each executed line of the program, or of the entry point's first call, made of its variables."""

    def __init__(self, tree: ast.Module, entry_point: str, printed: io.StringIO) -> None:
        self._place = entry_point or "<module>"
        self._targets = {node.lineno: _names(node) for node in ast.walk(tree) if isinstance(node, ast.stmt)}
        self._frame: FrameType | None = None
        self._line = 0
        self._shown = 0
        self._lines: list[str] = []
        self._last = ""
        self._printed = printed

    def called(self, frame: FrameType, event: str, argument: object) -> Any:
        """The trace function of every call; only one frame is followed."""
        del event, argument
        wanted = frame.f_code.co_filename == _FILE and frame.f_code.co_name == self._place
        if not wanted or self._frame is not None:
            return None
        self._frame = frame
        return self._followed

    def _followed(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self._note(frame)
            self._line = frame.f_lineno
        elif event == "return":
            returns = self._targets.get(self._line)
            if argument is not None and returns == ("return",):
                self._add(shown(argument))
            else:
                self._note(frame)
            self._line = 0
        return self._followed

    def _note(self, frame: FrameType) -> None:
        """Note what the line that was just carried out has assigned or printed."""
        text = self._printed.getvalue()[self._shown :]
        if text:
            self._shown += len(text)
            self._add(text.rstrip("\n").replace("\n", "\\n")[:VALUE_CHARACTERS])
            return
        values = [frame.f_locals[name] for name in self._targets.get(self._line, ()) if name in frame.f_locals]
        if values:
            self._add(", ".join(map(shown, values))[:VALUE_CHARACTERS])

    def _add(self, line: str) -> None:
        self._last = line
        if len(self._lines) < TRACE_LINES:
            self._lines.append(line)

    def finish(self, error: str = "") -> tuple[str, ...]:
        """The trace, with the error as its last line where there is one."""
        self._frame = None
        if error:
            self._add(error[:VALUE_CHARACTERS])
        if self._lines and len(self._lines) == TRACE_LINES:
            self._lines[-1] = self._last
        return tuple(self._lines)


def shown(value: object) -> str:
    """A value as traces show it: its repr, cut, on one line and without addresses."""
    text = repr(value)
    if " at 0x" in text:
        text = type(value).__name__
    return text.replace("\n", "\\n")[:VALUE_CHARACTERS]


def _names(node: ast.stmt) -> tuple[str, ...]:
    """The variables that a statement assigns to or changes in place; of a loop those of its head."""
    if isinstance(node, ast.Return):
        return ("return",)
    if isinstance(node, ast.Assign):
        return tuple(dict.fromkeys(name for target in node.targets for name in _roots(target)))
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return tuple(_roots(node.target))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return tuple(_roots(node.value.func.value))
    return ()


def _roots(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _roots(part)
    elif isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        yield from _roots(target.value)


def _child(source: str, entry_point: str, text: str, out: int) -> None:
    """Observe the program in this process, which ends with it."""
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        found = Runnable(source, entry_point).observe(text, trace=True)
        with open(out, "wb") as file:
            file.write(json.dumps(asdict(found)).encode())
    finally:
        os._exit(0)


def _apart(source: str, entry_point: str, text: str) -> Any:
    """Observe a program in a process of its own; None if it runs too long, says too much or breaks off."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        _child(source, entry_point, text, write_end)
    os.close(write_end)
    answer, deadline, whole = b"", time.monotonic() + _WALL_S, False
    while len(answer) <= 2 * _OUTPUT_BYTES and time.monotonic() < deadline:
        if not select.select([read_end], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        piece = os.read(read_end, 1 << 16)
        if not piece:
            whole = True
            break
        answer += piece
    os.close(read_end)
    if not whole:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        return json.loads(answer) if whole else None
    except (ValueError, RecursionError):
        return None


if __name__ == "__main__":
    json.dump([_apart(*run) for run in json.load(sys.stdin)], sys.stdout)
