"""The process that runs the cells: their names, their last values, their errors.

It reads cells, one JSON object a line, and writes a report for each. What a cell prints goes where descriptors 1 and 2
lead. A cell can do to this process what it likes: the monitor (main.py) takes nothing from it but a report.
"""

import ast
import builtins
import contextlib
import json
import linecache
import os
import signal
import sys
import threading
import types
import warnings
from typing import Any, NoReturn

import solvent_plots  # type: ignore[import-not-found]  # beside this file only in the box
import solvent_show  # type: ignore[import-not-found]  # as above

_THREAD_STACK_BYTES = 8 << 20
_BUILTINS = dict(vars(builtins))


class NoInputError(EOFError):
    """A cell asked for input."""


def _no_input(*_: object) -> NoReturn:
    raise NoInputError("input() does not work here: nobody answers. Put the values into the code")


def _leave(code: object = None) -> NoReturn:
    raise SystemExit(code)


class Cells:
    """Runs cells in one module.

    Args:
        limits: of what is reported: `value_characters`, `traceback_characters`, `figures`, `figure_bytes`.
    """

    def __init__(self, limits: dict[str, int]) -> None:
        self._limits = limits
        self._running = False
        self._module = types.ModuleType("__main__")
        sys.modules["__main__"] = self._module
        self._modules = dict(sys.modules)
        vars(self._module)["__builtins__"] = builtins
        _BUILTINS.update(input=_no_input, exit=_leave, quit=_leave)
        signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, *_: object) -> None:
        if self._running:
            self._running = False
            raise KeyboardInterrupt

    def run(self, code: str, number: int) -> dict[str, Any]:
        """Run one cell and return its report. Nothing that the cell raises passes."""
        name = f"<cell {number}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        report: dict[str, Any] = {"cell": number}
        restore = vars(builtins).update
        restore(_BUILTINS)
        everything = BaseException  # a cell may delete the name
        for module in [module for module in self._modules if module not in sys.modules]:
            sys.modules[module] = self._modules[module]
        signal.signal(signal.SIGINT, self._interrupted)
        try:
            try:
                self._running = True
                value = self._execute(code, name)
                if value is not None:
                    restore(_BUILTINS)
                    vars(self._module)["_"] = value
                    report["value"] = solvent_show.value(value, self._limits["value_characters"])
                solvent_plots.show()
                _flush()
                self._running = False
            except everything as error:  # whatever a cell raises is its result
                restore(_BUILTINS)
                self._running = False
                report["error"] = solvent_show.error(error, code, name, self._limits["traceback_characters"])
        except everything as error:  # of its exception's own methods, or an interrupt in between
            restore(_BUILTINS)
            self._running = False
            report["error"] = {"type": type(error).__name__, "message": "", "traceback": "", "line": None}
        restore(_BUILTINS)
        report["figures"] = solvent_plots.take(self._limits["figures"], self._limits["figure_bytes"])
        return report

    def _execute(self, code: str, name: str) -> Any:
        """Run the code; return the value of a last line that is an expression, None where there is none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(code, name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = tree.body.pop()
        namespace = vars(self._module)
        namespace.setdefault("__builtins__", builtins)
        restore = vars(builtins).update
        if tree.body:
            exec(compile(tree, name, "exec", dont_inherit=True), namespace)  # noqa: S102  this is what it is for
            restore(_BUILTINS)
        if not isinstance(last, ast.Expr):
            return None
        value = eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), namespace)  # noqa: S307
        restore(_BUILTINS)
        return None if code.rstrip().endswith(";") else value


def _open_streams() -> None:
    """Open the standard streams anew if a cell has closed or replaced them."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if _is_ours(getattr(sys, name, None), getattr(sys, f"__{name}__", None)):
            continue
        stream = open(  # noqa: SIM115  it stays open
            descriptor, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()


def _is_ours(stream: Any, original: Any) -> bool:
    try:
        stream.flush()
    except BaseException:  # noqa: BLE001  it may be anything
        return False
    return stream is original


def serve(cells: int, reports: int, limits: dict[str, int]) -> NoReturn:
    """Run cells until there are no more."""
    runner = Cells(limits)
    sys.meta_path.append(solvent_plots.BackendFinder)
    threading.stack_size(_THREAD_STACK_BYTES)
    own, output = os.getpid(), os.dup(1)
    sys.stdout = None  # that of the start is not line-buffered
    with os.fdopen(cells, "rb") as source:
        for line in source:
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            _open_streams()
            request = json.loads(line)
            report = runner.run(request["code"], request["cell"])
            if os.getpid() != own:  # a child that the cell has forked, and that has come to the cell's end
                os._exit(0)
            data = json.dumps(report).encode() + b"\n"
            while data:
                data = data[os.write(reports, data) :]
    os._exit(0)
