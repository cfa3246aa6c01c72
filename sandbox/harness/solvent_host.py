"""The candidate's side: loads the candidate's module, and calls its functions when asked.

It runs in a process that was forked before the test was read. Requests and answers are JSON, one object a line, on two
descriptors. Whatever the candidate does here, all that it can send is an answer of its own.

Requests: `begin` (serve one test until `end`), `call`, `get` (a module-level name by reference), `operate` (on a value
that stays here). While a call runs, functions of the test that were passed to it are called back: the answer is then
`callback`, and the request `return` or `raise` goes on.
"""

import builtins
import contextlib
import json
import operator
import os
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, BinaryIO

from solvent_objects import decode_all, encode_all  # type: ignore[import-not-found]  # beside this file in the box
from solvent_values import NotPlainError, encode  # type: ignore[import-not-found]  # as above

_TEXT = 2000
_BUILT_IN = (bool, int, float, str, list, tuple, dict, set, type(None))


def failure(error: BaseException) -> dict[str, Any]:
    """Return the answer for an exception of the candidate, and show it on standard error."""
    with contextlib.suppress(BaseException):  # it only shows
        traceback.print_exception(error)
    kinds = [kind.__name__ for kind in type(error).__mro__]
    answer = {"raised": type(error).__name__, "kinds": kinds, "message": str(error)[:_TEXT]}
    with contextlib.suppress(Exception):  # else the message must do
        answer["arguments"] = [encode(argument) for argument in error.args]
    return answer


def names(module: types.ModuleType) -> dict[str, Any]:
    """Return what the module holds: functions, classes, modules, plain values, and others."""
    found: dict[str, Any] = {"functions": [], "classes": {}, "modules": {}, "values": {}, "others": []}
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        if isinstance(value, types.ModuleType):
            found["modules"][name] = value.__name__
        elif isinstance(value, type):
            found["classes"][name] = [base.__name__ for base in value.__mro__]
        elif callable(value):
            found["functions"].append([name, _is_coroutine_function(value)])
        elif hasattr(value, "__next__"):
            found["others"].append(name)
        else:
            try:
                found["values"][name] = encode(value)
            except NotPlainError:
                found["others"].append(name)
    return found


def find_function(module: types.ModuleType, name: str) -> Any:
    """Return a function of the module, or a method of that name of its class `Solution` (as LeetCode has it)."""
    solution: Any = getattr(module, "Solution", None)
    if not hasattr(module, name) and hasattr(solution, name):
        return getattr(solution(), name)
    return getattr(module, name)


