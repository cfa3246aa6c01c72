"""One test of a candidate function. The request is JSON on standard input, the answer JSON on standard output.

A `call` test runs the function in this process and returns its value; the expected value never comes here, the judge
compares. A `code` test runs the test code here and the candidate in another process, which can neither read this one
(it is not dumpable, and the test code is in no file) nor answer in its place: plain values are all that comes back.
"""

import ast
import builtins
import ctypes
import json
import os
import sys
import traceback
from typing import Any

# From here on nothing is imported from this directory, into which the candidate can write.
import solvent_host  # type: ignore[import-not-found]  # beside this file only in the box
from solvent_values import NotPlainError, decode, encode  # type: ignore[import-not-found]  # as above

sys.path.pop(0)
sys.set_int_max_str_digits(0)

_PR_SET_DUMPABLE = 4


class CandidateGone(BaseException):
    """The candidate's process ended. No `except Exception` of a test shall take it for a failing call."""


class CandidateFailedError(Exception):
    """The candidate raised something of its own; stands for it in the test."""


class Candidate:
    """The candidate's process and the line to it."""

    def __init__(self) -> None:
        request_reader, self._requests = os.pipe()
        self._answers, answer_writer = os.pipe()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            os.dup2(2, 1)
            os.set_inheritable(request_reader, True)
            os.set_inheritable(answer_writer, True)
            script = os.path.abspath("solvent_host.py")
            os.execv(  # noqa: S606  no shell is wanted
                sys.executable, [sys.executable, script, str(request_reader), str(answer_writer)]
            )
        os.close(request_reader)
        os.close(answer_writer)
        self._file = os.fdopen(self._answers, "rb")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to one request.

        Raises:
            CandidateGone: there is none.
        """
        data = json.dumps(request).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._requests, data) :]
            answer = json.loads(self._file.readline())
        except (OSError, ValueError, RecursionError) as error:
            raise CandidateGone("the solution's process ended before its function returned") from error
        if not isinstance(answer, dict):
            raise CandidateGone("the solution's process answered out of turn")
        return answer

    def function(self, name: str) -> Any:
        """Return a stand-in for a function of the candidate."""

        def stand_in(*arguments: Any, **keywords: Any) -> Any:
            answer = self.ask(
                do="call",
                name=name,
                arguments=[encode(value) for value in arguments],
                keywords={key: encode(value) for key, value in keywords.items()},
            )
            if "raised" in answer:
                raise _exception(answer)
            for position, after in dict(answer["changed"]).items():
                _replace(arguments[int(position)], decode(after))
            return decode(answer["value"])

        stand_in.__name__ = name
        return stand_in


def _exception(answer: dict[str, Any]) -> Exception:
    """Return what stands for an exception of the candidate: the same built-in type where there is one."""
    for name in answer["kinds"]:
        kind = getattr(builtins, str(name), None)
        # An AssertionError would look like one of the test's own; SystemExit and the like would end the test.
        if isinstance(kind, type) and issubclass(kind, Exception) and kind not in (Exception, AssertionError):
            try:
                error: Exception = kind(answer["message"])
            except TypeError:
                continue
            error.raised_by_candidate = True  # type: ignore[attr-defined]  # a mark for `_outcome`
            return error
    failed = CandidateFailedError(f"{answer['raised']}: {answer['message']}")
    failed.raised_by_candidate = True  # type: ignore[attr-defined]  # a mark for `_outcome`
    return failed


def _replace(target: Any, value: Any) -> None:
    """Give a list, dict or set the content that the candidate left in its copy."""
    if isinstance(target, list) and isinstance(value, list):
        target[:] = value
    elif isinstance(target, dict | set) and type(target) is type(value):
        target.clear()
        target.update(value)


def _needed(code: str) -> set[str]:
    """Return the names that test code takes from outside."""
    tree = ast.parse(code)
    used: set[str] = set()
    own = set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else own).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.alias):
            own.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            own.add(node.name)
    return used - own


def _starter_names(starter: str) -> dict[str, Any]:
    """Return what the problem's own starter code defines: its helpers are the problem's word, not the candidate's."""
    namespace: dict[str, Any] = {"__name__": "starter"}
    for text in (starter, starter + "\n    pass\n"):
        try:
            program = compile(text, "starter.py", "exec")
        except (SyntaxError, ValueError):
            continue
        try:
            exec(program, namespace)  # noqa: S102  the problem's own text
        except Exception:  # noqa: BLE001  starter code that does not run by itself gives no names
            return {"__name__": "starter"}
        break
    return namespace


