"""How values and errors of a cell are shown."""

import importlib.util
import os
import sys
import traceback
from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_SYMPY_OBJECTS = ("Basic", "MatrixBase", "Printable")
_NO_MAGIC = "this is plain Python: there are no shell commands (!) and no magics (%)"
_PACKAGES = ("numpy", "scipy", "sympy", "networkx", "matplotlib")


def value(result: Any, characters: int) -> dict[str, Any]:
    """Return how a value is shown: `repr`, `type`, `cut`, and for sympy `text` and `latex`."""
    text = repr(result)
    shown = {"repr": _cut(text, characters), "type": _type_name(result), "cut": len(text) > characters}
    sympy = sys.modules.get("sympy")
    if sympy is not None and any(kind.__name__ in _SYMPY_OBJECTS for kind in type(result).__mro__):
        shown["text"] = _cut(str(result), characters)
        latex = sympy.latex(result)
        if len(latex) <= characters:
            shown["latex"] = latex
    return shown


def error(raised: BaseException, code: str, name: str, characters: int) -> dict[str, Any]:
    """Return how an exception of a cell is shown: type, message, traceback, line of the cell, hint."""
    shown = traceback.TracebackException.from_exception(raised, compact=True)
    _drop_own_frames(shown)
    text = "".join(shown.format())
    line = None
    for frame in shown.stack:
        if frame.filename == name:
            line = frame.lineno
    if isinstance(raised, SyntaxError) and raised.filename == name:
        line = raised.lineno
    message = shown.msg if isinstance(raised, SyntaxError) else str(shown)
    found = {"type": _type_name(raised), "message": _cut(message or "", characters), "line": line}
    return {**found, "traceback": _cut(text, characters), "hint": _hint(raised, code, line)}


def _drop_own_frames(shown: traceback.TracebackException) -> None:
    """Leave out the kernel's own frames: before the cell's first, and where the cell called the kernel."""
    pending: list[traceback.TracebackException | None] = [shown]
    while pending:
        one = pending.pop()
        if one is not None:
            one.stack[:] = [frame for frame in one.stack if os.path.dirname(frame.filename) != _FOLDER]
            pending += [one.__cause__, one.__context__]


def _hint(raised: BaseException, code: str, line: int | None) -> str | None:
    if isinstance(raised, SyntaxError):
        lines = code.splitlines()
        text = lines[line - 1].strip() if line and line <= len(lines) else ""
        if "pip install" in text or "conda install" in text:
            return _no_install()
        return _NO_MAGIC if text.startswith(("!", "%")) else None
    if isinstance(raised, ModuleNotFoundError):
        return _no_install()
    if isinstance(raised, SystemExit):
        return "exit() ends the cell only; the variables are kept"
    return None


def _no_install() -> str:
    there = [name for name in _PACKAGES if importlib.util.find_spec(name) is not None]
    return f"no package can be installed here; beside the standard library there is {', '.join(there) or 'none'}"


def _type_name(item: object) -> str:
    kind = type(item)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _cut(text: str, characters: int) -> str:
    """Return the text, without its middle where it is too long."""
    if len(text) <= characters:
        return text
    head = characters * 3 // 4
    return f"{text[:head]} [... {len(text) - characters} characters left out ...] {text[head - characters :]}"