def _is_coroutine_function(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and bool(value.__code__.co_flags & 0x80)  # inspect.CO_COROUTINE


class Host:
    """Serves one test of one loaded module.

    Args:
        module: the candidate's.
        requests: they are read from there.
        answers: descriptor to which the answers go.
        begin: the first request. `shared` names the classes that the problem defines and whose objects go by value;
            `by_reference` tells whether objects of other classes of the candidate stay here and are referred to.
    """

    def __init__(self, module: types.ModuleType, requests: BinaryIO, answers: int, begin: dict[str, Any]) -> None:
        self._module = module
        self._requests = requests
        self._answers = answers
        self._by_reference = begin["by_reference"]
        own = {name: getattr(module, name, None) for name in begin["shared"]}
        self._shared = {name: value for name, value in own.items() if isinstance(value, type)}
        self._kept: list[Any] = []

    def serve(self) -> Any:
        """Answer requests until `end`, or until the result of a callback comes; return that result."""
        while line := self._requests.readline():
            request = json.loads(line)
            match request["do"]:
                case "end":
                    return None
                case "return":
                    return self._decode(request["message"])[0]
                case "raise":
                    raise _error_of_test(request)
                case _:
                    answer = self._answer(request)
                    with contextlib.suppress(BaseException):
                        sys.stdout.flush()
                    send(self._answers, answer)
        os._exit(0)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            match request["do"]:
                case "get":
                    return {"message": [[self._keep(getattr(self._module, request["name"]))], []]}
                case "operate":
                    return self._operate(request["operation"], self._decode(request["message"]))
                case _:
                    return self._call(request)
        except NotPlainError as error:
            return {"raised": "NotPlainError", "kinds": [], "message": f"the function returned {error}"}
        except BaseException as error:  # noqa: BLE001  also SystemExit: a candidate must not end the judging
            return failure(error)

    def _operate(self, operation: str, values: list[Any]) -> dict[str, Any]:
        result = _OPERATIONS[operation](*values)
        if operation in ("iter", "getattr", "enter") and not isinstance(result, _BUILT_IN):
            return {"message": [[self._keep(result)], []]}
        return {"message": self._encode([result])}

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the result in `message`, and in `changed` the mutable arguments after the call, by position."""
        values = self._decode(request["message"])
        named = request["named"]
        positional, keywords = values[: len(values) - len(named)], values[len(values) - len(named) :]
        kept = request.get("handle")
        target = find_function(self._module, request["name"]) if kept is None else self._kept[kept]
        result = target(*positional, **dict(zip(named, keywords, strict=True)))
        if isinstance(result, types.CoroutineType):
            import asyncio

            result = asyncio.run(result)
        if self._by_reference and isinstance(target, type):
            return {"message": [[self._keep(result)], []]}
        message = self._encode([result])
        mutable = (list, dict, set, *self._shared.values())
        changed = {}
        for position, value in enumerate(positional):
            if isinstance(value, mutable):
                with contextlib.suppress(NotPlainError):
                    changed[position] = self._encode([value])
        return {"message": message, "changed": changed}

    def _encode(self, values: list[Any]) -> Any:
        return encode_all(values, self._shared, self._refer)

    def _refer(self, value: Any) -> Any:
        if not self._by_reference:
            return None
        own: Any = value if isinstance(value, type) else type(value)
        return self._keep(value) if getattr(own, "__module__", None) == "solution" else None

    def _keep(self, value: Any) -> Any:
        """Return a reference to a value that stays here."""
        name = getattr(value, "__name__", "")
        if isinstance(value, type) and getattr(self._module, name, None) is value:
            return {"class": name}
        self._kept.append(value)
        return {"handle": [len(self._kept) - 1, type(value).__name__]}

    def _decode(self, message: Any) -> list[Any]:
        return list(decode_all(message, self._shared, self._resolve))

    def _resolve(self, name: str, content: Any) -> Any:
        if name == "handle":
            return self._kept[content]
        if name == "class":
            return getattr(self._module, content)
        if name == "function":
            return self._stand_in(content)
        raise LookupError(name)

    def _stand_in(self, number: int) -> Callable[..., Any]:
        """Return what calls a function of the test."""

        def function(*arguments: Any, **keywords: Any) -> Any:
            message = self._encode([*arguments, *keywords.values()])
            send(self._answers, {"callback": number, "named": list(keywords), "message": message})
            return self.serve()

        return function


_OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift", "rshift",
        "neg", "pos", "invert", "eq", "ne", "lt", "le", "gt", "ge", "getitem", "setitem", "delitem", "contains",
    )},
    "getattr": getattr, "setattr": setattr, "delattr": delattr, "str": str, "repr": repr, "len": len, "hash": hash,
    "bool": bool, "iter": iter, "next": next, "abs": abs, "int": int, "float": float,
    "enter": lambda value: type(value).__enter__(value),
    "exit": lambda value: type(value).__exit__(value, None, None, None),
}  # fmt: skip


def _error_of_test(request: dict[str, Any]) -> Exception:
    kind = getattr(builtins, request["raised"], RuntimeError)
    return kind(request["error"]) if issubclass(kind, Exception) else RuntimeError(request["error"])


def send(answers: int, answer: dict[str, Any]) -> None:
    """Write one answer as a line."""
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(answers, data) :]


def serve(requests: int, answers: int, program: types.CodeType, module: types.ModuleType) -> None:
    """Load the module and answer with its names; then serve tests, each from a fork, so that it finds all fresh."""
    with os.fdopen(requests, "rb") as source:
        try:
            exec(program, module.__dict__)  # noqa: S102  this is what the process is for
            answer = names(module)
        except BaseException as error:  # noqa: BLE001
            answer = failure(error)
        send(answers, answer)
        while line := source.readline():
            begin = json.loads(line)
            # The only test is served right here, where threads that the module has started still run.
            pid = 0 if begin["only"] else os.fork()
            if pid == 0:
                send(answers, {})
                Host(module, source, answers, begin).serve()
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            send(answers, {"ended": status})
