"""The test's side of the line to the candidate's process: calls, plain values, callbacks, exceptions."""

import builtins
import json
import os
import types
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from solvent_objects import (  # type: ignore[import-not-found]  # beside this file only in the box
    decode_all,
    encode_all,
    replace,
)
from solvent_stand_ins import StandIn, StandInType, UnsupportedError  # type: ignore[import-not-found]  # as above
from solvent_values import NotPlainError  # type: ignore[import-not-found]  # as above


class CandidateGone(BaseException):
    """The candidate's process ended. No `except Exception` of a test shall take it for a failing call."""


class CandidateFailedError(Exception):
    """The candidate raised something of its own; stands for it in the test."""


class Line:
    """The line to the candidate's process.

    Args:
        requests: descriptor to write to.
        answers: read from there.
    """

    def __init__(self, requests: int, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self.gone = False
        """Whether the process ended or answered what is no answer; then no test can have passed."""
        self.by_reference = False
        """Whether objects of the candidate's classes stay with it and are referred to."""
        self.named: set[str] = set()
        """Classes of the candidate that the test itself names: its functions may return objects of these."""
        self.shows_changes = False
        """Whether a call that returns a value also shows the test what it changed in its arguments."""
        self.shared: dict[str, type] = {}
        """Classes of the problem, whose objects go by value."""
        self.classes: dict[str, type] = {}
        """Stand-ins of the candidate's classes, and exception classes of the problem."""
        self._functions: list[Callable[..., Any]] = []

    def send(self, request: dict[str, Any]) -> None:
        """Write a request.

        Raises:
            CandidateGone: nobody reads it.
        """
        data = json.dumps(request).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except OSError as error:
            raise self._lost("the solution's process ended before its function returned") from error

    def receive(self) -> dict[str, Any]:
        """Return the next answer.

        Raises:
            CandidateGone: there is none.
        """
        try:
            answer = json.loads(self._answers.readline())
        except (OSError, ValueError, RecursionError) as error:
            raise self._lost("the solution's process ended before its function returned") from error
        if not isinstance(answer, dict) or "ended" in answer:
            raise self._lost("the solution's process ended before its function returned")
        return answer

    def end(self) -> None:
        """Wait until the process that served a test has ended.

        Raises:
            CandidateGone: not even its parent is there.
        """
        self.send({"do": "end"})
        while "ended" not in self.receive_any():
            pass

    def receive_any(self) -> dict[str, Any]:
        """Return the next answer, whatever it is; {} where it is none."""
        line = self._answers.readline()
        if not line:
            raise self._lost("the solution's process is gone")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            return {}
        return answer if isinstance(answer, dict) else {}

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request, calling the test's functions back meanwhile.

        Raises:
            CandidateGone: there is none.
            Exception: what stands for the candidate's.
        """
        self.send(request)
        while "callback" in (answer := self.receive()):
            self.send(self._call_back(answer))
        if "raised" in answer:
            raise self._exception(answer)
        return answer

    def call(self, target: dict[str, Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function of the candidate."""
        message = self.encode([*arguments, *keywords.values()])
        answer = self.ask(do="call", message=message, named=list(keywords), **target)
        value = self.value(answer)
        if isinstance(value, StandIn) and "name" in target and type(value).__name__ not in self.named:
            raise _mark(CandidateFailedError(f"the function returned an object of type {type(value).__name__}"))
        if value is None or self.shows_changes:
            try:
                for position, changed in dict(answer.get("changed", {})).items():
                    replace(arguments[int(position)], self.decode(changed)[0])
            except (LookupError, TypeError, ValueError) as error:
                raise self._lost("the solution's process answered what is no answer") from error
        return value

    def operate(self, operation: str, *values: Any) -> Any:
        """Do something with an object of the candidate."""
        return self.value(self.ask(do="operate", operation=operation, message=self.encode(list(values))))

    def value(self, answer: dict[str, Any]) -> Any:
        """Return the value of an answer."""
        try:
            [value] = self.decode(answer["message"])
        except (LookupError, ValueError, TypeError, RecursionError) as error:
            raise self._lost("the solution's process answered what is no answer") from error
        return value

    def encode(self, values: list[Any]) -> Any:
        """Return the message for values of the test.

        Raises:
            UnsupportedError: one of them cannot be passed on.
        """
        try:
            return encode_all(values, self.shared, self._refer)
        except NotPlainError as error:
            raise UnsupportedError(f"the test passes {error} to the solution, which is in another process") from error

    def decode(self, message: Any) -> list[Any]:
        """Return the values of a message."""
        return list(decode_all(message, self.shared, self._resolve))

    def function(self, name: str, *, coroutine: bool = False) -> Any:
        """Return a stand-in for a function of the candidate."""

        def stand_in(*arguments: Any, **keywords: Any) -> Any:
            return self.call({"name": name}, arguments, keywords)

        async def coroutine_stand_in(*arguments: Any, **keywords: Any) -> Any:
            return stand_in(*arguments, **keywords)

        function = coroutine_stand_in if coroutine else stand_in
        function.__name__ = function.__qualname__ = name
        return function

    def make_classes(self, found: Mapping[str, list[str]]) -> None:
        """Make stand-ins for the candidate's classes, from the names of their bases."""
        for name in sorted(found, key=lambda name: len(found[name])):
            if name in self.classes:
                continue
            bases = [base for base in found[name] if base != name]
            known = next((self.classes[base] for base in bases if base in self.classes), None)
            exceptions = [kind for base in bases if (kind := _builtin_exception(base)) is not None]
            if exceptions:
                self.classes[name] = type(name, (known or exceptions[0],), {})
            else:
                self.classes[name] = StandInType(name, (known or StandIn,), {"_line": self, "__module__": "solution"})

    def _refer(self, value: Any) -> Any:
        if isinstance(value, StandIn):
            return {"handle": object.__getattribute__(value, "_handle")}
        if isinstance(value, StandInType):
            return {"class": value.__name__}
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | types.MethodType) or (
            callable(value) and type(value).__module__ in ("functools", "operator")
        ):
            self._functions.append(value)
            return {"function": len(self._functions) - 1}
        return None

    def _resolve(self, name: str, content: Any) -> Any:
        if not self.by_reference or name not in ("class", "handle"):
            raise LookupError(name)
        if name == "class":
            return self.classes[content]
        number, kind = content
        if not isinstance(number, int):
            raise TypeError("not a reference")
        cls = self.classes.get(kind, StandIn)
        value = object.__new__(cls if issubclass(cls, StandIn) else StandIn)
        object.__setattr__(value, "_line", self)
        object.__setattr__(value, "_handle", number)
        return value

    def _call_back(self, answer: dict[str, Any]) -> dict[str, Any]:
        try:
            function = self._functions[answer["callback"]]
            values, named = self.decode(answer["message"]), list(answer["named"])
        except (LookupError, TypeError, ValueError) as error:
            raise self._lost("the solution's process answered what is no answer") from error
        positional, keywords = values[: len(values) - len(named)], values[len(values) - len(named) :]
        try:
            return {
                "do": "return",
                "message": self.encode([function(*positional, **dict(zip(named, keywords, strict=True)))]),
            }
        except Exception as error:  # noqa: BLE001  it goes to the caller, who is the candidate
            return {"do": "raise", "raised": type(error).__name__, "error": str(error)[:2000]}

    def _exception(self, answer: dict[str, Any]) -> Exception:
        """Return what stands for an exception of the candidate: the same type where the test can know it."""
        message = answer.get("message")
        kinds = answer.get("kinds")
        for name in kinds if isinstance(kinds, list) else ():
            kind: Any = self.classes.get(str(name)) or _builtin_exception(str(name))
            # An AssertionError would look like one of the test's own.
            if isinstance(kind, type) and issubclass(kind, Exception) and kind not in (Exception, AssertionError):
                for make in (lambda: self.decode([answer["arguments"], []]), lambda: [str(message)]):
                    try:
                        return _mark(kind(*make()))
                    except Exception:  # noqa: BLE001, S112  its constructor wants something else
                        continue
        return _mark(CandidateFailedError(f"{answer.get('raised')}: {message}"))

    def _lost(self, why: str) -> CandidateGone:
        self.gone = True
        return CandidateGone(why)


def _mark(error: Exception) -> Exception:
    error.raised_by_candidate = True  # type: ignore[attr-defined]  # so that the outcome is a run-time error
    return error


def _builtin_exception(name: str) -> type[Exception] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None
