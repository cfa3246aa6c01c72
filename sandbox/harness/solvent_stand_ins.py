"""Stand-ins for the candidate's classes and objects, which live in another process.

A stand-in never equals a plain value, has no order with one, and makes none together with one: overridden operators
decide nothing but about the candidate's own objects.
"""

from collections.abc import Callable, Iterator
from typing import Any


class UnsupportedError(BaseException):
    """The test asks for something that cannot be done from another process."""


class StandInType(type):
    """Type of the stand-ins for the candidate's classes."""

    _line: Any

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        """Make an object there."""
        if cls._line.classes.get(cls.__name__) is not cls:
            raise UnsupportedError("the test derives a class from one of the solution's, which is in another process")
        return cls._line.call({"name": cls.__name__}, arguments, keywords)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls._line.operate("getattr", cls, name)

    def __iter__(cls) -> Iterator[Any]:
        return _iterate(cls._line, cls)

    def __getitem__(cls, name: Any) -> Any:
        return cls._line.operate("getitem", cls, name)


class StandIn:
    """Stands for an object of the candidate's."""

    _line: Any
    _handle: int

    def __getattr__(self, name: str) -> Any:
        return self._line.operate("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._line.operate("setattr", self, name, value)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it there."""
        return self._line.call({"handle": self._handle}, arguments, keywords)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and bool(self._line.operate("eq", self, other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return bool(self._line.operate("bool", self))

    def __iter__(self) -> Iterator[Any]:
        return _iterate(self._line, self)

    def __exit__(self, *_: object) -> None:
        self._line.operate("exit", self)


def _iterate(line: Any, value: Any) -> Iterator[Any]:
    iterator = line.operate("iter", value)
    while True:
        try:
            item = line.operate("next", iterator)
        except StopIteration:
            return
        yield item


def _method(operation: str, check: type | tuple[type, ...], *, reflected: bool = False) -> Callable[..., Any]:
    def method(self: StandIn, *others: Any) -> Any:
        if operation in ("lt", "le", "gt", "ge") and not all(isinstance(other, StandIn) for other in others):
            return NotImplemented  # only the candidate's own objects are its to order
        result = self._line.operate(operation, *((*others, self) if reflected else (self, *others)))
        plain = any(not isinstance(other, StandIn) for other in others)
        if operation in _BINARY and plain and not isinstance(result, StandIn):
            # `abs(f(x) - expected) < 1e-9` would be for the candidate to decide.
            return NotImplemented
        if check and not isinstance(result, check):
            raise TypeError(f"{operation} of the solution returned {type(result).__name__}")
        return result

    return method


for _name in ("lt", "le", "gt", "ge", "getitem", "setitem", "delitem", "neg", "pos", "invert", "abs", "enter"):
    setattr(StandIn, f"__{_name}__", _method(_name, ()))
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor")
for _operation in _BINARY:
    _name = _operation.rstrip("_")
    setattr(StandIn, f"__{_name}__", _method(_operation, ()))
    setattr(StandIn, f"__r{_name}__", _method(_operation, (), reflected=True))
for _name, _kind in {
    "str": str,
    "repr": str,
    "len": int,
    "hash": int,
    "int": int,
    "float": float,
    "contains": bool,
}.items():
    setattr(StandIn, f"__{_name}__", _method(_name, _kind))
