"""Plain Python values as JSON and back: all that passes between a candidate's process, the test and the judge.

JSON's own types stand for themselves; others are objects with one key that names the type. Nothing here can make the
reader run code, so a value from a candidate is only ever a value.
"""

import collections
import decimal
import fractions
import json
import math
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100
MAX_ITEMS = 1_000_000
"""Of an iterator, which could be endless."""
_PLAIN_INTEGER = 1 << 63
"""Larger ones travel in hexadecimal, since Python reads and writes decimals in quadratic time."""
_KEY_BYTES = 4096
"""Of a dictionary's key that is no plain scalar."""

Refer = Callable[[Any], Any]
"""Returns JSON for a value that is not plain, or None."""
Resolve = Callable[[str, Any], Any]
"""Returns the value for such JSON, or raises LookupError."""


class NotPlainError(Exception):
    """The value is of a type that cannot be passed on."""


def encode(value: Any, refer: Refer | None = None, depth: int = 0) -> Any:
    """Return JSON for `value`. Subclasses count as their base (Counter: dict), iterators are read to their end.

    Args:
        value: any value.
        refer: asked first for everything that is not of a built-in type itself.
        depth: of this value in a larger one.

    Raises:
        NotPlainError: it holds something that is no plain value.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_PLAIN_INTEGER < value < _PLAIN_INTEGER else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if depth > MAX_DEPTH:
        raise NotPlainError("a value nested more than 100 levels deep")
    if refer is not None and kind not in _BUILT_IN:
        reference = refer(value)
        if reference is not None:
            return reference
    if isinstance(value, dict):
        pairs = [[encode(key, refer, depth + 1), encode(item, refer, depth + 1)] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, list):
        return [encode(item, refer, depth + 1) for item in value]
    for base, name in _SEQUENCES:
        if isinstance(value, base):
            return {name: [encode(item, refer, depth + 1) for item in value]}
    return _encode_rare(value, refer, depth)


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_SEQUENCES = (
    (tuple, "tuple"),
    (set, "set"),
    (frozenset, "frozenset"),
    (collections.deque, "deque"),
    (range, "range"),
)
_BUILT_IN = {dict, list, tuple, set, frozenset, collections.deque, range, bytes, bytearray, complex, *_VIEWS}


def _encode_rare(value: Any, refer: Refer | None, depth: int) -> Any:
    if isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else bool(value)
    if isinstance(value, int):
        return encode(int(value), None, depth)
    if isinstance(value, float):
        return encode(float(value), None, depth)
    if isinstance(value, bytes | bytearray):
        return {type(value).__name__ if type(value) in (bytes, bytearray) else "bytes": bytes(value).hex()}
    if isinstance(value, complex):
        return {"complex": [encode(value.real), encode(value.imag)]}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, fractions.Fraction):
        return {"fraction": [encode(value.numerator), encode(value.denominator)]}
    if isinstance(value, _VIEWS) or hasattr(type(value), "__next__"):
        items = []
        for item in value:
            items.append(encode(item, refer, depth + 1))
            if len(items) > MAX_ITEMS:
                raise NotPlainError("an iterator of more than a million items")
        return {"iterator": items}
    raise NotPlainError(f"a value of type {type(value).__name__}")


def decode(data: Any, resolve: Resolve | None = None, depth: int = 0) -> Any:
    """Return the value that `data` stands for, of built-in types only (and what `resolve` returns).

    Raises:
        ValueError: it is not what `encode` returns.
    """
    if isinstance(data, list):
        _check_depth(depth)
        return [decode(item, resolve, depth + 1) for item in data]
    if not isinstance(data, dict):
        return data
    _check_depth(depth)
    if len(data) != 1:
        raise ValueError("not an encoded value")
    [(name, content)] = data.items()

    def inner(item: Any) -> Any:
        return decode(item, resolve, depth + 1)

    try:
        if name in _DECODERS:
            return _DECODERS[name](content, inner)
        if resolve is None:
            raise ValueError(f"not an encoded value: {name!r:.40}")
        return resolve(name, content)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not an encoded value: {name!r:.40}") from error


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH + 2:
        raise ValueError("a value nested more than 100 levels deep")


def _range(content: Any, inner: Callable[[Any], Any]) -> range:
    items = [inner(item) for item in content]
    if not items:
        return range(0)
    step = items[1] - items[0] if len(items) > 1 else 1
    found = range(items[0], items[-1] + (1 if step > 0 else -1), step)
    if len(found) != len(items) or list(found) != items:
        raise ValueError("not a range")
    return found


def _fraction(content: Any, inner: Callable[[Any], Any]) -> fractions.Fraction:
    numerator, denominator = content
    return fractions.Fraction(inner(numerator), inner(denominator))


_DECODERS: dict[str, Callable[[Any, Callable[[Any], Any]], Any]] = {
    "int": lambda text, _: _hexadecimal(text),
    "float": lambda text, _: float(text),
    "dict": lambda items, inner: {inner(key): inner(item) for key, item in items},
    "tuple": lambda items, inner: tuple([inner(item) for item in items]),
    "set": lambda items, inner: {inner(item) for item in items},
    "frozenset": lambda items, inner: frozenset([inner(item) for item in items]),
    "deque": lambda items, inner: collections.deque([inner(item) for item in items]),
    "range": _range,
    "bytes": lambda text, _: bytes.fromhex(text),
    "bytearray": lambda text, _: bytearray.fromhex(text),
    "complex": lambda parts, inner: complex(inner(parts[0]), inner(parts[1])),
    "decimal": lambda text, _: decimal.Decimal(text),
    "fraction": _fraction,
    "iterator": lambda items, inner: iter([inner(item) for item in items]),
}


def _hexadecimal(text: Any) -> int:
    if not isinstance(text, str):
        raise TypeError("not a hexadecimal number")
    return int(text, 16)


def to_json(data: Any, depth: int = 0) -> Any:
    """Return the encoded `data` as the JSON value that an expected value is written as.

    Tuples and the like are lists, sets sorted lists, keys strings. No set and no dictionary with keys of the
    candidate's choice is made on the way: their hashes could be chosen to collide.

    Raises:
        ValueError: it is not what `encode` returns.
    """
    _check_depth(depth)
    if isinstance(data, list):
        return [to_json(item, depth + 1) for item in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise ValueError("not an encoded value")
    [(name, content)] = data.items()
    try:
        if name == "dict":
            return {_key(key): to_json(item, depth + 1) for key, item in content}
        if name in ("set", "frozenset"):
            return sorted((to_json(item, depth + 1) for item in content), key=order)
        if name in ("tuple", "deque", "range", "iterator"):
            return [to_json(item, depth + 1) for item in _list(content)]
        if name in ("bytes", "bytearray"):
            return bytes.fromhex(content).decode("latin-1")
        if name == "complex":
            real, imaginary = content
            return [to_json(real, depth + 1), to_json(imaginary, depth + 1)]
        if name in ("decimal", "fraction"):
            return _number_text(name, content)
        return decode(data)
    except (LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not an encoded value: {name!r:.40}") from error


def order(value: Any) -> str:
    """Return a key by which JSON values of any types can be sorted."""
    return json.dumps(value, sort_keys=True)


def _list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError("not a list")
    return content


def _number_text(name: str, content: Any) -> str:
    # Reducing a fraction of forged, huge numbers would take minutes.
    if len(json.dumps(content)) > _KEY_BYTES:
        raise ValueError(f"a {name} of more than {_KEY_BYTES} digits")
    return str(decode({name: content}))


def _key(data: Any) -> str:
    """Return a dictionary's key as JSON writes it."""
    if isinstance(data, str):
        return data
    if len(json.dumps(data)) > _KEY_BYTES:
        raise ValueError("a key that is too long")
    key = decode(data)
    return json.dumps(key) if key is None or isinstance(key, bool | int | float) else str(key)