def _code_test(request: dict[str, Any]) -> dict[str, Any]:
    libc = ctypes.CDLL(None)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        return {"outcome": "fault", "reason": "cannot close this process to the candidate's"}
    candidate = Candidate()
    found = candidate.ask(do="load")
    if "raised" in found:
        return _load_failed(found)
    entry, code = request["entry"], request["code"]
    namespace = _starter_names(request["starter"])
    needed = _needed(code) - set(namespace) - {entry, "candidate"}
    if needed & set(found["others"]):
        return _in_one_process(candidate, request)
    for name in needed & set(found["functions"]):
        namespace[name] = candidate.function(name)
    for name in needed & set(found["values"]):
        namespace[name] = decode(found["values"][name])
    for name in needed & set(found["modules"]):
        if str(found["modules"][name]).split(".")[0] in sys.stdlib_module_names:
            namespace[name] = __import__(found["modules"][name], fromlist=["x"])
    namespace[entry] = namespace["candidate"] = candidate.function(entry)
    namespace["__name__"] = "__main__"
    try:
        exec(compile(code, "test.py", "exec"), namespace)  # noqa: S102  the problem's own text
    except NotPlainError:
        return _in_one_process(Candidate(), request)
    except BaseException as error:  # noqa: BLE001
        return _outcome(error)
    return {"outcome": "passed"}


def _in_one_process(candidate: Candidate, request: dict[str, Any]) -> dict[str, Any]:
    """Run the test in the candidate's process, since it needs more than plain values of it."""
    token = os.urandom(16).hex()
    if "raised" in (found := candidate.ask(do="load")):
        return _load_failed(found)
    answer = candidate.ask(do="test", code=request["code"], entry=request["entry"], token=token)
    if answer.get("passed") == token:
        return {"outcome": "passed", "shared_process": True}
    failed = "AssertionError" in answer.get("kinds", [])
    reason = f"{answer.get('raised')}: {answer.get('message')}"
    return {"outcome": "failed" if failed else "error", "reason": reason, "shared_process": True}


def _load_failed(answer: dict[str, Any]) -> dict[str, Any]:
    return {"outcome": "error", "reason": f"the solution does not load: {answer['raised']}: {answer['message']}"}


def _outcome(error: BaseException) -> dict[str, Any]:
    traceback.print_exception(error)
    reason = f"{type(error).__name__}: {error}"[:2000]
    if isinstance(error, CandidateGone) or getattr(error, "raised_by_candidate", False):
        return {"outcome": "error", "reason": reason}
    return {"outcome": "failed", "reason": reason}


def _call_test(request: dict[str, Any]) -> dict[str, Any]:
    sys.path.insert(0, os.getcwd())
    try:
        module = solvent_host.load()
    except BaseException as error:  # noqa: BLE001
        return dict(solvent_host.failure(error))
    return dict(solvent_host.call(module, request["entry"], request["arguments"], request["keywords"]))


def main() -> None:
    """Read the request, run the test, write the answer, and leave whatever the candidate left running."""
    answer_to = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(0, "rb", closefd=False) as file:
        request = json.loads(file.read())
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    try:
        answer = _call_test(request) if request["do"] == "call" else _code_test(request)
    except BaseException as error:  # noqa: BLE001
        answer = _outcome(error)
    data = json.dumps({**answer, "token": request["token"]}).encode()
    while data:
        data = data[os.write(answer_to, data) :]
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
