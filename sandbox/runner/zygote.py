"""The zygote: a Python interpreter that has loaded what programs import most, and forks them.

The supervisor starts it before the first request. It holds nothing of any request: `serve` (zygote.c) returns only in
the process of a program, which is set up by then and runs the program as `python3 FILE` would.
"""

import atexit
import ctypes
import gc
import importlib.machinery
import io
import os
import random
import signal
import sys
import threading
import traceback
import types
from typing import NoReturn

_STATUS = 3
_PRELOADED = (
    "array base64 bisect cmath collections contextlib copy dataclasses datetime decimal enum fractions functools "
    "hashlib heapq io itertools json linecache math operator queue random re statistics string struct textwrap time "
    "typing warnings"
)
_KILLED_BY_INTERRUPT = -2


def _set_environment(texts: list[bytes]) -> None:
    """Change what differs: most of it is as the zygote was started with."""
    wanted = dict(text.split(b"=", 1) for text in texts)
    present: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # without encoding anew what is there
    for name in [name for name in present if name not in wanted]:
        del os.environb[name]
    for name, value in wanted.items():
        if present.get(name) != value:
            os.putenv(name, value)
            present[name] = value


def _open_streams() -> None:
    """Open the standard streams anew: those of the start take descriptors 0 to 2 for files, and these are pipes."""
    for name, descriptor, mode, errors in (
        ("stdin", 0, "r", "surrogateescape"),
        ("stdout", 1, "w", "surrogateescape"),
        ("stderr", 2, "w", "backslashreplace"),
    ):
        newline = "\n" if mode == "w" else None
        raw = io.FileIO(descriptor, mode, closefd=False)
        raw.name = f"<{name}>"
        binary = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
        stream = io.TextIOWrapper(binary, "utf-8", errors, newline, line_buffering=name == "stderr")
        setattr(stream, "mode", mode)  # noqa: B010  typed as read-only, and the interpreter sets it too
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _compile(path: str) -> types.CodeType:
    """Return the program's code, or end the process as an interpreter does that cannot read its script."""
    try:
        with open(path, "rb") as file:
            source = file.read()
        return compile(source, path, "exec", dont_inherit=True)
    except BaseException as error:  # noqa: BLE001  nothing of the program runs yet
        os.write(_STATUS, b"compile")
        error.__traceback__ = None
        sys.excepthook(type(error), error, None)
        _leave(1)


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201  as the interpreter does
    return 1


def _show(error: BaseException) -> int:
    """Report an exception that nobody caught, without the frame that is ours; return the exit code."""
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit as again:
        return _exit_code(again.code)
    except BaseException:  # noqa: BLE001  the program's own hook
        traceback.print_exc()
    return _KILLED_BY_INTERRUPT if isinstance(error, KeyboardInterrupt) else 1


def _leave(code: int) -> NoReturn:
    """End as the interpreter does: threads, exit handlers, the module's objects, streams.

    Its last steps, in which nothing of the program runs any more, are left out.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter itself calls
    except BaseException:  # noqa: BLE001  as above
        traceback.print_exc()
    atexit._run_exitfuncs()
    names = vars(sys.modules.get("__main__", types))
    if names.get("__name__") == "__main__":
        for private in (True, False):
            for name in [name for name in names if name.startswith("_") is private and name != "__builtins__"]:
                names[name] = None
        gc.collect()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BaseException:  # noqa: BLE001  a stream may be the program's own object
            code = 120 if stream is sys.stdout else code
    if code == _KILLED_BY_INTERRUPT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code)


def _run(told: bytes) -> NoReturn:
    # As after any fork: other random numbers than its siblings', and the thread's own number.
    random.seed()
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]  # what `threading` calls then
    connected, count, *texts = told.split(b"\0")[:-1]
    arguments = [os.fsdecode(text) for text in texts[: int(count)]]
    _set_environment(texts[int(count) :])
    directory = os.environ["PWD"]
    path = f"{directory}/{arguments[0]}"
    if connected == b"1":
        _open_streams()
    sys.argv = arguments
    sys.orig_argv = ["python3", *arguments]
    module = types.ModuleType("__main__")
    vars(module).update(
        __file__=path,
        __builtins__=__builtins__,
        __cached__=None,
        __annotations__={},
        __loader__=importlib.machinery.SourceFileLoader("__main__", path),
    )
    sys.modules["__main__"] = module
    code = _compile(path)
    os.close(_STATUS)
    # Only now: a coding of the source may import modules, and none of the program's may run while _STATUS is open.
    sys.path.insert(0, directory)
    gc.enable()
    try:
        exec(code, vars(module))  # noqa: S102  this is what the process is for
    except SystemExit as error:
        status = _exit_code(error.code)
    except BaseException as error:  # noqa: BLE001  nobody else catches it
        status = _show(error)
    else:
        status = 0
    _leave(status)


def main() -> None:
    """Load modules, then serve until the supervisor hangs up."""
    for name in _PRELOADED.split():
        importlib.import_module(name)
    library = ctypes.PyDLL("/solvent/zygote.so")
    del sys.path[0]
    gc.disable()
    gc.collect()
    gc.freeze()
    serve = library.serve
    serve.restype = ctypes.py_object
    _run(serve())


if __name__ == "__main__":
    main()
