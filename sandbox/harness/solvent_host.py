"""The candidate's process: loads `solution.py` and calls its functions when asked.

As a script (`solvent_host.py READ WRITE`) it answers requests, one JSON object a line, on two descriptors. What the
candidate prints goes to standard error; whatever it writes to the answers is only ever its own answer.
"""

import json
import os
import sys
import traceback
import types
from typing import Any

from solvent_values import (  # type: ignore[import-not-found]  # beside this file only in the box
    NotPlainError,
    decode,
    encode,
)

sys.set_int_max_str_digits(0)


def load() -> types.ModuleType:
    """Return the candidate's module."""
    module = types.ModuleType("solution")
    module.__file__ = os.path.abspath("solution.py")
    sys.modules["solution"] = module
    with open("solution.py", "rb") as file:
        source = file.read()
    exec(compile(source, "solution.py", "exec"), module.__dict__)  # noqa: S102  this is what the process is for
    return module


def failure(error: BaseException) -> dict[str, Any]:
    """Return the answer for an exception of the candidate, and show it on standard error."""
    traceback.print_exception(error)
    known = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
    return {"raised": type(error).__name__, "kinds": known, "message": str(error)[:2000]}


def call(module: types.ModuleType, name: str, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Call a function of the candidate with encoded arguments; return the encoded answer.

    The answer holds `value`, and in `changed` the arguments that the function changed in place, by position.
    """
    try:
        function = getattr(module, name)
        values = [decode(argument) for argument in arguments]
        result = function(*values, **{key: decode(value) for key, value in keywords.items()})
        answer = {"value": encode(result)}
        changed = {}
        for position, (value, before) in enumerate(zip(values, arguments, strict=True)):
            if isinstance(value, list | dict | set) and (after := encode(value)) != before:
                changed[str(position)] = after
    except NotPlainError as error:
        return {"raised": "NotPlainError", "kinds": [], "message": f"the function returned {error}"}
    except BaseException as error:  # noqa: BLE001  also SystemExit: a candidate must not end the judging
        return failure(error)
    else:
        return {**answer, "changed": changed}


def names(module: types.ModuleType) -> dict[str, Any]:
    """Return the module's names: functions, modules, plain values, and others."""
    found: dict[str, Any] = {"functions": [], "modules": {}, "values": {}, "others": []}
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        if isinstance(value, types.ModuleType):
            found["modules"][name] = value.__name__
        elif isinstance(value, types.FunctionType | types.BuiltinFunctionType):
            found["functions"].append(name)
        elif hasattr(value, "__next__"):
            found["others"].append(name)
        else:
            try:
                found["values"][name] = encode(value)
            except NotPlainError:
                found["others"].append(name)
    return found


def run_tests(module: types.ModuleType, code: str, entry: str, token: str) -> dict[str, Any]:
    """Run test code in this very process, for tests that need the candidate's classes."""
    namespace = vars(module)
    namespace["candidate"] = namespace.get(entry)
    try:
        exec(compile(code, "test.py", "exec"), namespace)  # noqa: S102
    except BaseException as error:  # noqa: BLE001
        return failure(error)
    return {"passed": token}


def serve(requests: int, answers: int) -> None:
    """Answer requests until they end."""
    with os.fdopen(requests, "rb") as source, os.fdopen(answers, "wb", buffering=0) as target:
        module = types.ModuleType("solution")
        for line in source:
            request = json.loads(line)
            if request["do"] == "load":
                try:
                    module = load()
                    answer: dict[str, Any] = names(module)
                except BaseException as error:  # noqa: BLE001
                    answer = failure(error)
            elif request["do"] == "call":
                answer = call(module, request["name"], request["arguments"], request["keywords"])
            else:
                answer = run_tests(module, request["code"], request["entry"], request["token"])
            target.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
