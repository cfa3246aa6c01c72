"""Bytes to text to JSON or YAML values, strictly: what one program reads and another refuses is an error here."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Hashable, Iterator
from typing import NoReturn

import yaml
from pydantic import JsonValue

from solvent.errors import DataError
from solvent.problems.readers.place import Place

LARGEST_TEXT_BYTES = 512 * 1024**2
LONGEST_INTEGER = 4000
GZIP_MAGIC = b"\x1f\x8b"
_TEXT_KEYS = frozenset(
    {"id", "title", "statement", "answer", "source", "custom_id", "name", "stdin", "code", "language", "starter_code"}
)
"""YAML scalars under these keys are texts as written: an id 007, a title `No`, an answer `1_000` are no numbers."""

_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool"))
_VALUE_KEYS = frozenset({"arguments", "keywords", "expected", "metadata"})
"""Under these keys stand values of any type, where the rule above does not hold."""


def decode(data: bytes, place: Place) -> str:
    """Return UTF-8 bytes as text, unpacked if gzip, without byte order mark, with newlines as the ends of lines.

    Raises:
        DataError: it is not UTF-8, is damaged gzip, or is larger than 512 MiB.
    """
    if data.startswith(GZIP_MAGIC):
        data = _gunzip(data, place)
    if len(data) > LARGEST_TEXT_BYTES:
        raise place.error(f"is larger than {LARGEST_TEXT_BYTES // 1024**2} MiB", remedy="split it")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise place.error("is UTF-16, not UTF-8", remedy="save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise place.error(f"is not UTF-8: byte {error.start + 1} in line {line}", remedy="save it as UTF-8") from error
    return text.replace("\r\n", "\n")


def _gunzip(data: bytes, place: Place) -> bytes:
    import io

    try:
        with gzip.open(io.BytesIO(data)) as file:
            return file.read(LARGEST_TEXT_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise place.error(f"is damaged gzip: {error}") from error


def parse_json(text: str, place: Place) -> JsonValue:
    """Return the value of a JSON text. NaN, infinities, doubled keys and numbers beyond a double are refused.

    Raises:
        DataError: it is none; the message names line and column.
    """
    try:
        value: JsonValue = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}" if place.row is None else f"column {error.colno}"
        raise place.error(f"is not JSON: {error.msg} ({where})") from error
    except RecursionError as error:
        raise place.error("is not JSON that can be read: nested too deep") from error
    except ValueError as error:  # our refusals, and integers with more digits than Python converts
        raise place.error(f"is not JSON that can be read: {error}") from error
    return value


def parse_json_lines(text: str, place: Place) -> Iterator[tuple[Place, JsonValue | DataError]]:
    """Yield the values of JSON lines with their places; empty lines are passed over, a bad line is an error value."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        here = place.at(number)
        try:
            yield here, parse_json(line, here)
        except DataError as error:
            yield here, error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:30]} is beyond a double")
    return value


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"the number {text[:30]}... has more than {LONGEST_INTEGER} digits")
    return int(text)


def _unique_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        doubled = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # set.add in a scan
        raise ValueError(f"the key {doubled!r} stands twice in one object")
    return result


class _Loader(yaml.SafeLoader):
    """Plain YAML: no aliases (a few lines can unfold to gigabytes), no dates, no doubled keys, texts as written."""

    inside_values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs give it no type
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not read", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        del deep  # always deep: the values of a mapping are complete when it is checked
        keys = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
        result: dict[Hashable, object] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "keys must be texts", key_node.start_mark)
            if key in result:
                message = f"the key {key!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, message, key_node.start_mark)
            result[key] = self._value(key, keys, value_node)
        return result

    def _value(self, key: str, keys: set[str], node: yaml.Node) -> object:
        is_text = not self.inside_values and (key in _TEXT_KEYS or (key == "expected" and "stdin" in keys))
        if is_text and isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TAGS:
            return node.value
        self.inside_values += key in _VALUE_KEYS
        value = self.construct_object(node, deep=True)
        self.inside_values -= key in _VALUE_KEYS
        return value


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct_map(loader: _Loader, node: yaml.Node) -> dict[Hashable, object]:
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)


def parse_yaml(text: str, place: Place) -> JsonValue:
    """Return the value of a YAML text. Aliases, doubled keys and keys that are no texts are refused; dates are texts.

    Raises:
        DataError: it is none; the message names the line.
    """
    loader = _Loader(text)
    try:
        value: JsonValue = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1} column {mark.column + 1})" if mark else ""
        raise place.error(f"is not YAML: {error.problem}{where}") from error
    except yaml.YAMLError as error:
        raise place.error(f"is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise place.error("is not YAML that can be read: nested too deep") from error
    except ValueError as error:
        raise place.error(f"is not YAML that can be read: {error}") from error
    finally:
        loader.dispose()
    return value
