"""Plain Python values as JSON and back: all that passes between a candidate's process, the test and the judge.

JSON's own types stand for themselves; others are objects with one key that names the type. Nothing here can make the
reader run code, so a value from a candidate is only ever a value.
"""

import collections
import decimal
import fractions
import math
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100
MAX_ITEMS = 1_000_000
"""Of an iterator, which could be endless."""


class NotPlainError(Exception):
    """The value is of a type that cannot be passed on."""


def encode(value: Any, depth: int = 0) -> Any:
    """Return JSON for `value`. Subclasses count as their base (Counter: dict), iterators are read to their end.

    Raises:
        NotPlainError: it holds something that is no plain value.
    """
    if value is None or type(value) in (bool, str):
        return value
    if depth > MAX_DEPTH:
        raise NotPlainError("a value nested more than 100 levels deep")
    if isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, dict):
        return {"dict": [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()]}
    if isinstance(value, list):
        return [encode(item, depth + 1) for item in value]
    for kind, name in _SEQUENCES:
        if isinstance(value, kind):
            return {name: [encode(item, depth + 1) for item in value]}
    return _encode_rare(value, depth)


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_SEQUENCES = (
    (tuple, "tuple"),
    (set, "set"),
    (frozenset, "frozenset"),
    (collections.deque, "deque"),
    (range, "range"),
)


def _encode_rare(value: Any, depth: int) -> Any:
    if isinstance(value, bytes | bytearray):
        return {type(value).__name__ if type(value) in (bytes, bytearray) else "bytes": bytes(value).hex()}
    if isinstance(value, complex):
        return {"complex": [encode(value.real), encode(value.imag)]}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, fractions.Fraction):
        return {"fraction": [value.numerator, value.denominator]}
    if isinstance(value, _VIEWS) or hasattr(value, "__next__"):
        items = []
        for item in value:
            items.append(encode(item, depth + 1))
            if len(items) > MAX_ITEMS:
                raise NotPlainError("an iterator of more than a million items")
        return {"iterator": items}
    raise NotPlainError(f"a value of type {type(value).__name__}")


def decode(data: Any) -> Any:
    """Return the value that `data` stands for.

    Raises:
        ValueError: it is not what `encode` returns.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise ValueError("not an encoded value")
    [(name, content)] = data.items()
    try:
        return _DECODERS[name](content)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not an encoded value: {name!r}") from error


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "dict": lambda items: {decode(key): decode(item) for key, item in items},
    "tuple": lambda items: tuple(decode(item) for item in items),
    "set": lambda items: {decode(item) for item in items},
    "frozenset": lambda items: frozenset(decode(item) for item in items),
    "deque": lambda items: collections.deque(decode(item) for item in items),
    "range": lambda items: _range(items),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": lambda parts: complex(decode(parts[0]), decode(parts[1])),
    "decimal": decimal.Decimal,
    "fraction": lambda parts: fractions.Fraction(parts[0], parts[1]),
    "iterator": lambda items: iter([decode(item) for item in items]),
}


def _range(items: list[int]) -> range:
    if not items:
        return range(0)
    step = items[1] - items[0] if len(items) > 1 else 1
    return range(items[0], items[-1] + (1 if step > 0 else -1), step)
