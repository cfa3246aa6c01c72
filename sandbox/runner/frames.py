"""Frames of the channel between service and supervisor: a JSON header and any number of byte blobs.

    magic (4) | header length (4, big endian) | body length (8) | header (UTF-8 JSON object) | body

The header's key `blobs` lists the lengths of the blobs, which lie one after the other in the body.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

MAGIC = b"SLV1"
PREFIX = struct.Struct(">4sIQ")
MAX_HEADER = 4 << 20
MAX_BODY = 1 << 30


class FrameError(Exception):
    """The bytes are no frame: the channel is out of step and of no further use."""


class Frame(NamedTuple):
    """One message."""

    header: dict[str, Any]
    blobs: list[Any]
    """`bytes`, or views of one buffer."""


def encode(header: dict[str, Any], blobs: list[bytes] | None = None) -> bytes:
    """Return the bytes of one frame; `blobs` is a reserved key of the header.

    Raises:
        FrameError: it is larger than a frame may be.
    """
    parts = blobs or []
    text = json.dumps({**header, "blobs": [len(part) for part in parts]}, separators=(",", ":")).encode()
    size = sum(len(part) for part in parts)
    if len(text) > MAX_HEADER or size > MAX_BODY:
        raise FrameError(f"frame too large: header {len(text)} bytes, body {size} bytes")
    return b"".join([PREFIX.pack(MAGIC, len(text), size), text, *parts])


def decode_prefix(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of header and body.

    Raises:
        FrameError: these bytes begin no frame.
    """
    try:
        magic, header_size, body_size = PREFIX.unpack(prefix)
    except struct.error as error:
        raise FrameError(f"prefix of {len(prefix)} bytes") from error
    if magic != MAGIC or header_size > MAX_HEADER or body_size > MAX_BODY:
        raise FrameError(f"not the beginning of a frame: {prefix!r}")
    return header_size, body_size


def decode(header: bytes, body: bytes | memoryview) -> Frame:
    """Return the frame whose header and body these are; its blobs are slices of `body`, views where that is one.

    Raises:
        FrameError: the header is no JSON object, or its lengths do not add up to the body.
    """
    try:
        fields = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise FrameError("the header is not JSON") from error
    if not isinstance(fields, dict):
        raise FrameError("the header is no object")
    sizes = fields.pop("blobs", None)
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise FrameError("the header has no list of blob lengths")
    if sum(sizes) != len(body):
        raise FrameError(f"blobs of {sum(sizes)} bytes in a body of {len(body)}")
    blobs, offset = [], 0
    for size in sizes:
        blobs.append(body[offset : offset + size])
        offset += size
    return Frame(fields, blobs)
