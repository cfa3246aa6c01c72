"""Tests of a candidate function. The request is JSON on standard input, the answers JSON lines on standard output.

The candidate runs in a process that is forked before the request is read, and that can neither read this one (it is
not dumpable, and its input is not the candidate's) nor answer in its place: plain values are all that comes back. The
expected values of `call` tests never come here, the judge compares; the code of `code` tests runs in this process.
"""

import ast
import contextlib
import ctypes
import importlib
import json
import os
import signal
import stat
import sys
import time
import traceback
import types
from collections.abc import Iterator
from typing import Any

# From here on nothing is imported from this directory, into which the candidate can write.
import solvent_host  # type: ignore[import-not-found]  # beside this file only in the box
from solvent_line import CandidateGone, Line  # type: ignore[import-not-found]  # as above
from solvent_reading import (  # type: ignore[import-not-found]  # as above
    ALIASES,
    looks_at_arguments,
    needed,
    uses_objects,
)
from solvent_stand_ins import UnsupportedError  # type: ignore[import-not-found]  # as above
from solvent_values import decode  # type: ignore[import-not-found]  # as above

_PR_SET_DUMPABLE = 4
_REASON = 2000

sys.path[:] = [folder for folder in sys.path if folder not in ("", os.getcwd())]
sys.set_int_max_str_digits(0)


def start_candidate(program: types.CodeType) -> Line:
    """Fork the candidate's process, before this one knows anything of the test; return the line to it."""
    request_reader, requests = os.pipe()
    answers, answer_writer = os.pipe()
    module = types.ModuleType("solution")
    module.__file__ = os.path.abspath("solution.py")
    _set_dumpable(False)
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        _set_dumpable(True)  # /dev/stdin and /proc/self refuse a process that is not
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(2, 1)
        first = 3
        for kept in sorted((request_reader, answer_writer)):
            os.closerange(first, kept)
            first = kept + 1
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
        sys.modules["solution"] = module
        sys.path.insert(0, os.getcwd())
        solvent_host.serve(request_reader, answer_writer, program, module)
        os._exit(0)
    os.close(request_reader)
    os.close(answer_writer)
    return Line(requests, os.fdopen(answers, "rb"))


def _set_dumpable(value: bool) -> None:
    if ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, int(value), 0, 0, 0) != 0:
        raise OSError("cannot close this process to the candidate's")


def run_call(line: Line, test: dict[str, Any]) -> dict[str, Any]:
    """Return the candidate's answer to one call, unread: the judge compares."""
    line.send({"do": "call", "name": test["entry"], **test["call"]})
    answer = line.receive()
    kept = ("raised", "message") if "raised" in answer else ("message",)
    return {key: answer[key] for key in kept if key in answer}


def run_code(line: Line, found: dict[str, Any], test: dict[str, Any]) -> dict[str, Any]:
    """Run test code against stand-ins for what the candidate defines; return the outcome."""
    try:
        tree = ast.parse(test["code"], "<test>")
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        namespace = vars(module)
        namespace.update(test["names"])
        _add_candidate(namespace, line, found, test["entry"], needed(tree))
        line.shows_changes = looks_at_arguments(tree)
        exec(compile(tree, "<test>", "exec"), namespace)  # noqa: S102  the problem's own text
        _run_collected(namespace, tree)
    except SystemExit as error:  # of unittest.main; the candidate's own never comes here
        outcome = {"outcome": "failed", "reason": "the test failed"} if error.code else {"outcome": "passed"}
    except BaseException as error:  # noqa: BLE001
        outcome = _outcome(error)
    else:
        outcome = {"outcome": "passed"}
    if line.gone:
        # Whatever the test made of it: it may catch anything.
        return {"outcome": "error", "reason": "the solution's process ended before its function returned"}
    return outcome


def _add_candidate(namespace: dict[str, Any], line: Line, found: dict[str, Any], entry: str, needed: set[str]) -> None:
    """Put stand-ins for what the test needs of the candidate's names into the test's."""
    functions = {str(name): bool(coroutine) for name, coroutine in found["functions"]}
    line.make_classes({str(name): [str(base) for base in bases] for name, bases in found["classes"].items()})
    for name in needed - set(namespace) - {entry, "candidate"}:
        if name in functions:
            namespace[name] = line.function(name, coroutine=functions[name])
        elif name in line.classes:
            namespace[name] = line.classes[name]
        elif name in found["values"]:
            namespace[name] = decode(found["values"][name])
        elif name in found["others"]:
            namespace[name] = line.value(line.ask(do="get", name=name))
        elif name in found["modules"] and found["modules"][name] == ALIASES.get(name, name):
            with contextlib.suppress(ImportError):
                namespace[name] = importlib.import_module(str(found["modules"][name]))
    as_class = line.classes[entry] if line.by_reference and entry in line.named else None
    function = as_class or line.function(entry, coroutine=functions.get(entry, False))
    namespace[entry] = namespace["candidate"] = function


