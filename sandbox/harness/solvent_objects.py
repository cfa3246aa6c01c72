"""Values that hold objects of the problem's own classes (a tree's nodes), and references to what cannot travel."""

from collections.abc import Mapping
from typing import Any

from solvent_values import (  # type: ignore[import-not-found]  # beside this file only in the box
    Refer,
    Resolve,
    decode,
    encode,
)

Message = tuple[list[Any], list[Any]]
"""Encoded values, and the table of the objects in them: [class, attributes]. As a table since lists nest deep."""


def encode_all(values: list[Any], classes: Mapping[str, type], refer: Refer) -> Message:
    """Return the message for `values`; objects of `classes` go by value, others are `refer`'s.

    Raises:
        NotPlainError: it holds something that is no plain value.
    """
    table: list[Any] = []
    numbers: dict[int, int] = {}
    pending: list[Any] = []

    def refer_object(value: Any) -> Any:
        if type(value) is not classes.get(type(value).__name__):
            return refer(value)
        if id(value) not in numbers:
            numbers[id(value)] = len(pending)
            pending.append(value)
        return {"object": numbers[id(value)]}

    encoded = [encode(value, refer_object) for value in values]
    for value in pending:  # grows meanwhile
        attributes = {name: encode(content, refer_object) for name, content in _attributes(value).items()}
        table.append([type(value).__name__, attributes])
    return encoded, table


def decode_all(message: Any, classes: Mapping[str, type], resolve: Resolve) -> list[Any]:
    """Return the values of a message.

    Raises:
        ValueError: it is not what `encode_all` returns.
    """
    try:
        encoded, table = message
        # All first, then their attributes: they may refer to each other.
        objects: list[Any] = [object.__new__(classes[name]) for name, _ in table]

        def resolve_object(name: str, content: Any) -> Any:
            return objects[content] if name == "object" else resolve(name, content)

        for value, (_, attributes) in zip(objects, table, strict=True):
            for name, content in attributes.items():
                # What the class defines is the problem's: no object brings a method of its own.
                if name.startswith("__") or callable(getattr(type(value), name, None)):
                    raise ValueError("not an attribute")
                object.__setattr__(value, name, decode(content, resolve_object))
        return [decode(value, resolve_object) for value in encoded]
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("not an encoded message") from error


def replace(target: Any, value: Any) -> None:
    """Give a list, dict, set or object the content of another of its type."""
    if isinstance(target, list) and isinstance(value, list):
        target[:] = value
    elif isinstance(target, dict | set) and type(target) is type(value):
        target.clear()
        target.update(value)
    elif type(target) is type(value) and _attributes(target):
        for name, content in _attributes(value).items():
            object.__setattr__(target, name, content)


def _attributes(value: Any) -> dict[str, Any]:
    found = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return found