def starter_names(starter: str) -> dict[str, Any]:
    """Return what the problem's own starter code defines: its helpers are the problem's word, not the candidate's."""
    for text in (starter, starter + "\n    pass\n"):
        namespace: dict[str, Any] = {"__name__": "starter"}
        try:
            exec(compile(text, "<starter>", "exec"), namespace)  # noqa: S102  the problem's own text
        except SyntaxError:
            continue
        except Exception:  # noqa: BLE001  starter code that does not run by itself gives no names
            break
        return {name: value for name, value in namespace.items() if not name.startswith("__")}
    return {}


def _run_collected(namespace: dict[str, Any], tree: ast.Module) -> None:
    """Run the tests that the code only defines, as a test runner would."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    unittest = sys.modules.get("unittest")
    for name in defined:
        value = namespace.get(name)
        if isinstance(value, types.FunctionType) and name.startswith("test") and name not in used:
            if not value.__code__.co_argcount:
                value()
        elif unittest is not None and isinstance(value, type) and issubclass(value, unittest.TestCase):
            result = unittest.TestResult()
            unittest.defaultTestLoader.loadTestsFromTestCase(value).run(result)
            for case, text in (*result.failures, *result.errors):
                raise AssertionError(f"{case}: {text.strip().splitlines()[-1]}")


def _outcome(error: BaseException) -> dict[str, Any]:
    with contextlib.suppress(Exception):  # it only shows, and the candidate may have spoilt the stream's file
        traceback.print_exception(error)
    reason = f"{type(error).__name__}: {error}"[:_REASON]
    if isinstance(error, UnsupportedError):
        return {"outcome": "unsupported", "reason": str(error)}
    if isinstance(error, CandidateGone) or getattr(error, "raised_by_candidate", False):
        return {"outcome": "error", "reason": reason}
    return {"outcome": "failed", "reason": reason}


def run_tests(line: Line, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the answer to each test, run against a fresh copy of the loaded module; ends where the process is lost."""
    try:
        found = line.receive()
    except CandidateGone:
        yield {"outcome": "error", "reason": "the solution's process ended while it was loaded"}
        return
    if "raised" in found:
        reason = f"the solution does not load: {found.get('raised')}: {found.get('message')}"
        yield from [{"outcome": "error", "reason": reason[:_REASON]}] * len(request["tests"])
        return
    only = len(request["tests"]) == 1
    for test in request["tests"]:
        began, shown = time.monotonic(), _stderr_size()
        try:
            answer = _run_test(line, found, {**test, "entry": request["entry"]}, request["starter"], only=only)
            if not only:
                line.end()
        except CandidateGone as error:
            yield _outcome(error)
            return
        yield {**answer, "wall_s": round(time.monotonic() - began, 6), "stderr": [shown, _stderr_size()]}


def _stderr_size() -> int:
    """Return how much has been written to standard error, 0 where that is no file."""
    status = os.fstat(2)
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _run_test(line: Line, found: dict[str, Any], test: dict[str, Any], starter: str, *, only: bool) -> dict[str, Any]:
    line.gone = False
    if "call" in test:
        line.send({"do": "begin", "only": only, "shared": [], "by_reference": False})
        line.receive()
        return run_call(line, test)
    names = starter_names(starter)
    own = {name: value for name, value in names.items() if isinstance(value, type) and value.__module__ == "starter"}
    line.shared = {name: value for name, value in own.items() if _is_data_class(value, test["entry"])}
    line.classes = {name: value for name, value in own.items() if issubclass(value, BaseException)}
    # Classes that the solution has to write, or whose objects cannot be copied, stay where the solution is.
    theirs = {
        name
        for name in found["classes"]
        if name not in names or (name in own and name not in line.shared and not issubclass(own[name], _CONTENT))
    }
    tree = ast.parse(test["code"])
    wanted, entry = needed(tree) - {test["entry"], "candidate"}, {test["entry"]}
    line.named = theirs & (wanted | entry)
    line.by_reference = bool(wanted & {*theirs, *found["others"]} or (entry & theirs and uses_objects(tree)))
    line.send({"do": "begin", "only": only, "shared": list(line.shared), "by_reference": line.by_reference})
    line.receive()
    return run_code(line, found, {**test, "names": {key: names[key] for key in names if key not in theirs}})


_CONTENT = (tuple, list, dict, set, frozenset, int, float, str, bytes, BaseException)


def _is_data_class(cls: type, entry: str) -> bool:
    return type(cls) is type and not issubclass(cls, _CONTENT) and cls.__name__ != entry and not hasattr(cls, entry)


def main() -> None:
    """Start the candidate, read the request, run its tests, write an answer a line; leave whatever is left running."""
    answer_to = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # from the candidate: no KeyboardInterrupt inside a test
    program, refused = None, ""
    try:
        with open("solution.py", "rb") as file:
            program = compile(file.read(), "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        refused = "".join(traceback.format_exception_only(error)).replace('"solution.py"', "the solution").strip()
    line = start_candidate(program) if program is not None else None
    with os.fdopen(0, "rb", closefd=False) as file:
        request = json.loads(file.read())
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    answers = iter([{"outcome": "compile", "reason": refused}]) if line is None else run_tests(line, request)
    for answer in answers:
        data = json.dumps({"token": request["token"], "answer": answer}).encode() + b"\n"
        while data:
            data = data[os.write(answer_to, data) :]
    os._exit(0)
